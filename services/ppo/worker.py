"""The PPO worker: imports ρ as version 0, then moves π one segment a job, with the reward version the job names."""

import logging
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch

from shared.checkpoints import Checkpoints
from shared.domain import Job, RewardVersion
from shared.language.policy import Policy, import_policy, save_policy
from shared.line import between_steps
from shared.live import current
from shared.messages import ADAPTER, PublishReference, TrainPolicy
from shared.publishing import stored, written
from shared.settings import Settings
from shared.store import loop, versions
from shared.store.database import Database
from shared.store.patience import until_answered
from shared.tasks.registry import load_task
from shared.training.ppo_segment import BatchStats, train_segment
from shared.training.probes import probe
from shared.training.trainer_state import TrainerState, load_state, new_state, save_state
from shared.weights import Weights

log = logging.getLogger(__name__)
TRAINER = "trainer"  # the folder inside a policy's checkpoint that holds the trainer's state


@dataclass(slots=True)
class Learner:
    """A policy in training, at the end of the segment that made `version`."""

    version: int
    policy: Policy
    state: TrainerState


class PPOWorker:
    """Keeps the learner between jobs, so that the next segment starts without reading its weights again."""

    def __init__(
        self, settings: Settings, db: Database, checkpoints: Checkpoints, weights: Weights, device: torch.device
    ) -> None:
        self._base = self._settings = settings
        self._db = db
        self._checkpoints = checkpoints
        self._weights = weights
        self._device = device
        self._learner: Learner | None = None

    def __call__(self, job: Job) -> None:
        self._settings = current(self._db, self._base)
        match ADAPTER.validate_python(job.message):
            case PublishReference():
                self._publish_reference(job)
            case TrainPolicy() as message:
                self._train(job, message)
            case message:
                raise TypeError(f"the PPO worker cannot do {message.kind}")

    def _publish_reference(self, job: Job) -> None:
        policy = import_policy(self._settings.model.ref_policy).to(self._device)
        task = load_task(self._settings.task, policy.tokenizer)  # one that cannot be asked should fail now, not later
        state = new_state(policy, self._settings.ppo, device=self._device, seed=self._settings.seed)
        probes = probe(policy, None, task, self._settings)
        self._publish(job, Learner(0, policy, state), parent=None, reward=None, stats=[], probes=probes)
        log.info("policy 0 is %s", self._settings.model.ref_policy)

    def _train(self, job: Job, message: TrainPolicy) -> None:
        between_steps(self._db, job)
        learner = self._learner_at(message.parent)
        reward = versions.reward(self._db, message.reward_version)
        reward_model = self._weights.reward_model(message.reward_version)
        task = load_task(self._settings.task, learner.policy.tokenizer)
        self._learner = None  # in motion: worth nothing to anyone unless this job publishes it
        learner.state.reward_version = message.reward_version
        log.info(
            "policy %d: from policy %d at episode %d with reward %d",
            message.version,
            message.parent,
            learner.state.episodes,
            message.reward_version,
        )

        def on_batch(episodes: int, stats: BatchStats) -> None:
            batch = episodes // self._settings.ppo.batch
            record = partial(loop.record_batch, self._db, policy_version=message.version, batch=batch)
            until_answered(partial(record, episodes=episodes, stats=stats.as_dict()), what=job.key)
            log.info("episode %d: score %.3f, kl %.2f, %.1f s", episodes, stats.score, stats.kl, stats.seconds)
            between_steps(self._db, job)

        stats = train_segment(
            learner.policy,
            self._weights.policy(0),
            reward_model,
            task,
            learner.state,
            settings=self._settings.ppo,
            task_settings=self._settings.task,
            on_batch=on_batch,
        )
        learner.version = message.version
        probes = probe(learner.policy, reward_model, task, self._settings)
        self._publish(job, learner, parent=message.parent, reward=reward, stats=stats, probes=probes)
        self._learner = learner

    def _learner_at(self, version: int) -> Learner:
        if self._learner is not None and self._learner.version == version:
            return self._learner
        folder = self._weights.policy_folder(version)
        policy = self._weights.load(folder)
        state = load_state(folder / TRAINER, policy, self._settings.ppo, device=self._device)
        return Learner(version, policy, state)

    def _publish(
        self,
        job: Job,
        learner: Learner,
        *,
        parent: int | None,
        reward: RewardVersion | None,
        stats: list[BatchStats],
        probes: list[versions.Probed],
    ) -> None:
        last = stats[-1] if stats else None

        def write(folder: Path) -> None:
            save_policy(learner.policy, folder)
            save_state(learner.state, folder / TRAINER)

        facts = {
            "parent": parent,
            "reward_version": reward.version if reward else None,
            "label_watermark": reward.label_watermark if reward else None,
            "retraction_watermark": reward.retraction_watermark if reward else None,
            "episodes": learner.state.episodes,
            "kl_coef": learner.state.kl_coef,
            "last_batch": last.as_dict() if last else None,
            "settings": self._settings.without_secrets(),
        }
        publish = partial(self._checkpoints.publish, "policy", learner.version, job.attempt, write, facts)
        published = written(self._db, job, publish)
        store = partial(
            versions.publish_policy,
            self._db,
            job.key,
            job.attempt,
            version=learner.version,
            parent=parent,
            reward_version=reward.version if reward else None,
            path=published.path,
            sha256=published.sha256,
            episodes=learner.state.episodes,
            kl=last.kl if last else 0.0,
            kl_coef=learner.state.kl_coef,
            score=last.score if last else None,
            probes=probes,
        )
        stored(self._db, job, store)
        log.info("policy %d published", learner.version)
