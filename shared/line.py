"""Between the steps of a job: it halts while the line, or its service, is stopped, and ends where it was given up."""

import logging
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

from shared.domain import Job, LoopError, Service, Stop
from shared.store import jobs, stops
from shared.store.database import Database

log = logging.getLogger(__name__)

POLL_SECONDS = 1.0


def between_steps(db: Database, job: Job) -> None:
    """Call it between steps of training: `halt_while_stopped`, then SupersededError where this attempt was given up.

    An operator who rolls back cancels what is under way: it should end now, not be refused at its publication.
    """
    halt_while_stopped(db, Service(job.queue))
    jobs.require_running(db, job.key, job.attempt)


def halt_while_stopped(db: Database, service: Service) -> None:
    """Return when neither the line nor this service is stopped: at once, or when somebody resumes.

    The caller's state stays in memory as it is. Meanwhile the job's heartbeats go on in their thread, the worker ends
    in order when it is told to, and the time a job may take does not run. While the store is away nobody knows whether
    the line is stopped, so this waits for it too.
    """
    halted: Stop | None = None
    with _untimed():
        while True:
            try:
                stop = stops.halting(db, service)
            except LoopError as error:
                log.warning("halted until it is known whether the line is stopped: %s", error)
            else:
                if stop is None:
                    break
                if stop != halted:
                    log.info("halted: %s stopped %s: %s", stop.by, stop.service or "the line", stop.reason)
                halted = stop
            time.sleep(POLL_SECONDS)
    if halted is not None:
        log.info("resumed")


@contextmanager
def _untimed() -> Iterator[None]:
    """Hold the process's timer, by which RQ ends a job that takes too long."""
    left, _ = signal.setitimer(signal.ITIMER_REAL, 0)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, left)
