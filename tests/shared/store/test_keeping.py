"""What is pruned, and above all what never is."""

import random
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain import RewardStatus
from shared.messages import PruneCheckpoints, SampleQueries, TrainPolicy, TrainReward
from shared.settings import KeepSettings, Settings
from shared.store import jobs, keeping, loop, steering, versions
from shared.store.database import Database
from shared.store.keeping import Known, Versions
from shared.store.steering import RefusedError
from tests.shared.store.rows import Who, add_policy, add_queries, add_reward, running, sql

WHO: Who = {"by": "rosa", "reason": "room"}
FEWEST = KeepSettings(newest=1)


def grown(db: Database, policies: int) -> None:
    """So many segments, each with an r of its own."""
    loop.start(db, Settings())
    add_policy(db)
    for version in range(1, policies + 1):
        add_reward(db, version)
        add_policy(db, version, reward_version=version)


numbers = st.integers(0, 12)
trained = st.dictionaries(numbers, st.one_of(st.none(), numbers), min_size=1)


@given(trained, st.sets(numbers), st.sets(numbers), st.sets(numbers), st.integers(1, 4), st.integers(0, 3))
def test_what_is_used_stays_with_its_reward_whatever_the_rules(
    there: dict[int, int | None], rewards: set[int], used: set[int], scoring: set[int], newest: int, every: int
) -> None:
    keep = KeepSettings(newest=newest, every=every)
    stay = keeping.staying(there, rewards, Versions(frozenset(used), frozenset(scoring)), keep)
    assert ({0} | used) & there.keys() <= stay.policies <= there.keys()
    assert scoring & rewards <= stay.rewards <= rewards
    assert {there[version] for version in stay.policies} & rewards <= stay.rewards
    assert set(sorted(there)[-newest:]) <= stay.policies
    assert set(sorted(rewards)[-newest:]) <= stay.rewards
    if every:
        assert {version for version in there if version % every == 0} <= stay.policies
    again = keeping.staying({v: there[v] for v in stay.policies}, stay.rewards, Versions(), keep)
    assert again.policies <= stay.policies


def test_only_the_newest_and_the_live_pair_stay_of_a_quiet_loop(db: Database) -> None:
    grown(db, 5)
    add_reward(db, 6, RewardStatus.REJECTED)
    steering.rollback(db, policy=3, **WHO)
    assert keeping.spare(db, FEWEST) == Versions(frozenset({1, 2, 4}), frozenset({1, 2, 4}))
    assert keeping.spare(db, KeepSettings(newest=2, every=2)) == Versions(frozenset({1}), frozenset({1}))
    keeping.mark(db, FEWEST)
    assert [policy.version for policy in versions.policies(db) if policy.pruned_at] == [1, 2, 4]
    assert keeping.spare(db, FEWEST) == Versions()  # all done
    assert (loop.state(db).policy_version, loop.state(db).reward_version) == (3, 3)


@pytest.mark.parametrize("state", ["queued", "running", "failed", "done", "canceled"])
def test_what_a_job_may_yet_read_stays(db: Database, state: str) -> None:
    grown(db, 6)
    jobs.remember(db, TrainPolicy(version=7, parent=2, reward_version=1))
    jobs.remember(db, SampleQueries(first=0, count=1, policy_version=3))
    sql(db, "UPDATE jobs SET state = :state WHERE key IN ('policy-7', 'sample-0')", state=state)
    gone = keeping.spare(db, FEWEST)
    if state in ("done", "canceled"):
        assert gone == Versions(frozenset(range(1, 6)), frozenset(range(1, 6)))
    else:
        assert gone == Versions(frozenset({1, 4, 5}), frozenset({4, 5}))


def test_what_people_are_asked_about_stays(db: Database) -> None:
    grown(db, 5)
    add_queries(db, [0], policy_version=2)
    compared = "INSERT INTO comparisons (version, against, alpha, state) VALUES (:a, :b, 0.05, :state)"
    sql(db, compared, a=1, b=4, state="open")
    sql(db, compared, a=3, b=3, state="ended")
    assert keeping.spare(db, FEWEST) == Versions(frozenset({3}), frozenset({3}))
    sql(db, "UPDATE queries SET retired = true")
    assert keeping.spare(db, FEWEST) == Versions(frozenset({2, 3}), frozenset({2, 3}))


