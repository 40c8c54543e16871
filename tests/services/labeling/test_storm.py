"""Sixty-four people at two real processes: the invariants while it storms, and what is left after kill -9."""

import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from services.cli import servers
from services.cli.processes import Child
from services.cli.supervisor import Supervisor
from shared.domain import Role
from shared.store import accounts
from shared.store.database import Database
from shared.store.migrate import migrate
from tests.shared.store.rows import add_person, add_policy, add_queries, ask, expire, sql

PEOPLE = 64
QUERIES = 180
BROKEN = """
    SELECT queries.id FROM queries LEFT JOIN leases ON query_id = queries.id GROUP BY queries.id
    HAVING count(*) FILTER (WHERE state IN ('open', 'done')) <> claims OR claims > wanted
    OR count(*) FILTER (WHERE state = 'done') <> answers
    OR count(DISTINCT labeler_id) FILTER (WHERE state <> 'expired') <> count(*) FILTER (WHERE state <> 'expired')
"""


@contextmanager
def processes(url: str, folder: Path, supervisor: Supervisor, **settings: str) -> Iterator[httpx.Client]:
    """The labeling service as it runs, two processes of it, kept running by the supervisor."""
    port = servers.free_port()
    told = {"DATABASE_URL": url, "WEB__LABELING_PORT": str(port), "WEB__LABELING_WORKERS": "2", **settings}
    supervisor.start(
        [
            Child(
                "labeling",
                [sys.executable, "-m", "services.labeling.main"],
                folder / "labeling.log",
                environ={**os.environ, **{f"PREFLOOP_{name}": value for name, value in told.items()}},
                ready=lambda _: _answers(f"http://127.0.0.1:{port}/healthz"),
            )
        ]
    )
    limits = httpx.Limits(max_connections=PEOPLE, max_keepalive_connections=PEOPLE)
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", limits=limits, timeout=20) as client:
        yield client


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2).status_code == 200
    except httpx.TransportError:
        return False


@dataclass(slots=True)
class Person:
    """Works by dice of their own. `given`: acknowledged answers that they did not take back, by lease."""

    client: httpx.Client
    key: str
    dice: random.Random
    given: dict[str, dict[str, Any]] = field(default_factory=dict)
    codes: Counter[tuple[str, int]] = field(default_factory=Counter)
    resent: int = 0

    def post(self, path: str, **body: object) -> httpx.Response:
        response = self.client.post(path, json=body, headers={"Authorization": f"Bearer {self.key}"})
        self.codes[path.rpartition("/")[2], response.status_code] += 1
        return response

    def patiently(self, path: str, **body: object) -> dict[str, Any]:
        """Until there is an answer, as all clients do."""
        while True:
            try:
                response = self.post(path, **body)
                if response.status_code < 500:
                    response.raise_for_status()
                    answer: dict[str, Any] = response.json()
                    return answer
            except httpx.TransportError:
                pass
            self.resent += 1
            time.sleep(0.05)

    def storm(self, until: Callable[[], bool]) -> None:
        """Answers, skips, takes back, forgets and answers late, whatever comes."""
        late: list[str] = []
        while not until():
            lease = self.post("/api/leases").json()["lease"]
            if lease is None:
                time.sleep(0.02)
                continue
            match self.dice.choices(("answer", "undo", "skip", "forget"), (12, 4, 2, 3))[0]:
                case "answer":
                    self._answer(lease["id"])
                case "undo":
                    self._answer(lease["id"])
                    if self.post(f"/api/leases/{lease['id']}/undo").status_code == 200:
                        del self.given[lease["id"]]
                case "skip":
                    self.post(f"/api/leases/{lease['id']}/skip", reason="unsure", next=self.dice.random() < 0.5)
                case "forget":
                    late.append(lease["id"])
                    while (again := self.post("/api/leases").json()["lease"]) and again["id"] == lease["id"]:
                        time.sleep(0.1)
            if late and self.dice.random() < 0.3:
                self._answer(late.pop())

    def work(self) -> None:
        """Answer all there is, whatever happens to the servers."""
        offer = self.patiently("/api/leases")
        while (lease := offer["lease"]) is not None:
            path = f"/api/leases/{lease['id']}/answer"
            answered = self.patiently(path, position=self.dice.randrange(4), seconds=1, next=True)
            self.given[lease["id"]] = answered["receipt"]
            offer = answered["next"]

    def _answer(self, lease_id: str) -> None:
        said = {"position": self.dice.randrange(4), "seconds": 1, "next": self.dice.random() < 0.5}
        response = self.post(f"/api/leases/{lease_id}/answer", **said)
        if response.status_code == 200:
            self.given[lease_id] = response.json()["receipt"]


