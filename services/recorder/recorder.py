"""Follows the store and gives every sink the points that it lacks."""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from services.recorder.journal import Journal
from services.recorder.points import Point, empty, points
from services.recorder.sinks.sink import Sink
from shared.domain import LoopError
from shared.store import curves
from shared.store.database import Database

LABELS_SECONDS = 30.0  # after which labels are looked at where nothing else is new
QUIET_SECONDS = 30.0  # without a label, after which a finished loop's last human win rate is written
TROUBLE_SECONDS = 30.0  # before a sink that did not take its points is tried again
CHUNK = 16  # points that a sink is given at once

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Open:
    """A sink, and how many points it has; None: it is to be asked."""

    sink: Sink
    has: int | None = None
    again_at: float = 0.0


class Recorder:
    """Call `look` every second or two, and at the end `close`."""

    def __init__(self, db: Database, journal: Journal, sinks: Sequence[Sink], *, planned: int) -> None:
        self._db = db
        self._journal = journal
        self._sinks = [Open(sink) for sink in sinks]
        self._planned = planned
        self._seen: tuple[object, ...] | None = None
        self._read_at = 0.0
        self._points: dict[str, Point] = {}

    def look(self) -> None:
        """LoopError without an answer from the store, or where the journal cannot be written."""
        mark = curves.mark(self._db)
        if mark != self._seen or time.monotonic() - self._read_at > LABELS_SECONDS:
            self._read(datetime.now(UTC) - timedelta(seconds=QUIET_SECONDS))
            self._seen, self._read_at = mark, time.monotonic()
        for each in self._sinks:
            if time.monotonic() >= each.again_at:
                self._give(each)

    def close(self) -> None:
        """Write what there is now, and end."""
        try:
            self._read(datetime.now(UTC))
            for each in self._sinks:
                self._give(each)
        except LoopError as error:
            log.warning("the last points are left to the next start: %s", error)
        for each in self._sinks:
            each.sink.close()

    def _read(self, quiet_since: datetime) -> None:
        self._points = points(curves.read(self._db), planned=self._planned, quiet_since=quiet_since)
        self._journal.add(key for key, point in self._points.items() if point.settled)

    def _give(self, each: Open) -> None:
        keys = self._journal.keys
        try:
            if each.has is None:
                each.has = each.sink.open()
            while each.has < len(keys):
                chunk = keys[each.has : each.has + CHUNK]
                each.sink.write(each.has, [self._points.get(key) or empty(key) for key in chunk])
                each.has += len(chunk)
        except LoopError as error:
            log.warning("%s", error)
            each.has, each.again_at = None, time.monotonic() + TROUBLE_SECONDS
