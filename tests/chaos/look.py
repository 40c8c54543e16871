"""One look at the loop from outside: its processes, its store, its pages, its queue."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import httpx
from redis import Redis, RedisError
from sqlalchemy import func, select

from services.cli import status
from shared.domain import JobState, LoopError
from shared.store import presence, stops
from shared.store.database import Database
from shared.store.tables import JobRow, LabelRow
from tests.chaos.loop import PAGES, SmallLoop

FRESH_SECONDS = 4.0  # since its last sign of life, for a service to count as there


@dataclass(frozen=True, slots=True)
class SeenJob:
    key: str
    attempt: int
    state: JobState
    queue: str
    heartbeat_at: datetime


@dataclass(frozen=True, slots=True)
class Seen:
    """What the store says. `labels` that stand; `open`: queries that wait for an answer; `policies` beside ρ."""

    phase: str
    line: str
    trouble: str | None
    labels: int
    open: int
    policies: int
    last_label: datetime | None
    jobs: Mapping[str, SeenJob]
    alive: Mapping[str, frozenset[int]]
    """Processes with a fresh sign of life, by service."""

    @property
    def running(self) -> Sequence[SeenJob]:
        return [job for job in self.jobs.values() if job.state is JobState.RUNNING]


@dataclass(frozen=True, slots=True)
class Look:
    """`store`: None while PostgreSQL is away. `answering`: pages and Valkey, by name."""

    pids: Mapping[str, int]
    store: Seen | None
    answering: frozenset[str] = field(default_factory=frozenset)

    @property
    def doing(self) -> str:
        if self.store is None:
            return "PostgreSQL away"
        running = ", ".join(job.key for job in self.store.running)
        return f"{self.store.phase} ({running or 'no job runs'}, {self.store.labels} labels)"


class Looker:
    """Keeps its connection to the store between looks; PostgreSQL comes back at another port after `prefloop` does."""

    def __init__(self, loop: SmallLoop) -> None:
        self._loop = loop
        self._url = ""
        self._db: Database | None = None

    def look(self, *, pages: bool = False) -> Look:
        """`pages`: ask pages and Valkey too, which takes longer."""
        pids = self._loop.pids()
        try:
            store = self._seen(self.db())
        except (LoopError, OSError):
            store = None
        return Look(pids, store, self._answering() if pages else frozenset())

    def db(self) -> Database:
        """LoopError while nobody says where the store is."""
        url = self._loop.folder.announced()["database_url"]
        if self._db is None or url != self._url:
            self.close()
            self._db, self._url = Database(url), url
        return self._db

    def close(self) -> None:
        if self._db is not None:
            self._db.close()

    def _seen(self, db: Database) -> Seen:
        now = status.read(db, self._loop.settings)
        alive: dict[str, frozenset[int]] = {}
        for process in presence.processes(db):
            if process.silent_seconds < FRESH_SECONDS:
                pid = int(process.instance.rpartition("/")[2])
                alive[process.service] = alive.get(process.service, frozenset()) | {pid}
        with db.snapshot() as session:
            labels, last = session.execute(
                select(func.count(), func.max(LabelRow.created_at)).where(LabelRow.retraction_id.is_(None))
            ).one()
            jobs = {
                row.key: SeenJob(row.key, row.attempt, JobState(row.state), row.queue, row.heartbeat_at)
                for row in session.scalars(select(JobRow).order_by(JobRow.created_at, JobRow.key))
            }
        stopped = [f"{stop.by} stopped {stop.service or 'the line'}: {stop.reason}" for stop in stops.all_standing(db)]
        return Seen(
            now.phase,
            status.line(now, self._loop.settings),
            "; ".join(stopped) or now.blocked,
            labels,
            now.state.open_queries,
            now.policy.version if now.policy else 0,
            last,
            jobs,
            alive,
        )

    def _answering(self) -> frozenset[str]:
        found = {page for page in PAGES if _healthy(self._loop.url(page))}
        return frozenset(found | ({"valkey"} if self._valkey() else set()))

    def _valkey(self) -> bool:
        lines = (self._loop.folder.path / "valkey" / "valkey.conf").read_text().splitlines()
        config = dict(line.partition(" ")[::2] for line in lines)
        try:
            with Redis(port=int(config["port"]), password=config["requirepass"], socket_timeout=2) as valkey:
                return bool(valkey.ping())
        except (KeyError, RedisError):
            return False


def _healthy(url: str) -> bool:
    try:
        return httpx.get(f"{url}/healthz", timeout=2).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False
