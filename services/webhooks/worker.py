"""Events to all webhooks: each is told in order, at least once, and waits for no other.

A place in the store moves on after the event was taken, so a killed process tells one event again, under the same id.
No event is given up: an address that fails is tried again at ever longer intervals, and then told all it missed.
"""

import logging
import random
import threading
from concurrent.futures import Future, ThreadPoolExecutor

from services.webhooks import send
from shared.events import EventType
from shared.store import events, webhooks
from shared.store.database import Database
from shared.store.webhooks import Endpoint

FIRST_SECONDS, FACTOR, LONGEST_SECONDS = 5.0, 4.0, 3600.0  # before another try: 5, 20, 80, 320, 1280, 3600, 3600, ...
BATCH = 100
AT_ONCE = 64  # addresses told side by side; threads are made as they are needed

Newest = dict[EventType, int]
log = logging.getLogger(__name__)


class Worker:
    """Call `look` every second. A context manager: it ends when the events under way are told."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._client = send.client()
        self._pool = ThreadPoolExecutor(AT_ONCE)
        self._ending = threading.Event()
        self._under_way: dict[int, tuple[Newest, Future[bool]]] = {}
        self._knows: dict[int, Newest] = {}

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._pool.shutdown()
        self._client.close()

    def look(self) -> bool:
        """Begin to tell each webhook what is new to it. False where there is none. LoopError without a store."""
        self._collect()
        found = [endpoint for endpoint in webhooks.endpoints(self._db) if endpoint.types]
        free = [endpoint for endpoint in found if not endpoint.waiting and endpoint.id not in self._under_way]
        if free:
            newest = events.newest(self._db)
            behind = [endpoint for endpoint in free if self._knows.get(endpoint.id) != newest]
            if behind and events.settle(self._db):
                for endpoint in behind:
                    self._under_way[endpoint.id] = newest, self._pool.submit(self._tell, endpoint, newest)
        return bool(found)

    def _collect(self) -> None:
        """Note which webhooks know all there was. What went wrong in a thread comes up here."""
        for number, (newest, telling) in list(self._under_way.items()):
            if telling.done():
                del self._under_way[number]
                if telling.result():
                    self._knows[number] = newest

    def _tell(self, endpoint: Endpoint, newest: Newest) -> bool:
        """Tell a webhook all up to `newest`. False where it does not take it all."""
        while found := events.since(self._db, endpoint.places, newest, limit=BATCH):
            for occurrence in found:
                try:
                    send.send(self._client, endpoint, occurrence)
                except send.GoneError as gone:
                    log.warning("%s: %s", endpoint.name, gone)
                    webhooks.end(self._db, endpoint, str(gone))
                    return False
                except send.RefusedError as refused:
                    self._put_off(endpoint, refused)
                    return False
                moved = webhooks.told(self._db, endpoint, occurrence)
                if moved is None or self._ending.is_set():
                    return False
                endpoint = moved
        return True

    def _put_off(self, endpoint: Endpoint, refused: send.RefusedError) -> None:
        wait = min(LONGEST_SECONDS, FIRST_SECONDS * FACTOR ** min(endpoint.failures, 10))
        wait = min(LONGEST_SECONDS, max(refused.retry_after, wait * random.uniform(0.75, 1.0)))
        log.warning("%s: %s; another try in %.0f s", endpoint.name, refused, wait)
        webhooks.failed(self._db, endpoint, str(refused), wait=wait)