def test_in_random_loops_nothing_in_use_is_marked(db: Database) -> None:
    """Rollbacks, publications, jobs and prunes in any order: what is live or named can always be read."""
    grown(db, 1)
    draw = random.Random(1)
    for _ in range(40):
        state = loop.state(db)
        there = [policy.version for policy in versions.policies(db) if policy.pruned_at is None]
        match draw.choice(["reward", "policy", "policy", "job", "end", "rollback", "prune"]):
            case "reward":
                add_reward(db, state.last_reward + 1)
            case "policy" if not state.training_policy:
                version = state.last_policy + 1
                add_policy(db, version, reward_version=state.reward_version, parent=state.policy_version)
            case "job" if state.reward_version is not None and not state.training_policy:
                version = state.last_policy + 1
                assert state.policy_version is not None
                segment = TrainPolicy(version=version, parent=state.policy_version, reward_version=state.reward_version)
                steering.note_planned(db, state, [segment])
            case "end":
                sql(db, "UPDATE jobs SET state = 'done' WHERE state = 'queued'")
            case "rollback":
                steering.rollback(db, policy=draw.choice(there), **WHO)
            case "prune":
                keeping.mark(db, KeepSettings(newest=draw.randint(1, 2), every=draw.choice([0, 4])))
        assert broken(db) == []


def broken(db: Database) -> list[tuple[object, ...]]:
    """Pruned versions that the loop may yet read."""
    state = loop.state(db)
    live = sql(
        db,
        "SELECT 'policy', version FROM policies WHERE pruned_at IS NOT NULL AND (version IN (0, :policy) OR version IN "
        "(SELECT (message->>'parent')::int FROM jobs WHERE state IN ('queued', 'running', 'failed'))) "
        "UNION ALL SELECT 'reward', version FROM rewards WHERE pruned_at IS NOT NULL AND (version = :reward "
        "OR version IN (SELECT reward_version FROM policies WHERE pruned_at IS NULL) OR version IN "
        "(SELECT (message->>'reward_version')::int FROM jobs WHERE state IN ('queued', 'running', 'failed')))",
        policy=state.policy_version,
        reward=state.reward_version,
    )
    return list(live)


def test_a_prune_and_a_rollback_at_once_do_not_cross(db: Database) -> None:
    grown(db, 6)
    for target in range(1, 5):
        together = threading.Barrier(2)

        def pruning(together: threading.Barrier = together) -> None:
            together.wait()
            keeping.mark(db, FEWEST)

        sql(db, "UPDATE policies SET pruned_at = NULL")
        sql(db, "UPDATE rewards SET pruned_at = NULL")
        thread = threading.Thread(target=pruning)
        thread.start()
        together.wait()
        try:
            steering.rollback(db, policy=target, **WHO)
        except RefusedError as error:
            refused = str(error)
        else:
            refused = ""
        thread.join()
        assert (loop.state(db).policy_version == target) == (refused == "")
        assert refused in ("", f"policy: the weights of version {target} were pruned; go back to another one")
        assert broken(db) == []


KNOWN = Known(
    paths={"policy/000003-2": ("policy", 3), "reward/000003-1": ("reward", 3)},
    given=frozenset({("policy", 3), ("policy", 4), ("reward", 3)}),
    busy=frozenset({("policy", 4)}),
)


@pytest.mark.parametrize(
    ("kind", "version", "path", "useless"),
    [
        ("policy", 3, "policy/000003-2", False),
        ("policy", 3, "policy/000003-1", True),  # of an attempt that was given up
        ("policy", 3, "policy/.000003-1-ab", True),
        ("policy", 4, "policy/.000004-1-ab", False),  # being written
        ("policy", 4, "policy/000004-1", False),  # between rename and promotion
        ("policy", 9, "policy/000009-1", False),  # of a store that knows more than this one
        ("reward", 3, "reward/000003-1", False),
    ],
)
def test_which_folders_are_useless(kind: str, version: int, path: str, useless: bool) -> None:
    assert KNOWN.is_useless((kind, version), path, Versions()) is useless


def test_what_is_known_of_folders(db: Database) -> None:
    grown(db, 2)
    add_reward(db, 3, RewardStatus.REJECTED)
    running(db, TrainReward(version=4, labels=1))
    running(db, PruneCheckpoints(request=1))
    sql(db, "UPDATE policies SET pruned_at = now() WHERE version = 1")
    known = keeping.known(db)
    assert set(known.paths) == {"policy/0", "policy/2", "reward/1", "reward/2", "reward/3"}
    assert known.busy == {("reward", 4)}
    assert known.given == {*(("policy", n) for n in range(3)), *(("reward", n) for n in range(1, 5))}
    assert known.is_useless(("policy", 1), "policy/1", Versions())
    assert known.is_useless(("policy", 2), "policy/2", Versions(policies=frozenset({2})))
