"""How far people's labels can be trusted, for reviewers and above."""

import threading
import time

from fastapi import APIRouter

from shared.quality.report import Report, report
from shared.store.database import Database
from shared.store.quality import material

EVERY_SECONDS = 10.0  # it looks at every label there is,
REST = 10  # and then rests so many times as long as it took


def routes(db: Database) -> APIRouter:
    api = APIRouter()
    kept = Kept(db)

    @api.get("/api/people")
    def people() -> Report:
        """The quality of all labels, some ten seconds old at most. What is undefined is null."""
        return kept.report()

    return api


class Kept:
    """The last report, made anew where it is old; who asks meanwhile waits for the same one."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._lock = threading.Lock()
        self._ended = self._took = 0.0
        self._report: Report | None = None

    def report(self) -> Report:
        with self._lock:
            begun = time.monotonic()
            if self._report is None or begun - self._ended >= max(EVERY_SECONDS, REST * self._took):
                self._report = report(material(self._db))
                self._ended = time.monotonic()
                self._took = self._ended - begun
            return self._report
