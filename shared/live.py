"""The settings as they are now: those this process was started with, and over them what operators changed since."""

import threading
import time

from shared.settings import Settings
from shared.store import actions
from shared.store.database import Database

EVERY_SECONDS = 2.0


def current(db: Database, started: Settings) -> Settings:
    """Ask once a job, or a tick: within one they stay as they are. LoopError where the store does not answer."""
    return started.changed(actions.overrides(db))


class Live:
    """The same for those who ask all the time: at most EVERY_SECONDS old."""

    def __init__(self, db: Database, started: Settings) -> None:
        self._db = db
        self._started = self._current = started
        self._lock = threading.Lock()
        self._until = 0.0

    def settings(self) -> Settings:
        """One thread asks the store where they are old, the others go on with what there is."""
        if time.monotonic() >= self._until and self._lock.acquire(blocking=False):
            try:
                self._current = current(self._db, self._started)
                self._until = time.monotonic() + EVERY_SECONDS
            finally:
                self._lock.release()
        return self._current
