"""What both sides work on: a PostgreSQL that keeps its promises (fsync), queries to last, an account a person."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from sqlalchemy import create_engine, text

from services.cli import servers
from services.cli.supervisor import Supervisor
from shared.domain import Role
from shared.store import accounts
from shared.store.database import Database
from shared.store.migrate import migrate

LOREM = "It was a bright cold day in April, and the clocks were striking thirteen; nobody in the square looked up."
FILL = (
    "TRUNCATE queries, responses, leases, labels RESTART IDENTITY CASCADE",
    "INSERT INTO policies (version, path, sha256, episodes, kl_coef) VALUES (0, 'policy/0', repeat('0', 64), 0, 0.2) "
    "ON CONFLICT DO NOTHING",
    "INSERT INTO queries (position, policy_version, text, tokens) "
    "SELECT n, 0, :words, ARRAY[1, 2, 3] FROM generate_series(0, :queries - 1) n",
    "INSERT INTO responses (query_id, index, policy_version, text, tokens) "
    "SELECT id, i, 0, :words, ARRAY[1, 2, 3] FROM queries, generate_series(0, 3) i",
    "UPDATE labelers SET leases_taken = 0",
)


@dataclass(frozen=True, slots=True)
class World:
    url: str
    keys: list[str]

    def fill(self, queries: int) -> None:
        """As many queries as can be answered, and no label yet."""
        self._execute(*FILL, queries=queries, words=LOREM)
        self._execute("VACUUM (ANALYZE) queries, responses, leases, labels, labelers", "CHECKPOINT")

    def labels(self) -> set[int]:
        engine = create_engine(self.url)
        with engine.connect() as connection:
            found = set(connection.scalars(text("SELECT id FROM labels")))
        engine.dispose()
        return found

    def _execute(self, *statements: str, **values: object) -> None:
        engine = create_engine(self.url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            for statement in statements:
                connection.execute(text(statement), {k: v for k, v in values.items() if f":{k}" in statement})
        engine.dispose()


@contextmanager
def world(folder: Path, people: int) -> Iterator[World]:
    with Supervisor(lambda _: None) as supervisor:
        postgres, url = servers.postgres(folder / "postgres", password="bench", log=folder / "postgres.log")
        supervisor.start([postgres])
        migrate(url)
        db = Database(url)
        keys = [accounts.create_account(db, f"person {n}", Role.LABELER) for n in range(people)]
        db.close()
        yield World(url, keys)


@contextmanager
def labeling(url: str, log: Path, *, workers: int) -> Iterator[int]:
    """The labeling service as it runs, with so many processes. Gives its port."""
    port = servers.free_port()
    environ = {
        **os.environ,
        "PREFLOOP_DATABASE_URL": url,
        "PREFLOOP_WEB__LABELING_PORT": str(port),
        "PREFLOOP_WEB__LABELING_WORKERS": str(workers),
        "PREFLOOP_LOG_LEVEL": "warning",
    }
    with open(log, "ab") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "services.labeling.main"],
            env=environ,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    try:
        _await_health(f"http://127.0.0.1:{port}/healthz")
        yield port
    finally:
        process.terminate()
        process.wait(20)


def _await_health(address: str) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            if httpx.get(address, timeout=2).status_code == 200:
                return
        except httpx.TransportError:
            if time.monotonic() > deadline:
                raise
        time.sleep(0.1)
