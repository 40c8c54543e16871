"""Operators steer a loop of real workers with a tiny model: back to an earlier pair, on with other settings, pruned."""

import json
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

import pytest

from services.orchestrator.tick import tick
from shared.checkpoints import MANIFEST, Checkpoints
from shared.domain import Job, JobState, LoopError, Service
from shared.messages import AnyMessage, PublishReference, SampleQueries, TrainPolicy, TrainReward
from shared.plan import plan
from shared.queues import Queues
from shared.store import actions, jobs, loop, overriding, steering, stops, versions
from shared.store.database import Database
from shared.store.jobs import SupersededError
from tests.services.test_workers import Loop, Worker, started
from tests.shared.store.rows import Who, job, seen, sql

WHO: Who = {"by": "rosa", "reason": "odd texts"}
REACHED: tuple[AnyMessage, ...] = (
    PublishReference(),
    SampleQueries(first=0, count=24, policy_version=0),
    TrainReward(version=1, labels=10),
    TrainPolicy(version=1, reward_version=1),
    TrainPolicy(version=2, reward_version=1),
)


@pytest.fixture
def playing(db: Database, database_url: str, tmp_path: Path) -> tuple[Loop, dict[str, Worker]]:
    """π1 and π2 were trained with r1; the workers hold in memory what they hold then."""
    playing = started(db, database_url, tmp_path)
    kept = playing.workers()
    for message in REACHED:
        if isinstance(message, TrainReward):
            playing.label_everything()
        playing.do(message, kept)
    return playing, kept


def begun(db: Database, key: str) -> Job:
    found = jobs.begin(db, key, 1)
    assert found is not None
    return found


def planned(playing: Loop) -> list[AnyMessage]:
    """What the orchestrator notes now, in its order."""
    state = loop.state(playing.db)
    wanted = plan(state, playing.settings)
    steering.note_planned(playing.db, state, wanted)
    return list(wanted)


