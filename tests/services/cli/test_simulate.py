"""Simulated labelers over real HTTP against a server that answers as the labeling service does, troubles included."""

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from services.cli import simulate as module
from services.cli.simulate import simulate
from shared.domain import LoopError

NOW = "2026-01-31T12:00:00Z"
HAPPY, PLAIN, SAD = "She loved the happy day.", "She saw the day.", "She hated the sad day."
Answer = tuple[int, dict[str, Any]]


class Desk:
    """Hands out `queries` one after the other; `troubles` are HTTP codes that the next requests fail with.

    It says `none_left` or, with `reason`, something else where it hands out nothing.
    """

    def __init__(self, queries: list[list[str]], *, levels: int | None = None) -> None:
        self.queries = queries
        self.scale = None if levels is None else {"levels": levels, "low": "bad", "high": "good"}
        self.reason: str | None = None
        self.answers: dict[str, dict[str, Any]] = {}
        self.keys: set[str] = set()
        self.requests = 0
        self.troubles: list[int] = []
        self.leased: dict[str, str] = {}
        self._lock = threading.Lock()

    def post(self, path: str, key: str, body: dict[str, Any]) -> Answer:
        with self._lock:
            self.keys.add(key)
            self.requests += 1
            if self.troubles:
                return self.troubles.pop(0), {"detail": "in trouble"}
            return (200, self._offer(key)) if path == "/api/leases" else self._answer(path.split("/")[3], key, body)

    def _offer(self, key: str) -> dict[str, Any]:
        taken = {*self.answers, *self.leased.values()}
        free = [str(n) for n in range(len(self.queries)) if str(n) not in taken]
        mine = self.leased.get(key) or (free[0] if free else None)
        if mine is None or self.reason is not None:
            return {"lease": None, "reason": self.reason or "none_left", "retry_after": 0.02}
        self.leased[key] = mine
        lease = {
            "id": mine,
            "kind": "best_of" if self.scale is None else "rating",
            "question": "Which?",
            "scale": self.scale,
            "query": f"query {mine}",
            "responses": self.queries[int(mine)],
            "expires_at": NOW,
            "seconds_left": 300,
        }
        return {"lease": lease, "reason": None, "retry_after": 0}

    def _answer(self, lease: str, key: str, body: dict[str, Any]) -> Answer:
        if self.leased.pop(key, lease) != lease:
            return 404, {"detail": "not yours"}
        self.answers.setdefault(lease, body)
        receipt = {"label_id": int(lease), "lease_id": lease, "answer": {}, "created_at": NOW}
        return 200, {"receipt": receipt, "next": self._offer(key) if body["next"] else None}

    def chosen(self) -> dict[int, str]:
        return {int(n): self.queries[int(n)][body["position"]] for n, body in self.answers.items()}


@contextmanager
def serving(desk: Desk) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            code, answer = desk.post(self.path, self.headers["Authorization"].removeprefix("Bearer "), body)
            data = json.dumps(answer).encode()
            self.send_response(code)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def test_they_choose_by_the_known_reward_wherever_it_stands() -> None:
    rounds = 80  # enough for both to come to it on a busy machine
    desk = Desk([[HAPPY, PLAIN, SAD], [SAD, PLAIN, HAPPY], [PLAIN, HAPPY, SAD]] * rounds)
    with serving(desk) as url:
        assert simulate(url, ["one", "two"], labels=3 * rounds) == 3 * rounds
    assert desk.chosen() == dict.fromkeys(range(3 * rounds), HAPPY)
    assert desk.keys == {"one", "two"}
    assert all(0 <= answer["seconds"] < 5 for answer in desk.answers.values())


def test_they_rate_by_the_known_reward() -> None:
    desk = Desk([[HAPPY], [PLAIN], [SAD]], levels=7)
    with serving(desk) as url:
        assert simulate(url, ["one", "two"], labels=3) == 3
    ratings = [desk.answers[lease]["rating"] for lease in "012"]
    assert ratings == [7, 4, 1]  # 0.81, 0 and -0.81 of -1 to 1: the ends are 2/7 wide
    assert all(answer["position"] is None for answer in desk.answers.values())


