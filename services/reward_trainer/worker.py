"""The reward trainer: retrains r from ρ on all labels, has the gate judge it, publishes or rejects it."""

import logging
import math
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path

import torch

from shared.checkpoints import Checkpoints, Published
from shared.domain import AnsweredQuery, Job, LabeledQuery, LoopError
from shared.language.reward_heads import RewardHeads, save_reward_heads
from shared.language.reward_model import RewardModel, save_reward_model
from shared.line import between_steps
from shared.live import current
from shared.messages import ADAPTER, TrainReward
from shared.publishing import stored, written
from shared.questions.kinds import QUESTIONS
from shared.settings import Settings
from shared.store import queries, shadow, versions
from shared.store.database import Database
from shared.tasks.registry import load_task
from shared.training.disagreement import train_heads
from shared.training.gate import Live, Verdict, judge
from shared.training.reward_training import RewardTraining, score_all, train_reward
from shared.weights import Weights

log = logging.getLogger(__name__)
READ_BACK = 8  # labels whose responses a checkpoint has to score as the model in memory does


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
        recent = shadow.recent(self._db, settings.gate.shadow)
        verdict = self._judged(training, recent)
        between_steps(self._db, job)
        figures = {name: getattr(training, name) for name in ("labels", "held_out", "accuracy", "compared")}
        facts = {
            "parent": "policy 0",
            "label_watermark": watermark.label,
            "retraction_watermark": watermark.retraction,
            "status": verdict.status,
            "reason": verdict.reason,
            "verdict": [asdict(check) for check in verdict.checks],
            "losses": training.losses,
            "settings": settings.without_secrets(),
            **figures,
        }
        heads = self._heads(training.model, labels, version)
        published = self._written(job, version, training.model, heads, facts)
        self._read_back(published, training.model, labels)
        store = partial(
            versions.publish_reward,
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
            verdict=verdict.checks,
            request_id=message.request,
            scores=_scores(verdict, recent),
            **figures,
        )
        stored(self._db, job, store)
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

    def _judged(self, training: RewardTraining, recent: list[AnsweredQuery]) -> Verdict:
        settings, found, live = self._settings, versions.live_reward(self._db), None
        if found is not None:
            live = Live(found.version, self._weights.reward_model(found.version), found.label_watermark)
        return judge(
            training,
            live=live,
            recent=recent,
            question=QUESTIONS[settings.labels.kind],
            settings=settings.gate,
            task_settings=settings.task,
            seed=settings.seed,
        )

    def _written(
        self, job: Job, version: int, model: RewardModel, heads: RewardHeads | None, facts: dict[str, object]
    ) -> Published:
        def write(folder: Path) -> None:
            save_reward_model(model, folder)
            if heads is not None:
                save_reward_heads(heads, folder)

        return written(self._db, job, partial(self._checkpoints.publish, "reward", version, job.attempt, write, facts))

    def _read_back(self, published: Published, model: RewardModel, labels: list[LabeledQuery]) -> None:
        """LoopError where the checkpoint does not score as the model in memory does: a bad disk, not a bad r."""
        few, task = labels[:READ_BACK], self._settings.task
        fault = "its scores differ"
        try:
            read = self._weights.load_reward_model(self._checkpoints.verify(published.path, published.sha256))
            same = torch.equal(_bits(score_all(read, few, task)), _bits(score_all(model, few, task)))
        except (LoopError, OSError, ValueError) as error:
            same, fault = False, str(error)
        if not same:
            raise LoopError(
                f"checkpoint {published.path} is not what was written ({fault}): look at the disk; "
                "the job will be tried again"
            )

    def _heads(self, model: RewardModel, labels: list[LabeledQuery], version: int) -> RewardHeads | None:
        """Heads beside r, where they order the questions."""
        settings = self._settings
        if settings.labels.order != "disagreement":
            return None
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


def _bits(scores: torch.Tensor) -> torch.Tensor:
    """As whole numbers, for what is not a number does not equal itself."""
    return scores.contiguous().view(torch.int32)


def _scores(verdict: Verdict, recent: list[AnsweredQuery]) -> dict[tuple[int, int], float]:
    """Those of recent responses that are numbers, by query id and index."""
    return {
        (query.id, index): score
        for query, row in zip(recent, verdict.shadow.tolist(), strict=True)
        for index, score in enumerate(row[: len(query.responses)])
        if math.isfinite(score)
    }