@contextmanager
def when(said: str, do: Callable[[], object]) -> Iterator[None]:
    """Do it once, when a worker says this."""

    class Ear(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.getMessage().startswith(said) and not heard.is_set():
                heard.set()
                do()

    heard, ear = threading.Event(), Ear()
    logging.getLogger().addHandler(ear)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(ear)
    assert heard.is_set()


def test_after_a_rollback_the_same_segment_gives_the_same_policy_bit_for_bit(
    playing: tuple[Loop, dict[str, Worker]], db: Database, caplog: pytest.LogCaptureFixture
) -> None:
    at, workers = playing
    caplog.set_level(logging.INFO)
    jobs.remember(db, TrainPolicy(version=3, parent=2, reward_version=1))
    under_way = begun(db, "policy-3")
    back = partial(steering.rollback, db, policy=1, **WHO)
    with when("episode 40:", back), pytest.raises(SupersededError):
        workers["ppo"](under_way)
    jobs.remember(db, TrainReward(version=2, labels=10))
    training = begun(db, "reward-2")
    with when("reward 2: training on", back), pytest.raises(SupersededError):
        workers["reward_trainer"](training)
    assert {seen(db, key)[0] for key in ("policy-3", "reward-2")} == {JobState.CANCELED}
    assert [reward.version for reward in versions.rewards(db)] == [1]
    assert [policy.version for policy in versions.policies(db)] == [0, 1, 2]
    state = loop.state(db)
    assert (state.policy_version, state.reward_version, state.episodes) == (1, 1, 16)
    wanted = planned(at)
    assert TrainPolicy(version=4, parent=1, reward_version=1) in wanted
    assert {one.policy_version for one in wanted if isinstance(one, SampleQueries)} <= {1}
    workers["ppo"](begun(db, "policy-4"))
    two, four = versions.policy(db, 2), versions.policy(db, 4)
    assert two is not None
    assert four is not None
    assert (four.sha256, four.episodes, four.kl_coef) == (two.sha256, two.episodes, two.kl_coef)
    assert versions.live_policy(db) == four


def test_a_loop_is_steered_while_it_goes_on(
    playing: tuple[Loop, dict[str, Worker]], db: Database, redis_url: str
) -> None:
    """r is trained once more beside the schedule, with settings that were changed, while the PPO worker is paused."""
    at, workers = playing
    asked = steering.retrain(db, **WHO)
    overriding.set_setting(db, at.settings, "reward.batch", 100, **WHO)
    overriding.set_setting(db, at.settings, "labels.budget", 24, **WHO)  # these are there: π need not wait for more
    stops.stop(db, by="rosa", reason="odd", service=Service.PPO)
    before = loop.state(db).reward_trainings
    with closing(Queues(redis_url)) as queues:
        tick(db, queues, at.settings)
        assert {name for name, depth in queues.depths().items() if depth} == {"reward_trainer"}
        stops.resume(db, by="rosa", service=Service.PPO)
        tick(db, queues, at.settings)
        assert {name for name, depth in queues.depths().items() if depth} == {"reward_trainer", "ppo"}
    workers["reward_trainer"](begun(db, "reward-2"))
    state, reward = loop.state(db), versions.reward(db, 2)
    assert (state.reward_trainings, state.last_reward, state.retrain) == (before, 2, None)
    assert reward is not None
    assert actions.asked(db, asked.id).result == {"reward": 2, "status": reward.status}
    manifest = json.loads((at.settings.checkpoints / reward.path / MANIFEST).read_text())["facts"]
    assert (manifest["settings"]["reward"]["batch"], len(manifest["losses"])) == (100, 1)  # all labels in one step


def test_a_prune_leaves_what_is_in_use_and_goes_on_after_a_crash(
    playing: tuple[Loop, dict[str, Worker]], db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at, workers = playing
    for version in (3, 4):
        at.do(TrainPolicy(version=version, parent=version - 1, reward_version=1), workers)
    leftover = tmp_path / "policy" / "000002-7"  # of an attempt that was given up before the store had its row
    leftover.mkdir()
    (leftover / "model.safetensors").write_bytes(b"12345")
    overriding.set_setting(db, at.settings, "keep.newest", 1, **WHO)
    sql(db, "UPDATE queries SET retired = true")

    tried = steering.ask_prune(db, dry_run=True, **WHO)
    planned(at)
    workers["sampler"](begun(db, f"prune-{tried.id}"))
    would = actions.asked(db, tried.id).result
    assert would is not None
    assert (would["dry_run"], would["policies"], would["rewards"], would["folders"]) == (True, [1, 2, 3], [], 4)
    assert all(policy.pruned_at is None for policy in versions.policies(db))

    asked = steering.ask_prune(db, **WHO)
    planned(at)
    remove = Checkpoints.remove

    def killed(checkpoints: Checkpoints, path: str) -> int:
        if path == "policy/000002-1":
            raise KeyboardInterrupt
        return remove(checkpoints, path)

    monkeypatch.setattr(Checkpoints, "remove", killed)
    with pytest.raises(KeyboardInterrupt):
        workers["sampler"](begun(db, f"prune-{asked.id}"))
    monkeypatch.undo()
    assert actions.asked(db, asked.id).result is None
    jobs.give_back(db, f"prune-{asked.id}", 1)
    assert jobs.begin(db, f"prune-{asked.id}", 2) is not None
    workers["sampler"](job(db, f"prune-{asked.id}"))

    result = actions.asked(db, asked.id).result
    assert result is not None
    assert (result["policies"], result["rewards"], result["folders"]) == ([1, 2, 3], [], 3)
    assert 0 < result["bytes"] < would["bytes"]
    left = sorted(path.name for path in (tmp_path / "policy").iterdir())
    assert left == ["000000-1", "000004-1"]
    assert [path.name for path in (tmp_path / "reward").iterdir()] == ["000001-1"]
    with pytest.raises(LoopError, match="policy version 2 was pruned"):
        at.do(SampleQueries(first=50, count=1, policy_version=2), at.workers())
    at.do(TrainPolicy(version=5, parent=4, reward_version=1), at.workers())  # all that it needs is there
