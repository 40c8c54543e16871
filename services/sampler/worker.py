"""The sampler: takes x from the task, y0..y3 from a policy version, writes them as one transaction."""

import logging

from shared.domain import Job
from shared.messages import ADAPTER, SampleQueries
from shared.settings import Settings
from shared.store import queries
from shared.store.database import Database
from shared.tasks.continuation import load_task
from shared.training.sampling import sample_queries
from shared.weights import Weights

log = logging.getLogger(__name__)


class Sampler:
    def __init__(self, settings: Settings, db: Database, weights: Weights) -> None:
        self._settings = settings
        self._db = db
        self._weights = weights

    def __call__(self, job: Job) -> None:
        message = ADAPTER.validate_python(job.message)
        if not isinstance(message, SampleQueries):
            raise TypeError(f"the sampler cannot do {message.kind}")
        policy = self._weights.policy(message.policy_version)
        found = sample_queries(
            policy,
            load_task(self._settings.task, policy.tokenizer),
            first=message.first,
            count=message.count,
            settings=self._settings.task,
            sampler=self._settings.sampler,
            seed=self._settings.seed,
        )
        stored = queries.add(self._db, job.key, job.attempt, found, policy_version=message.policy_version)
        log.info("%d of %d queries answered by policy %d", stored, message.count, message.policy_version)
