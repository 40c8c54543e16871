"""Rollbacks, what they end and refuse, and what else operators may ask for."""

import threading

import pytest

from shared.domain import ActionKind, JobState, LoopError, RewardStatus, Service
from shared.messages import PruneCheckpoints, SampleQueries, TrainPolicy, TrainReward
from shared.settings import LabelSettings, Settings
from shared.store import actions, audit, jobs, loop, overriding, steering, stops, versions
from shared.store.claims import SWEEP
from shared.store.database import Database
from shared.store.jobs import TRIES, SupersededError
from shared.store.steering import RefusedError
from tests.shared.store.rows import (
    Who,
    add_person,
    add_policy,
    add_queries,
    add_reward,
    counters,
    expire,
    label,
    running,
    seen,
    sql,
    take,
)

SETTINGS = Settings()
WHO: Who = {"by": "rosa", "reason": "odd texts"}


def trained(db: Database) -> None:
    """Policies 0, 1 (by r 1) and 2 (by r 3); reward 2 was rejected."""
    loop.start(db, SETTINGS)
    add_policy(db)
    add_reward(db, 1)
    add_policy(db, 1, reward_version=1, episodes=100)
    add_reward(db, 2, RewardStatus.REJECTED)
    add_reward(db, 3)
    add_policy(db, 2, reward_version=3, episodes=200)


def live(db: Database) -> tuple[int | None, int | None]:
    state = loop.state(db)
    return state.policy_version, state.reward_version


def test_a_rollback_makes_an_earlier_pair_live_and_numbers_go_on(db: Database) -> None:
    trained(db)
    assert live(db) == (2, 3)
    done = steering.rollback(db, policy=1, **WHO)
    assert (done.kind, done.by, done.reason) == (ActionKind.ROLLBACK, "rosa", "odd texts")
    assert done.detail == {"policy": 1, "reward": 1, "last_policy": 2, "last_reward": 3}
    assert done.result == {"canceled": [], "retired": 0}
    assert live(db) == (1, 1)
    assert loop.state(db).episodes == 100
    running(db, TrainPolicy(version=3, parent=1, reward_version=1))
    assert live(db) == (1, 1)
    steering.rollback(db, policy=2, reward=1, **WHO)  # an abandoned one, with another r
    assert live(db) == (2, 1)
    assert loop.state(db).last_policy == 3  # its number is never given again
    steering.rollback(db, policy=0, **WHO)
    assert live(db) == (0, None)
    add_reward(db, 4)
    assert live(db) == (0, 4)


@pytest.mark.parametrize(
    ("pair", "words"),
    [
        ({"policy": 7}, "policy: there is no version 7; there are 0, 1, 2"),
        ({"policy": 1, "reward": 9}, "reward: there is no version 9; there are 1, 3"),
        ({"policy": 1, "reward": 2}, r"reward: version 2 was rejected \(sound\)"),
        ({"policy": 0, "reward": 0}, "reward: there is no version 0"),
    ],
)
def test_what_cannot_be_gone_back_to(db: Database, pair: dict[str, int], words: str) -> None:
    trained(db)
    with pytest.raises(RefusedError, match=words):
        steering.rollback(db, **pair, **WHO)
    assert (live(db), audit.trail(db)) == ((2, 3), [])


def test_pruned_versions_cannot_be_gone_back_to(db: Database) -> None:
    trained(db)
    sql(db, "UPDATE rewards SET pruned_at = now() WHERE version = 1")
    with pytest.raises(RefusedError, match="reward: the weights of version 1 were pruned"):
        steering.rollback(db, policy=1, **WHO)
    sql(db, "UPDATE policies SET pruned_at = now() WHERE version = 1")
    with pytest.raises(RefusedError, match="policy: the weights of version 1 were pruned"):
        steering.rollback(db, policy=1, reward=3, **WHO)
    with pytest.raises(RefusedError, match=r"there are 0, 2$"):
        steering.rollback(db, policy=5, **WHO)


