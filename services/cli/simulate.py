"""Simulated labelers: they take queries, read the texts and answer over the labeling REST API, as people do."""

import logging
import random
import threading
import time
from collections.abc import Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Any

import httpx

from services.cli.known_reward import choose, known_reward, rate
from shared.domain import LoopError

log = logging.getLogger(__name__)
LONGEST_WAIT = 5.0  # seconds between two tries, whatever the server proposes
PATIENCE = 120.0  # seconds without an answer of the server, after which a labeler goes home


@dataclass(slots=True)
class Tally:
    """What all labelers did together. `limit` labels are enough; None: until told to stop."""

    limit: int | None = None
    labels: int = 0
    stop: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _promised: int = 0

    def may_label(self) -> bool:
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


class Labeler:
    """One person at the labeling page. An answer is sent until the server says that it took it or did not."""

    def __init__(self, url: str, key: str, index: int, noise: float, seed: int, tally: Tally) -> None:
        self._url = url
        self._key = key
        self._index = index
        self._noise = noise
        self._seed = seed
        self._tally = tally

    def work(self) -> None:
        headers = {"Authorization": f"Bearer {self._key}"}
        with httpx.Client(base_url=self._url, headers=headers, timeout=30) as client:
            while self._tally.may_label():
                labeled = False
                try:
                    labeled = self._label_one(client)
                finally:
                    self._tally.settle(labeled=labeled)

    def _label_one(self, client: httpx.Client) -> bool:
        """Take a query and answer it. False where there was none, or somebody else was quicker."""
        body = self._post(client, "/api/leases", {}).json()
        lease = body["lease"]
        if lease is None:
            self._tally.stop.wait(min(body["retry_after"], LONGEST_WAIT))
            return False
        started = time.monotonic()
        answer = self._answer(lease["query"], lease["responses"], lease["scale"])
        answer["seconds"] = time.monotonic() - started
        response = self._post(client, f"/api/leases/{lease['id']}/answer", answer, refusals=(404, 409, 410))
        if response.status_code != 200:
            log.warning("labeler %d: answer not taken: %s", self._index, response.text)
        return response.status_code == 200

    def _answer(self, query: str, texts: Sequence[str], scale: dict[str, Any] | None) -> dict[str, Any]:
        """What is said depends on texts and labeler alone, noise included: neither order nor time matter."""
        shown = sorted(texts)
        draw = random.Random(f"{self._seed}:{self._index}:{query}:{shown}")
        noisy = draw.random() < self._noise
        if scale is None:
            return {"position": texts.index(draw.choice(shown)) if noisy else choose(texts)}
        levels = scale["levels"]
        return {"rating": draw.randint(1, levels) if noisy else rate(texts[0], levels=levels)}

    def _post(
        self, client: httpx.Client, path: str, body: dict[str, Any], *, refusals: tuple[int, ...] = ()
    ) -> httpx.Response:
        """Ask until the server answers. An answer sent twice gets the same receipt, so asking again does no harm."""
        deadline, pause = time.monotonic() + PATIENCE, 0.2
        while True:
            try:
                response = client.post(path, json=body)
                trouble = f"{response.status_code} {response.text[:200]}"
            except httpx.TransportError as error:
                response, trouble = None, str(error) or type(error).__name__
            if response is not None and (response.status_code == 200 or response.status_code in refusals):
                return response
            if response is not None and response.status_code < 500 and response.status_code != 429:
                raise LoopError(f"{self._url}{path} refused labeler {self._index}: {trouble}")
            if self._tally.stop.is_set() or time.monotonic() > deadline:
                raise LoopError(f"{self._url}{path} does not answer ({trouble}): is the labeling service running?")
            log.info("labeler %d: %s; trying again", self._index, trouble)
            self._tally.stop.wait(pause)
            pause = min(2 * pause, LONGEST_WAIT)