def gather(db: Database, client: httpx.Client) -> list[Person]:
    keys = [accounts.create_account(db, f"person {n}", Role.LABELER) for n in range(PEOPLE)]
    return [Person(client, key, random.Random(n)) for n, key in enumerate(keys)]


def standing(db: Database) -> dict[str, tuple[int, int]]:
    """Label and position by lease, of the labels that nobody took back."""
    rows = sql(db, "SELECT lease_id, id, position FROM labels WHERE retraction_id IS NULL")
    assert len({lease_id for lease_id, _, _ in rows}) == len(rows)
    return {lease_id: (label_id, position) for lease_id, label_id, position in rows}


def acknowledged(people: list[Person]) -> dict[str, tuple[int, int]]:
    given = {lease_id: receipt for person in people for lease_id, receipt in person.given.items()}
    return {lease_id: (each["label_id"], each["answer"]["position"]) for lease_id, each in given.items()}


def test_the_invariants_hold_while_it_storms(database_url: str, db: Database, tmp_path: Path) -> None:
    add_policy(db)
    add_queries(db, range(0, 60, 2), wanted=3)
    add_queries(db, range(1, 60, 2))
    with (
        Supervisor(print) as supervisor,
        processes(database_url, tmp_path, supervisor, LABELS__LEASE_SECONDS="1") as client,
        ThreadPoolExecutor(PEOPLE) as pool,
    ):
        people = gather(db, client)
        end = time.monotonic() + 3
        work = [pool.submit(person.storm, lambda: time.monotonic() > end) for person in people]
        while any(not each.done() for each in work):
            assert sql(db, BROKEN) == []
        for each in work:
            each.result()
    codes = sum((person.codes for person in people), Counter[tuple[str, int]]())
    assert {code for _, code in codes} <= {200, 409}
    assert all(codes[what, 200] > 0 for what in ("answer", "skip", "undo", "leases"))
    assert "Traceback" not in (tmp_path / "labeling.log").read_text()
    sql(db, "UPDATE queries SET retired = true")
    expire(db)
    assert ask(db, add_person(db, "the next one")) is None
    ends = {state for (state,) in sql(db, "SELECT DISTINCT state FROM leases")}
    assert ends == {"done", "skipped", "expired"}
    assert sql(db, BROKEN) == []
    assert standing(db) == acknowledged(people)
    twice = "SELECT 1 FROM leases WHERE state <> 'expired' GROUP BY query_id, labeler_id HAVING count(*) > 1"
    assert sql(db, twice) == []


def test_what_was_acknowledged_is_there_after_kill_9_of_the_api_and_of_the_database(tmp_path: Path) -> None:
    child, url = servers.postgres(tmp_path / "postgres", password="test", log=tmp_path / "postgres.log")
    with Supervisor(print) as supervisor:
        supervisor.start([child])
        migrate(url)
        db = Database(url)
        add_policy(db)
        add_queries(db, range(QUERIES))
        with processes(url, tmp_path, supervisor) as client, ThreadPoolExecutor(PEOPLE) as pool:
            people = gather(db, client)
            work = [pool.submit(person.work) for person in people]
            for name, answers in (("labeling", 30), ("postgres", 100)):
                while sum(len(person.given) for person in people) < answers:
                    supervisor.check()
                    time.sleep(0.01)
                (os.killpg if name == "labeling" else os.kill)(supervisor.pids()[name], signal.SIGKILL)
            while any(not each.done() for each in work):
                supervisor.check()
                time.sleep(0.05)
            for each in work:
                each.result()
        assert sum(person.resent for person in people) > 0
        assert standing(db) == acknowledged(people)
        assert sql(db, "SELECT claims, answers, count(*) FROM queries GROUP BY 1, 2") == [(1, 1, QUERIES)]
        assert sql(db, "SELECT state, count(*) FROM leases GROUP BY 1") == [("done", QUERIES)]
        assert sql(db, "SHOW fsync") == sql(db, "SHOW synchronous_commit") == [("on",)]
        db.close()
