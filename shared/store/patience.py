"""Waiting for PostgreSQL: an outage of the store shall cost time, never the work of hours."""

import logging
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from shared.store.database import StoreAwayError

log = logging.getLogger(__name__)

POLL_SECONDS = 1.0
Answer = TypeVar("Answer")


def until_answered(ask: Callable[[], Answer], *, what: str) -> Answer:
    """What `ask` returns, at the first time that the store answers. The time a job may take does not run meanwhile.

    `ask` may be done twice: where an answer was lost, nobody knows whether the store did what it was asked.
    """
    try:
        return ask()
    except StoreAwayError as error:
        log.warning("%s waits for the label store: %s", what, error)
    with untimed():
        while True:
            time.sleep(POLL_SECONDS)
            try:
                answer = ask()
            except StoreAwayError:
                continue
            log.info("%s: the label store answers again", what)
            return answer


@contextmanager
def untimed() -> Iterator[None]:
    """Hold the process's timer, by which RQ ends a job that takes too long."""
    left, _ = signal.setitimer(signal.ITIMER_REAL, 0)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, left)
