"""When a killed process counts as back: its successor shows life, and the work it held goes on."""

import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from services.cli.running import WORKERS
from shared.domain import JobState
from tests.chaos.look import Look, Seen, SeenJob
from tests.chaos.loop import PAGES, VICTIMS

SERVICES = (*PAGES, *WORKERS)
CHILDREN = tuple(name for name in VICTIMS if name not in ("prefloop", "simulate"))


@dataclass(slots=True)
class Recovery:
    """Of one kill. `before`: the processes there were; `held`: jobs that ran, and their worker was killed with it."""

    victim: str
    before: Mapping[str, int]
    held: Mapping[str, SeenJob]
    others: Mapping[str, SeenJob]
    """Jobs that ran elsewhere, and need what was killed: all of them where it is a server."""
    killed: float = field(default_factory=time.monotonic)
    killed_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    seconds: float | None = None

    def missing(self, look: Look) -> str | None:
        """What has not come back; None where all has."""
        for name in (self.victim, *(CHILDREN if self.victim == "prefloop" else ())):
            if look.pids.get(name, self.before.get(name)) == self.before.get(name):
                return f"{name} is not started again"
            if name in (*PAGES, "valkey") and name not in look.answering:
                return f"{name} does not answer"
        if look.store is None:
            return "PostgreSQL does not answer"
        return self._services(look, look.store) or self._labeler(look.store) or self._jobs(look.store)

    def _services(self, look: Look, store: Seen) -> str | None:
        for name in SERVICES if self.victim == "prefloop" else {self.victim} & set(SERVICES):
            if look.pids[name] not in store.alive.get(name, ()):
                return f"{name} gives no sign of life"
        return None

    def _labeler(self, store: Seen) -> str | None:
        """It is back when it labels; where nothing is to be labeled, nobody can tell."""
        quiet = store.last_label is None or store.last_label < self.killed_at
        return "nobody labels what waits" if self.victim == "simulate" and quiet and store.open else None

    def _jobs(self, store: Seen) -> str | None:
        for job in self.held.values():
            if not goes_on(store.jobs[job.key], attempt=job.attempt + 1, since=self.killed_at):
                return f"{job.key} waits for a worker"
        for job in self.others.values():
            if not goes_on(store.jobs[job.key], attempt=job.attempt, since=self.killed_at):
                return f"{job.key} gives no sign of life"
        return None


def begin(victim: str, look: Look) -> Recovery:
    """To be called at the kill."""
    running = [] if look.store is None else look.store.running
    everywhere = victim in ("postgres", "valkey")
    held = {job.key: job for job in running if victim in (job.queue, "prefloop")}
    return Recovery(victim, look.pids, held, {job.key: job for job in running} if everywhere else {})


def goes_on(job: SeenJob, *, attempt: int, since: datetime) -> bool:
    """It is done, or runs: as that attempt or a later one, and alive since then."""
    if job.state is JobState.RUNNING:
        return job.attempt >= attempt and job.heartbeat_at > since
    return job.state is JobState.DONE


def unrecoverable(jobs: Collection[SeenJob]) -> list[str]:
    """Jobs that no worker will take again."""
    return [job.key for job in jobs if job.state in (JobState.FAILED, JobState.CANCELED)]
