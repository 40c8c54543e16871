"""Between the steps of a job: it halts while the line, or its service, is stopped, and ends where it was given up."""

import logging
import time

from shared.domain import Job, Service, Stop
from shared.store import jobs, stops
from shared.store.database import Database
from shared.store.patience import until_answered, untimed

log = logging.getLogger(__name__)

POLL_SECONDS = 1.0


def between_steps(db: Database, job: Job) -> None:
    """Call it between steps of training: `halt_while_stopped`, then SupersededError where this attempt was given up.

    An operator who rolls back cancels what is under way: it should end now, not be refused at its publication.
    """
    halt_while_stopped(db, Service(job.queue))
    until_answered(lambda: jobs.require_running(db, job.key, job.attempt), what=job.key)


def halt_while_stopped(db: Database, service: Service) -> None:
    """Return when neither the line nor this service is stopped: at once, or when somebody resumes.

    The caller's state stays in memory as it is. Meanwhile the job's heartbeats go on in their thread, the worker ends
    in order when it is told to, and the time a job may take does not run. While the store is away nobody knows whether
    the line is stopped, so this waits for it too.
    """
    halted: Stop | None = None
    with untimed():
        while stop := until_answered(lambda: stops.halting(db, service), what=service):
            if stop != halted:
                log.info("halted: %s stopped %s: %s", stop.by, stop.service or "the line", stop.reason)
            halted = stop
            time.sleep(POLL_SECONDS)
    if halted is not None:
        log.info("resumed")
