"""Many people at the API, in one process that does as little as it can: it runs on the cores that it measures."""

import asyncio
import functools
import json
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast

import httptools
import uvloop

ANSWER = b'{"position":%d,"seconds":1.5,"next":true}'
TAKE = b"{}"


@dataclass(slots=True)
class Load:
    """What all people saw. Latencies are those of answer-and-next, in seconds, from sending to having it whole."""

    seconds: float
    receipts: list[int] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Answers a second. (The few that were under way at the end are counted, and would not change it.)"""
        return len(self.receipts) / self.seconds

    def quantile(self, share: float) -> float:
        """Latency that this share of the answers stayed below, in milliseconds."""
        ranked = sorted(self.latencies)
        return 1000 * ranked[min(int(share * len(ranked)), len(ranked) - 1)]


class Person(asyncio.Protocol):
    """Takes a query, then answers and gets the next one with the same request, until told to stop.

    `every` seconds on the average between two answers; 0: as fast as they are served.
    """

    def __init__(self, key: str, host: str, load: Load, every: float, seed: int) -> None:
        self._head = (
            f"Host: {host}\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\nContent-Length: "
        ).encode()
        self._load = load
        self._every = every
        self._dice = random.Random(seed)
        self._loop = asyncio.get_running_loop()
        self._parser = httptools.HttpResponseParser(self)
        self._body = b""
        self._sent = 0.0
        self._answering = False
        self._stopping = False
        self.stopped = self._loop.create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass
        self._loop.call_later(self._pause(), self._post, "/api/leases", TAKE)

    def stop(self) -> None:
        """After the answer under way, if any."""
        self._stopping = True
        if not self._sent:
            self._leave()

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        took, self._sent = time.perf_counter() - self._sent, 0.0
        status, said = self._parser.get_status_code(), json.loads(self._body)
        self._body = b""
        self._parser = httptools.HttpResponseParser(self)
        if status != 200:
            self._load.refused.append(f"{status} {said}")
            self._leave()
            return
        if self._answering:
            self._load.receipts.append(said["receipt"]["label_id"])
            self._load.latencies.append(took)
        offer = said["next"] if self._answering else said
        if self._stopping or offer["lease"] is None:
            self._leave()
            return
        self._answering = True
        path = f"/api/leases/{offer['lease']['id']}/answer"
        self._loop.call_later(self._pause(), self._post, path, ANSWER % self._dice.randrange(4))

    def connection_lost(self, error: Exception | None) -> None:
        if not self.stopped.done():
            self._load.refused.append(f"connection lost: {error}")
            self._leave()

    def _post(self, path: str, body: bytes) -> None:
        if self._stopping:
            self._leave()
            return
        self._sent = time.perf_counter()
        self._transport.write(b"POST %b HTTP/1.1\r\n%b%d\r\n\r\n%b" % (path.encode(), self._head, len(body), body))

    def _pause(self) -> float:
        return self._dice.uniform(0, 2 * self._every)

    def _leave(self) -> None:
        if not self.stopped.done():
            self.stopped.set_result(None)
            self._transport.close()


def run(host: str, port: int, keys: Sequence[str], *, seconds: float, every: float) -> Load:
    """All people for so long, in this process."""
    return uvloop.run(_run(host, port, keys, seconds=seconds, every=every))


async def _run(host: str, port: int, keys: Sequence[str], *, seconds: float, every: float) -> Load:
    load = Load(seconds)
    loop = asyncio.get_running_loop()
    people = []
    for seed, key in enumerate(keys):
        arrive = functools.partial(Person, key, f"{host}:{port}", load, every, seed)
        _, person = await loop.create_connection(arrive, host, port)
        people.append(person)
    await asyncio.sleep(seconds)
    for person in people:
        person.stop()
    await asyncio.wait_for(asyncio.gather(*(person.stopped for person in people)), 30)
    return load
