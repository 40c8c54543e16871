"""Simulated labelers: they take queries, read the texts and answer over the labeling REST API, as people do."""

import logging
import random
import threading
import time
from collections.abc import Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, field

from services.cli.known_reward import choose, known_reward, rate
from shared.client import ConflictError, LabelingClient, UnknownLeaseError
from shared.domain import Answer, LoopError
from shared.wire import LeasedQuery, Offer

log = logging.getLogger(__name__)
LONGEST_WAIT = 5.0  # seconds until they ask for a query again, whatever the server proposes
PATIENCE = 120.0  # seconds without an answer of the server, after which a labeler goes home


@dataclass(slots=True)
class Tally:
    """What all labelers did together. `limit` labels are enough; None: until told to stop."""

    limit: int | None = None
    labels: int = 0
    stop: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _promised: int = 0

    def promise(self) -> bool:
        """Promise one label. False where enough are given or promised."""
        with self._lock:
            if self.stop.is_set() or (self.limit is not None and self._promised >= self.limit):
                return False
            self._promised += 1
            return True

    def settle(self, *, labeled: bool) -> None:
        """Keep the promise, or take it back."""
        with self._lock:
            self.labels += labeled
            self._promised -= not labeled


def simulate(
    url: str,
    keys: Sequence[str],
    *,
    noise: float = 0.0,
    seed: int = 1,
    labels: int | None = None,
    stop: threading.Event | None = None,
) -> int:
    """One labeler a key, side by side, until `labels` labels are given or `stop` is set. Returns the labels given.

    With probability `noise` a labeler picks, or rates, uniformly instead of by the known reward.
    LoopError where the server does not answer for a long time or refuses a key.
    """
    if not 0 <= noise <= 1:
        raise LoopError(f"--noise {noise}: a probability lies between 0 and 1")
    if not keys:
        raise LoopError("no labeler's key: give --key KEY, or set SIMULATE_KEYS (`prefloop env` makes some)")
    known_reward("")  # a missing lexicon should be known before the first query is taken
    tally = Tally(labels, stop=stop or threading.Event())
    with ThreadPoolExecutor(len(keys)) as pool:
        work = [pool.submit(Labeler(url, key, index, noise, seed, tally).work) for index, key in enumerate(keys)]
        try:
            done, _ = wait(work, return_when=FIRST_EXCEPTION)
        finally:
            tally.stop.set()
        for future in done:
            future.result()
    return tally.labels


class StoppedError(Exception):
    """The labelers are told to stop."""


class Labeler:
    """One person at the labeling page, who asks for the next query with each answer."""

    def __init__(self, url: str, key: str, index: int, noise: float, seed: int, tally: Tally) -> None:
        self._url = url
        self._key = key
        self._index = index
        self._noise = noise
        self._seed = seed
        self._tally = tally

    def work(self) -> None:
        client = LabelingClient(self._url, self._key, patience=PATIENCE, sleep=self._wait)
        with suppress(StoppedError), client:
            while self._tally.promise():
                offer: Offer | None = client.take()
                while offer is not None:
                    offer = self._answer(client, offer)

    def _answer(self, client: LabelingClient, offer: Offer) -> Offer | None:
        """Keep the promise, or take it back where nothing is offered or the answer refused.

        The next offer is promised too. None where enough are.
        """
        lease = offer.lease
        if lease is None:
            self._tally.settle(labeled=False)
            self._wait(min(offer.retry_after, LONGEST_WAIT))
            return None
        started = time.monotonic()
        said = self._said(lease)
        more = self._tally.promise()
        try:
            seconds = time.monotonic() - started
            answered = client.answer(lease.id, position=said.position, rating=said.rating, seconds=seconds, next=more)
        except (UnknownLeaseError, ConflictError) as refused:  # the lease expired, and somebody else was quicker
            log.warning("labeler %d: answer not taken: %s", self._index, refused.detail)
            for _ in range(1 + more):
                self._tally.settle(labeled=False)
            return None
        self._tally.settle(labeled=True)
        return answered.next

    def _said(self, lease: LeasedQuery) -> Answer:
        """What is said depends on texts and labeler alone, noise included: neither order nor time matter."""
        texts, shown = lease.responses, sorted(lease.responses)
        draw = random.Random(f"{self._seed}:{self._index}:{lease.query}:{shown}")
        noisy = draw.random() < self._noise
        if lease.scale is None:
            return Answer(position=texts.index(draw.choice(shown)) if noisy else choose(texts))
        levels = lease.scale.levels
        return Answer(rating=draw.randint(1, levels) if noisy else rate(texts[0], levels=levels))

    def _wait(self, seconds: float) -> None:
        if self._tally.stop.wait(seconds):
            raise StoppedError
