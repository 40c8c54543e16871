"""The line is stopped: work under way halts where it stands, and goes on later as if nothing had been."""

import logging
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

from shared.domain import LoopError, Stop
from shared.store import stops
from shared.store.database import Database

log = logging.getLogger(__name__)

POLL_SECONDS = 1.0


def halt_while_stopped(db: Database) -> None:
    """Return when no stop of the line stands: at once, or when somebody resumes. Call it between steps of training.

    The caller's state stays in memory as it is. Meanwhile the job's heartbeats go on in their thread, the worker ends
    in order when it is told to, and the time a job may take does not run. While the store is away nobody knows whether
    the line is stopped, so this waits for it too.
    """
    halted: Stop | None = None
    with _untimed():
        while True:
            try:
                stop = stops.standing(db)
            except LoopError as error:
                log.warning("halted until it is known whether the line is stopped: %s", error)
            else:
                if stop is None:
                    break
                if stop != halted:
                    log.info("halted: %s stopped the line: %s", stop.by, stop.reason)
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
