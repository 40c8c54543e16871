"""Processes killed with SIGKILL at the worst moments: the loop goes on bit for bit as if nobody had been."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis
from sqlalchemy import create_engine, text

from shared.store.migrate import migrate
from tests.faults.playing import Played, play, settings
from tests.faults.points import POINTS

# Every point in one run, each at a job of its own, so that the first difference names it. A process that is started
# again does its predecessor's job first: hence the counts.
DISTURBED = {
    "orchestrator": ["between-commit-and-enqueue@2"],
    "sampler": ["after-sampling-before-insert"],
    "reward_trainer": ["mid-reward-training@2", "after-commit-before-rq@3"],
    "ppo": ["mid-publish", "mid-rollout@2", "mid-optimizer-save@2", "between-rename-and-promotion@2"],
}
AT = [  # in the order of the run: at which job, and the state and the attempt in which that job is left
    ("mid-publish", "policy-0", "running", 1),
    ("after-sampling-before-insert", "sample-0", "running", 1),
    ("mid-reward-training@2", "reward-1", "running", 1),
    ("mid-rollout@2", "policy-1", "running", 1),
    ("between-commit-and-enqueue@2", "reward-2", "queued", 1),
    ("mid-optimizer-save@2", "policy-2", "running", 1),
    ("after-commit-before-rq@3", "reward-3", "done", 1),
    ("between-rename-and-promotion@2", "policy-3", "running", 1),
]


@pytest.fixture(scope="module")
def played(_addresses: tuple[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Played, Played]]:
    """An undisturbed run, and one with every point in it."""
    folder: Path = tmp_path_factory.mktemp("faults")
    runs = []
    for name, points in (("undisturbed", {}), ("disturbed", DISTURBED)):
        _execute(_addresses[0], f"CREATE DATABASE {name}")
        url = f"{_addresses[0].rpartition('/')[0]}/{name}"
        migrate(url)
        with Redis.from_url(_addresses[1]) as redis:
            redis.flushall()
        runs.append(play(settings(url, _addresses[1], folder / name), folder / f"{name}-logs", points))
    yield runs[0], runs[1]
    for name in ("undisturbed", "disturbed"):
        _execute(_addresses[0], f"DROP DATABASE {name} WITH (FORCE)")


@pytest.mark.parametrize(("point", "key", "state", "attempt"), AT)
def test_killed_there_its_job_ends_as_if_nobody_had_been(
    played: tuple[Played, Played], point: str, key: str, state: str, attempt: int
) -> None:
    undisturbed, disturbed = played
    assert disturbed.deaths[point][key] == (state, attempt)  # what the dead left behind
    assert disturbed.jobs[key] == ("done", attempt + (state == "running"))
    assert disturbed.made[key] == undisturbed.made[key]


def test_the_whole_run_is_the_same_bit_for_bit(played: tuple[Played, Played]) -> None:
    undisturbed, disturbed = played
    assert len(undisturbed.labels) >= 24
    assert disturbed.labels == undisturbed.labels
    assert disturbed.made == undisturbed.made
    assert len({str(made) for key, made in undisturbed.made.items() if key.startswith("policy")}) == 4


def test_every_point_is_tried() -> None:
    assert {point.partition("@")[0] for point, *_ in AT} == POINTS.keys()


def _execute(url: str, statement: str) -> None:
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(statement))
    engine.dispose()
