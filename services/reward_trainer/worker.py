"""The reward trainer: retrains r from ρ on all labels, judges it, publishes or rejects it."""

import logging
from collections.abc import Callable
from pathlib import Path

from shared.checkpoints import Checkpoints
from shared.domain import Job
from shared.language.reward_model import save_reward_model
from shared.messages import ADAPTER, TrainReward
from shared.questions.kinds import QUESTIONS
from shared.settings import Settings
from shared.store import queries, versions
from shared.store.database import Database
from shared.tasks.registry import load_task
from shared.training.gate import judge
from shared.training.reward_training import train_reward
from shared.weights import Weights

log = logging.getLogger(__name__)


class RewardTrainer:
    def __init__(self, settings: Settings, db: Database, checkpoints: Checkpoints, weights: Weights) -> None:
        self._settings = settings
        self._db = db
        self._checkpoints = checkpoints
        self._weights = weights

    def __call__(self, job: Job) -> None:
        message = ADAPTER.validate_python(job.message)
        if not isinstance(message, TrainReward):
            raise TypeError(f"the reward trainer cannot do {message.kind}")
        settings, version = self._settings, message.version
        watermark = queries.label_watermark(self._db)
        labels = queries.labeled(self._db, upto=watermark)
        log.info("reward %d: training on %d labels", version, len(labels))
        ref_policy = self._weights.policy(0)
        question = QUESTIONS[settings.labels.kind]
        training = train_reward(
            ref_policy,
            labels,
            load_task(settings.task, ref_policy.tokenizer),
            version=version,
            question=question,
            settings=settings.reward,
            task_settings=settings.task,
            held_out=settings.labels.held_out,
            seed=settings.seed,
            on_step=_report(version),
        )
        verdict = judge(training, question=question, responses=settings.task.responses)
        figures = {name: getattr(training, name) for name in ("labels", "held_out", "accuracy", "compared")}

        def write(folder: Path) -> None:
            save_reward_model(training.model, folder)

        published = self._checkpoints.publish(
            "reward",
            version,
            job.attempt,
            write,
            {
                "parent": "policy 0",
                "label_watermark": watermark,
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
            label_watermark=watermark,
            gain=training.model.gain.item(),
            bias=training.model.bias.item(),
            **figures,
        )
        log.info("reward %d %s: %s", version, verdict.status, verdict.reason)


def _report(version: int) -> Callable[[int, int, float], None]:
    def report(step: int, steps: int, loss: float) -> None:
        if step % max(1, steps // 10) == 0:
            log.info("reward %d: step %d of %d, loss %.3f", version, step, steps, loss)

    return report
