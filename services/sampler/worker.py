"""The sampler: takes x from the task, y0..y3 from a policy version (some from ρ), writes them as one transaction.

It removes old checkpoints too, where an operator asks for it: of those that reach them it is the least busy.
"""

import logging

from services.sampler.pruning import prune
from shared.checkpoints import Checkpoints
from shared.domain import Job, NewQuery
from shared.line import between_steps
from shared.live import current
from shared.messages import ADAPTER, PruneCheckpoints, SampleQueries
from shared.publishing import stored
from shared.questions.kinds import QUESTIONS
from shared.settings import Settings
from shared.store import queries, versions
from shared.store.database import Database
from shared.tasks.registry import load_task
from shared.training.disagreement import prioritised
from shared.training.sampling import sample_queries
from shared.weights import Weights

log = logging.getLogger(__name__)


class Sampler:
    def __init__(self, settings: Settings, db: Database, weights: Weights) -> None:
        self._base = self._settings = settings
        self._db = db
        self._weights = weights

    def __call__(self, job: Job) -> None:
        self._settings = current(self._db, self._base)
        between_steps(self._db, job)
        match ADAPTER.validate_python(job.message):
            case SampleQueries() as message:
                self._sample(job, message)
            case PruneCheckpoints(request=request):
                prune(self._db, Checkpoints(self._base.checkpoints), job, request, self._settings.keep)
            case message:
                raise TypeError(f"the sampler cannot do {message.kind}")

    def _sample(self, job: Job, message: SampleQueries) -> None:
        version, labels = message.policy_version, self._settings.labels
        policy = self._weights.policy(version)
        found = sample_queries(
            policy,
            self._weights.policy(0) if version > 0 and labels.evaluation_share > 0 else None,
            load_task(self._settings.task, policy.tokenizer),
            first=message.first,
            count=message.count,
            policy_version=version,
            settings=self._settings.task,
            sampler=self._settings.sampler,
            labels=labels,
            seed=self._settings.seed,
        )
        if labels.order == "disagreement":
            found = self._prioritised(found, version)
        stored(self._db, job, lambda: queries.add(self._db, job.key, job.attempt, found, policy_version=version))
        log.info("%d of %d queries answered by policy %d", len(found), message.count, version)

    def _prioritised(self, found: list[NewQuery], version: int) -> list[NewQuery]:
        """By the heads of the r that the policy was trained with, not of the newest: so priorities can be replayed.

        As they are where it was trained with none, as ρ, or with one that has no heads.
        """
        policy = versions.policy(self._db, version)
        if policy is None or policy.reward_version is None:
            return found
        ensemble = self._weights.ensemble(policy.reward_version)
        if ensemble is None:
            return found
        return prioritised(
            found,
            *ensemble,
            question=QUESTIONS[self._settings.labels.kind],
            task_settings=self._settings.task,
            seed=self._settings.seed,
        )