def test_a_rollback_ends_what_is_under_way_or_failed_and_leaves_a_prune(db: Database) -> None:
    trained(db)
    label_one(db)
    asked, prune = steering.retrain(db, **WHO), steering.ask_prune(db, **WHO)
    moving = running(db, TrainPolicy(version=3, parent=2, reward_version=3))
    running(db, PruneCheckpoints(request=prune.id))
    jobs.remember(db, TrainReward(version=4, labels=0, request=asked.id))
    jobs.remember(db, SampleQueries(first=8, count=8, policy_version=2))
    sql(db, "UPDATE jobs SET state = 'failed' WHERE key = 'sample-8'")
    done = steering.rollback(db, policy=1, **WHO)
    assert done.result == {"canceled": ["policy-3", "reward-4", "sample-8"], "retired": 0}
    assert {seen(db, key)[0] for key in ("policy-3", "reward-4", "sample-8")} == {JobState.CANCELED}
    assert seen(db, f"prune-{prune.id}")[0] is JobState.RUNNING
    assert actions.asked(db, asked.id).result == {"canceled_by": done.id}
    with pytest.raises(SupersededError):
        jobs.require_running(db, moving.key, moving.attempt)
    with pytest.raises(SupersededError):
        publish(db, 3)
    state = loop.state(db)
    assert (live(db), state.failed, state.training_policy, state.sampling) == ((1, 1), (), False, 0)
    assert (state.last_policy, state.last_reward) == (3, 4)
    assert state.next_position == 16  # positions of canceled jobs are passed over


def test_nobody_is_asked_what_abandoned_policies_said(db: Database) -> None:
    trained(db)
    for version in range(3):
        add_queries(db, [2 * version, 2 * version + 1], policy_version=version)
    ada = add_person(db)
    take(db, ada)  # of policy 2, the newest
    done = steering.rollback(db, policy=1, **WHO)
    assert done.result is not None
    assert done.result["retired"] == 1
    retired = [counters(db, position)[2] for position in range(6)]
    assert retired.count(True) == 1
    assert retired[:4] == [False] * 4
    assert steering.retire_abandoned(db) == 0
    expire(db)
    sql(db, SWEEP.text)  # it comes back unanswered
    assert steering.retire_abandoned(db) == 1
    assert take(db, ada).query_text in ("query 2", "query 3")


def test_a_segment_planned_before_a_rollback_is_not_noted_after_it(db: Database) -> None:
    trained(db)
    before = loop.state(db)
    stale = TrainPolicy(version=3, parent=2, reward_version=3)
    steering.rollback(db, policy=1, **WHO)
    steering.note_planned(db, before, [stale])
    assert not loop.state(db).training_policy
    fresh = TrainPolicy(version=3, parent=1, reward_version=1)
    steering.note_planned(db, loop.state(db), [fresh])
    assert seen(db, "policy-3") == (JobState.QUEUED, 1)


def test_a_publication_and_a_rollback_at_once_never_leave_the_abandoned_one_live(db: Database) -> None:
    trained(db)
    for version in range(3, 7):
        running(db, TrainPolicy(version=version, parent=2, reward_version=3))
        together = threading.Barrier(2)

        def publishing(version: int = version, together: threading.Barrier = together) -> None:
            together.wait()
            try:
                publish(db, version)
            except SupersededError:
                assert versions.policy(db, version) is None

        thread = threading.Thread(target=publishing)
        thread.start()
        together.wait()
        steering.rollback(db, policy=1, **WHO)
        thread.join()
        assert live(db) == (1, 1)


def test_retraining_is_asked_for_once_and_with_labels(db: Database) -> None:
    loop.start(db, SETTINGS)
    with pytest.raises(RefusedError, match="no labels"):
        steering.retrain(db, **WHO)
    add_policy(db)
    label_one(db)
    asked = steering.retrain(db, **WHO)
    with pytest.raises(RefusedError, match=f"action {asked.id} asks for the same"):
        steering.retrain(db, **WHO)
    assert loop.state(db).retrain == asked.id


