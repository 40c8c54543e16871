"""The reward trainer: retrains r from ρ on all labels, judges it, publishes or rejects it."""

import logging
from collections.abc import Callable
from pathlib import Path

from shared.checkpoints import Checkpoints
from shared.domain import Job, LabeledQuery
from shared.language.reward_heads import RewardHeads, save_reward_heads
from shared.language.reward_model import RewardModel, save_reward_model
from shared.line import between_steps
from shared.live import current
from shared.messages import ADAPTER, TrainReward
from shared.questions.kinds import QUESTIONS
from shared.settings import Settings
from shared.store import queries, versions
from shared.store.database import Database
from shared.tasks.registry import load_task
from shared.training.disagreement import train_heads
from shared.training.gate import judge
from shared.training.reward_training import RewardTraining, train_reward
from shared.weights import Weights

log = logging.getLogger(__name__)


class RewardTrainer:
    def __init__(self, settings: Settings, db: Database, checkpoints: Checkpoints, weights: Weights) -> None:
        self._base = self._settings = settings
        self._db = db
        self._checkpoints = checkpoints
        self._weights = weights

    def __call__(self, job: Job) -> None:
        message = ADAPTER.validate_python(job.message)
        if not isinstance(message, TrainReward):
            raise TypeError(f"the reward trainer cannot do {message.kind}")
        settings = self._settings = current(self._db, self._base)
        version = message.version
        between_steps(self._db, job)
        watermark = queries.watermark(self._db)
        labels = queries.labeled(self._db, upto=watermark)
        log.info("reward %d: training on %d labels", version, len(labels))
        training = self._trained(job, labels, version)
        verdict = judge(training, question=QUESTIONS[settings.labels.kind])
        figures = {name: getattr(training, name) for name in ("labels", "held_out", "accuracy", "compared")}
        heads = self._heads(training.model, labels, version) if settings.labels.order == "disagreement" else None

        def write(folder: Path) -> None:
            save_reward_model(training.model, folder)
            if heads is not None:
                save_reward_heads(heads, folder)

        published = self._checkpoints.publish(
            "reward",
            version,
            job.attempt,
            write,
            {
                "parent": "policy 0",
                "label_watermark": watermark.label,
                "retraction_watermark": watermark.retraction,
                "status": verdict.status,
                "reason": verdict.reason,
                "losses": training.losses,
                "settings": settings.without_secrets(),
                **figures,
            },
        )
        versions.publish_reward(
            self._db,
            job.key,
            job.attempt,
            version=version,
            status=verdict.status,
            reason=verdict.reason,
            path=published.path,
            sha256=published.sha256,
            watermark=watermark,
            gain=training.model.gain.item(),
            bias=training.model.bias.item(),
            request_id=message.request,
            **figures,
        )
        log.info("reward %d %s: %s", version, verdict.status, verdict.reason)

    def _trained(self, job: Job, labels: list[LabeledQuery], version: int) -> RewardTraining:
        settings, ref_policy = self._settings, self._weights.policy(0)
        return train_reward(
            ref_policy,
            labels,
            load_task(settings.task, ref_policy.tokenizer),
            version=version,
            question=QUESTIONS[settings.labels.kind],
            settings=settings.reward,
            task_settings=settings.task,
            held_out=settings.labels.held_out,
            seed=settings.seed,
            on_step=self._after_step(job, version),
        )

    def _heads(self, model: RewardModel, labels: list[LabeledQuery], version: int) -> RewardHeads | None:
        settings = self._settings
        return train_heads(
            model,
            labels,
            version=version,
            question=QUESTIONS[settings.labels.kind],
            settings=settings.reward,
            task_settings=settings.task,
            held_out=settings.labels.held_out,
            seed=settings.seed,
        )

    def _after_step(self, job: Job, version: int) -> Callable[[int, int, float], None]:
        def after_step(step: int, steps: int, loss: float) -> None:
            if step % max(1, steps // 10) == 0:
                log.info("reward %d: step %d of %d, loss %.3f", version, step, steps, loss)
            between_steps(self._db, job)

        return after_step
