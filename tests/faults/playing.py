"""A small loop from its beginning to its end: real processes, one labeler, one seed, and deaths at given points."""

import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from signal import SIGKILL

from pydantic import SecretStr

from shared.domain import Role, Schedule
from shared.plan import finished
from shared.settings import (
    GateSettings,
    GuardSettings,
    LabelSettings,
    ModelSettings,
    PPOSettings,
    RewardSettings,
    SamplerSettings,
    Settings,
    TaskSettings,
)
from shared.store import accounts, loop
from shared.store.database import Database
from tests.faults.processes import SERVICES, start
from tests.models import tiny_model
from tests.shared.store.rows import answer, ask, sql

SECONDS = 240.0  # until it counts as hanging

Rows = list[tuple[object, ...]]


@dataclass(slots=True)
class Played:
    """What a loop came to. `deaths`: the points at which a process died, in turn, with the jobs as they were then.

    labels: position, text, the chosen response's text. made: by key of the job, what it left behind.
    """

    labels: Rows = field(default_factory=list)
    made: dict[str, object] = field(default_factory=dict)
    deaths: dict[str, dict[str, tuple[str, int]]] = field(default_factory=dict)
    jobs: dict[str, tuple[str, int]] = field(default_factory=dict)


def settings(database_url: str, redis_url: str, checkpoints: Path) -> Settings:
    """Three stages: labels, a reward training and two batches of PPO each. Gate and guards let everything pass."""
    return Settings(
        schedule=Schedule.BATCHED,
        database_url=SecretStr(database_url),
        redis_url=SecretStr(redis_url),
        checkpoints=checkpoints,
        model=ModelSettings(ref_policy=str(tiny_model())),
        labels=LabelSettings(budget=24, initial=8, retrainings=3, evaluation_share=0, overlap_share=0),
        task=TaskSettings(truncate_token="\x03", truncate_after=0, response_tokens=12),  # what the tiny model says most
        sampler=SamplerSettings(rounds=60),
        reward=RewardSettings(batch=4, normalize_samples=16),
        ppo=PPOSettings(batch=8, segment_batches=2, episodes=48, epochs=2),
        gate=GateSettings(resamples=100, calibration=1, rank=-1, length=1, shadow=0, spread=1e9),
        guards=GuardSettings(window=10_000, kl=None, label_age=None),
    )


def play(settings: Settings, logs: Path, points: Mapping[str, Sequence[str]]) -> Played:
    """`points`: for a service, those at which its process dies, one process after the other."""
    logs.mkdir()
    played = Played()
    waiting = {service: list(points.get(service, ())) for service in SERVICES}
    armed: dict[str, str | None] = {}
    processes: dict[str, ForkServerProcess] = {}

    def begin(service: str) -> None:
        armed[service] = waiting[service].pop(0) if waiting[service] else None
        processes[service] = start(service, settings, logs, armed[service])

    with closing(Database(settings.database_url.get_secret_value())) as db:
        loop.start(db, settings)
        principal = accounts.authenticate(db, accounts.create_account(db, "ann", Role.LABELER))
        assert principal is not None
        for service in SERVICES:
            begin(service)
        try:
            deadline = time.monotonic() + SECONDS
            while not finished(loop.state(db), settings):
                assert time.monotonic() < deadline, (played.deaths, armed, _jobs(db), logs)
                _label(db, principal.labeler_id)
                for service in SERVICES:
                    if processes[service].exitcode is not None:
                        point = armed[service]
                        assert point is not None, f"{service} ended: see {logs}"
                        assert processes[service].exitcode == -SIGKILL, point
                        played.deaths[point] = _jobs(db)
                        begin(service)
                time.sleep(0.1)
        finally:
            for process in processes.values():
                process.terminate()
                process.join()
        played.jobs = _jobs(db)
        played.labels = sql(
            db,
            "SELECT q.position, q.text, r.text, r.tokens FROM labels JOIN queries q ON q.id = query_id "
            "JOIN responses r ON r.query_id = q.id AND r.index = best ORDER BY labels.id",
        )
        played.made = _made(db)
    return played


def _label(db: Database, labeler_id: int) -> None:
    """Answer what waits. One person who likes the letter e, in whatever order the responses are shown."""
    while lease := ask(db, labeler_id):
        answer(db, labeler_id, lease, max(range(4), key=lambda i: (lease.texts[i].count("e"), lease.texts[i])))


def _jobs(db: Database) -> dict[str, tuple[str, int]]:
    return {
        str(key): (str(state), int(attempt)) for key, state, attempt in sql(db, "SELECT key, state, attempt FROM jobs")
    }


def _made(db: Database) -> dict[str, object]:
    """What each job left: the weights' sha256 and the figures of a version, the queries of a sampling."""
    made: dict[str, object] = {}
    for version, *rest in sql(db, "SELECT version, sha256, episodes, kl, kl_coef, score FROM policies"):
        curves = "SELECT batch, stats - 'seconds' FROM ppo_batches WHERE policy_version = :version ORDER BY batch"
        made[f"policy-{version}"] = rest, sql(db, curves, version=version)
    for version, *rest in sql(
        db, "SELECT version, sha256, status, labels, held_out, accuracy, gain, bias FROM rewards"
    ):
        made[f"reward-{version}"] = rest
    for key, first, count in sql(
        db, "SELECT key, message->'first', message->'count' FROM jobs WHERE queue = 'sampler'"
    ):
        asked = (
            "SELECT position, q.text, index, r.text FROM queries q JOIN responses r ON query_id = id "
            "WHERE position BETWEEN :first AND :last ORDER BY position, index"
        )
        made[str(key)] = sql(db, asked, first=first, last=first + count - 1)
    return made