def test_noisy_ratings_are_uniform() -> None:
    desk = Desk([[f"She loved the happy day {n}."] for n in range(210)], levels=7)
    with serving(desk) as url:
        simulate(url, ["one"], labels=210, noise=1.0, seed=3)
    found = Counter(answer["rating"] for answer in desk.answers.values())
    assert set(found) == set(range(1, 8))
    assert all(15 <= count <= 45 for count in found.values())  # 30 each, standard deviation 5


def test_they_stop_at_their_number_of_labels() -> None:
    desk = Desk([[HAPPY, SAD]] * 20)
    with serving(desk) as url:
        assert simulate(url, ["one", "two", "three"], labels=7) == 7
    assert len(desk.answers) == 7
    assert not desk.leased  # nobody keeps a query that they will not answer


def test_a_label_is_one_request() -> None:
    desk = Desk([[HAPPY, SAD]] * 20)
    with serving(desk) as url:
        simulate(url, ["one"], labels=20)
    assert desk.requests == 21


@pytest.mark.parametrize("reason", ["none_left", "all_leased", "paused", "you_are_paused"])
def test_they_wait_for_queries_and_stop_when_told(reason: str) -> None:
    desk = Desk([[HAPPY, SAD]])
    desk.reason = reason
    stop = threading.Event()
    found: list[int] = []
    with serving(desk) as url:
        working = threading.Thread(target=lambda: found.append(simulate(url, ["one"], stop=stop)))
        working.start()
        _await(lambda: desk.requests >= 3)
        desk.reason = None
        _await(lambda: bool(desk.answers))
        stop.set()
        working.join(timeout=5)
    assert found == [1]


def test_they_stop_in_the_middle_of_trouble() -> None:
    desk = Desk([[HAPPY, SAD]])
    desk.troubles = [503] * 1000
    stop = threading.Event()
    found: list[int] = []
    with serving(desk) as url:
        working = threading.Thread(target=lambda: found.append(simulate(url, ["one"], stop=stop)))
        working.start()
        _await(lambda: desk.requests >= 1)
        stop.set()
        working.join(timeout=5)
    assert found == [0]


def _await(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_they_ask_again_after_trouble() -> None:
    desk = Desk([[HAPPY, SAD]] * 3)
    desk.troubles = [503, 500, 429]
    with serving(desk) as url:
        assert simulate(url, ["one"], labels=3) == 3


def test_a_label_somebody_else_gave_is_not_counted() -> None:
    desk = Desk([[HAPPY, SAD]] * 4)
    original = desk._answer
    codes = iter([(404, {"detail": "not yours"}), (409, {"detail": "another answer stands"})])
    desk._answer = lambda *given: next(codes, None) or original(*given)  # type: ignore[method-assign]
    with serving(desk) as url:
        assert simulate(url, ["one"], labels=2) == 2
    assert len(desk.answers) == 2


def test_a_refused_key_is_an_error() -> None:
    desk = Desk([[HAPPY, SAD]])
    desk.troubles = [401] * 10
    with serving(desk) as url, pytest.raises(LoopError, match=r"/api/leases refused: 401 in trouble"):
        simulate(url, ["wrong"], labels=1)


def test_a_server_that_is_not_there_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0.3)
    with pytest.raises(LoopError, match=r"does not answer .*: is the labeling service running"):
        simulate("http://127.0.0.1:9", ["one"], labels=1)


def test_noise_is_uniform_and_hangs_on_the_texts_alone() -> None:
    queries = [[HAPPY, PLAIN, SAD, f"She saw day {n}."] for n in range(200)]
    desk, again = Desk(queries), Desk([texts[::-1] for texts in queries])
    with serving(desk) as url:
        simulate(url, ["one"], labels=200, noise=0.5, seed=3)
    with serving(again) as url:
        simulate(url, ["one"], labels=200, noise=0.5, seed=3)
    assert desk.chosen() == again.chosen()
    happy = sum(text == HAPPY for text in desk.chosen().values())
    assert 105 <= happy <= 145  # 0.5 + 0.5 / 4 of 200 = 125, standard deviation 6.8


@pytest.mark.parametrize(("keys", "noise", "message"), [(["one"], 1.5, "--noise 1.5"), ([], 0.0, "no labeler's key")])
def test_bad_options_are_named(keys: list[str], noise: float, message: str) -> None:
    with pytest.raises(LoopError, match=message):
        simulate("http://127.0.0.1:9", keys, noise=noise)