def test_failed_jobs_are_tried_again(db: Database) -> None:
    trained(db)
    with pytest.raises(RefusedError, match="no job has failed"):
        steering.retry(db, **WHO)
    made = running(db, TrainPolicy(version=3, parent=2, reward_version=3))
    for attempt in range(1, TRIES + 1):
        jobs.fail(db, made.key, attempt, "no")
        jobs.begin(db, made.key, attempt + 1)
    assert loop.state(db).failed == ("policy-3",)
    assert steering.retry(db, **WHO).detail == {"jobs": ["policy-3"]}
    assert seen(db, "policy-3") == (JobState.QUEUED, TRIES + 1)


def test_settings_change_and_are_reset_with_a_trail(db: Database) -> None:
    loop.start(db, SETTINGS)
    first = overriding.set_setting(db, SETTINGS, "ppo.lr", "1e-5", **WHO)
    assert first.detail == {"key": "ppo.lr", "value": 1e-5, "was": 5e-5}
    second = overriding.set_setting(db, SETTINGS, "ppo.lr", 2e-5, **WHO)
    assert second.detail["was"] == 1e-5
    overriding.set_setting(db, SETTINGS, "guards.kl", None, **WHO)
    assert actions.overrides(db) == {"ppo.lr": 2e-5, "guards.kl": None}
    reset = overriding.reset_setting(db, SETTINGS, "ppo.lr", **WHO)
    assert reset.detail == {"key": "ppo.lr", "reset": True, "was": 2e-5}
    assert actions.overrides(db) == {"guards.kl": None}
    assert [entry.kind for entry in audit.trail(db)] == ["set"] * 4


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("ppo.batch", 8, "ppo.batch may not change while the loop runs: one of labels.budget"),
        ("nonsense", 8, "nonsense may not change"),
        ("ppo.lr", -1, r"ppo.lr: .*greater than 0 \(got -1\)"),
        ("ppo.lr", "inf", "ppo.lr: inf is no number"),
        ("labels.budget", 200, r"labels.initial \(300\) is above labels.budget \(200\)"),
        ("labels.budget", [1], "labels.budget"),
    ],
)
def test_settings_that_do_not_fit(db: Database, key: str, value: object, words: str) -> None:
    loop.start(db, SETTINGS)
    with pytest.raises(RefusedError, match=words):
        overriding.set_setting(db, SETTINGS, key, value, **WHO)
    with pytest.raises(RefusedError, match=r"may not change|nothing to reset"):
        overriding.reset_setting(db, SETTINGS, key, **WHO)
    assert audit.trail(db) == []


def test_a_loop_does_not_start_with_settings_that_no_longer_fit(db: Database) -> None:
    loop.start(db, SETTINGS)
    overriding.set_setting(db, SETTINGS, "labels.budget", 400, **WHO)
    wants_more = Settings(labels=LabelSettings(initial=500))
    with pytest.raises(LoopError, match=r"(?s)labels.initial .500. is above labels.budget .400..*prefloop set"):
        loop.start(db, wants_more)
    overriding.reset_setting(db, SETTINGS, "labels.budget", **WHO)
    loop.start(db, wants_more)


def test_the_trail_tells_of_stops_too(db: Database) -> None:
    loop.start(db, SETTINGS)
    stops.stop(db, by="ada", reason="odd", service=Service.PPO)
    overriding.set_setting(db, SETTINGS, "keep.newest", 5, **WHO)
    stops.resume(db, by="rosa", service=Service.PPO)
    about = {"service": "ppo", "cause": None}
    found = [(entry.kind, entry.by, entry.detail) for entry in audit.trail(db)]
    assert found == [
        ("resume", "rosa", about),
        ("set", "rosa", {"key": "keep.newest", "value": 5, "was": 3}),
        ("stop", "ada", about),
    ]
    assert [entry.kind for entry in audit.trail(db, limit=1)] == ["resume"]


def label_one(db: Database) -> None:
    add_queries(db, [0])
    label(db, add_person(db))


def publish(db: Database, version: int) -> None:
    versions.publish_policy(
        db, f"policy-{version}", 1, version=version, parent=2, reward_version=3, path=f"policy/{version}",
        sha256="0" * 64, episodes=300, kl=1.0, kl_coef=0.1, score=1.0,
    )  # fmt: skip
