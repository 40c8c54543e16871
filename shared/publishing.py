"""How the result of hours of training is published: a full disk and an absent store make it wait, nothing loses it."""

import logging
from collections.abc import Callable
from functools import partial

from shared.checkpoints import DiskFullError, Published
from shared.domain import Cause, Job, Service
from shared.line import between_steps
from shared.store import jobs, stops
from shared.store.database import Database
from shared.store.jobs import SupersededError
from shared.store.patience import until_answered

log = logging.getLogger(__name__)

BY = "prefloop"


def written(db: Database, job: Job, write: Callable[[], Published]) -> Published:
    """What `write` returns, a checkpoint on the disk. Where the disk is full, the job's service stops and halts here.

    The weights stay in memory as they are; when an operator resumes, `write` is called again. SupersededError where
    the job was given up or canceled meanwhile.
    """
    while True:
        try:
            return write()
        except DiskFullError as error:
            reason = f"{error} (`prefloop prune` removes old checkpoints), then resume"
            log.error("%s: %s", job.key, reason)
            _stop(db, Service(job.queue), reason)
        between_steps(db, job)


def stored(db: Database, job: Job, store: Callable[[], object]) -> None:
    """Have `store` commit the job's result, again and again while PostgreSQL is away.

    SupersededError where this attempt was given up. Where PostgreSQL went away with its answer to the commit, the job
    is done already when it is asked again.
    """
    asked = False

    def once() -> None:
        nonlocal asked
        again, asked = asked, True
        try:
            store()
        except SupersededError:
            if not (again and jobs.is_done(db, job.key, job.attempt)):
                raise

    until_answered(once, what=job.key)


def _stop(db: Database, service: Service, reason: str) -> None:
    stop = partial(stops.stop, db, by=BY, reason=reason, service=service, cause=Cause.DISK_FULL)
    until_answered(stop, what=service)
