"""Whether a worker's silence means that it is dead: only where it could have been heard."""

import time
from collections.abc import Callable

from shared.domain import LoopError
from shared.queues import SILENT_SECONDS
from shared.store.database import Database

GAP_SECONDS = 10.0  # between two looks, beyond which we may have slept through an outage ourselves


class Silence:
    """Signs of life come by way of the store: while that was away, or we were, nobody could hear them."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._since: float | None = None
        self._looked = clock()

    def counts(self, db: Database) -> bool:
        """Ask at every look: whether the store has answered at all of them for SILENT_SECONDS. Passes on LoopError."""
        before, self._looked = self._looked, self._clock()
        try:
            db.ping()
        except LoopError:
            self._since = None
            raise
        if self._since is None or self._looked - before > GAP_SECONDS:
            self._since = self._looked
        return self._looked - self._since >= SILENT_SECONDS
