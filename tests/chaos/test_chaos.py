"""The parts of `make chaos` that decide: who is killed when, what counts as equal, what counts as back."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

import pytest

from services.cli.running import WORKERS
from shared.checkpoints import Checkpoints
from shared.domain import JobState
from shared.messages import PublishReference, TrainPolicy
from shared.store import jobs, versions
from shared.store.database import Database
from tests.chaos import outcome
from tests.chaos.kills import Moment, draw
from tests.chaos.look import Look, Seen, SeenJob
from tests.chaos.loop import VICTIMS
from tests.chaos.outcome import Label, Outcome, Version, differences
from tests.chaos.recovery import Recovery

LABEL = Label(0, "x", ("y0", "y1"), 1, None, "labeler", 0)
RUN = Outcome([LABEL, replace(LABEL, position=1)], [Version(0, "a" * 64, ()), Version(1, "b" * 64, ())], [])
KILLED = datetime(2026, 1, 1, tzinfo=UTC)
PIDS = {name: 10 + index for index, name in enumerate(VICTIMS)}


def test_the_seed_draws_the_kills_and_none_is_left_out() -> None:
    kills = list(islice(draw(7, VICTIMS, every=2.0), 2 * len(VICTIMS)))
    assert kills == list(islice(draw(7, VICTIMS, every=2.0), 2 * len(VICTIMS)))
    assert kills != list(islice(draw(8, VICTIMS, every=2.0), 2 * len(VICTIMS)))
    assert set(Counter(kill.victim for kill in kills).values()) == {2}
    assert {kill.moment for kill in kills} == set(Moment)
    assert {*WORKERS, "prefloop", "postgres", "valkey", "labeling", "dashboard", "simulate"} == {*VICTIMS}


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (replace(RUN, labels=RUN.labels[:1]), "label: 2 undisturbed, 1 disturbed"),
        (replace(RUN, labels=[LABEL, replace(LABEL, position=1, best=0)]), "best=0"),
        (replace(RUN, policies=[RUN.policies[0], Version(1, "c" * 64, ())]), "c" * 64),
        (replace(RUN, rewards=[Version(1, "d" * 64, ())]), "reward: 0 undisturbed, 1 disturbed"),
    ],
)
def test_a_difference_is_told(other: Outcome, said: str) -> None:
    assert differences(RUN, RUN) == []
    assert any(said in one for one in differences(RUN, other))


def test_half_a_version_and_a_gap_are_faults(db: Database, tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path)
    publish(db, checkpoints, PublishReference(), version=0)
    assert outcome.faults(db, checkpoints) == []
    publish(db, checkpoints, TrainPolicy(version=2, parent=0, reward_version=1), version=2)
    (tmp_path / "policy" / "000002-1" / "weights").write_text("torn")
    torn, gap, unpublished = outcome.faults(db, checkpoints)
    assert "weights is damaged" in torn
    assert "policy versions are [0, 2]" in gap
    assert "policy 2 was trained with reward None, not published then" in unpublished


def publish(db: Database, checkpoints: Checkpoints, message: PublishReference | TrainPolicy, *, version: int) -> None:
    jobs.remember(db, message)
    jobs.begin(db, message.key, 1)
    made = checkpoints.publish("policy", version, 1, _write, {})
    versions.publish_policy(
        db, message.key, 1, version=version, parent=None, reward_version=None, path=made.path, sha256=made.sha256,
        episodes=0, kl=None, kl_coef=0.2, score=None,
    )  # fmt: skip


def _write(folder: Path) -> None:
    (folder / "weights").write_text("whole")


def seen(*running: SeenJob, alive: int | None = None) -> Seen:
    there = {} if alive is None else {"ppo": frozenset({alive})}
    return Seen("", "", None, 0, 0, 0, None, {job.key: job for job in running}, there)


def test_a_worker_is_back_when_its_successor_does_its_job() -> None:
    before = SeenJob("policy-1", 1, JobState.RUNNING, "ppo", KILLED)
    after = SeenJob("policy-1", 2, JobState.RUNNING, "ppo", KILLED + timedelta(seconds=9))
    recovery = Recovery("ppo", PIDS, {"policy-1": before}, {}, killed_at=KILLED)
    new = {**PIDS, "ppo": 99}
    waiting = replace(after, state=JobState.QUEUED)
    assert recovery.missing(Look(PIDS, seen(before))) == "ppo is not started again"
    assert recovery.missing(Look(new, None)) == "PostgreSQL does not answer"
    assert recovery.missing(Look(new, seen(before, alive=PIDS["ppo"]))) == "ppo gives no sign of life"
    assert recovery.missing(Look(new, seen(waiting, alive=99))) == "policy-1 waits for a worker"
    assert recovery.missing(Look(new, seen(after, alive=99))) is None
    assert recovery.missing(Look(new, seen(replace(before, state=JobState.DONE), alive=99))) is None


def test_a_page_is_back_when_it_answers_and_prefloop_when_all_are() -> None:
    page = Recovery("labeling", PIDS, {}, {}, killed_at=KILLED)
    new = {**PIDS, "labeling": 98}
    assert page.missing(Look(new, seen())) == "labeling does not answer"
    everything = Recovery("prefloop", PIDS, {}, {}, killed_at=KILLED)
    assert everything.missing(Look({**new, "prefloop": 99}, seen())) == "postgres is not started again"
