"""The three clocks, counted by hand."""

from datetime import timedelta

import pytest

from shared.domain import RewardStatus
from shared.store import freshness
from shared.store.database import Database
from shared.store.freshness import Clock
from shared.store.versions import policies, rewards
from tests.shared.store.rows import add_person, add_policy, add_queries, add_reward, label, sql


def moved(db: Database, table: str, key: int, seconds: float) -> None:
    """Let a row have come so long ago."""
    column = "id" if table in ("labels", "queries") else "version"
    sql(
        db,
        f"UPDATE {table} SET created_at = now() - make_interval(secs => :seconds) WHERE {column} = :key",
        key=key, seconds=seconds,
    )  # fmt: skip


def seconds(clock: Clock) -> dict[int, object]:
    return {arrival.version: pytest.approx(arrival.seconds, abs=1) for arrival in clock.history}


def test_before_anything_nothing_waits(db: Database) -> None:
    found = freshness.read(db)
    assert found == freshness.Freshness(Clock(None, []), Clock(None, []), Clock(None, []))
    assert found.label_to_reward.last is None


def test_labels_wait_for_the_first_published_reward_that_learns_from_them(db: Database) -> None:
    add_policy(db)
    add_queries(db, range(6))
    ada = add_person(db)
    first, second, third, fourth = (label(db, ada) for _ in range(4))
    add_reward(db, 1, watermark=second)
    add_reward(db, 2, RewardStatus.REJECTED, watermark=third)
    for label_id, ago in ((first, 900), (second, 950), (third, 500), (fourth, 100)):
        moved(db, "labels", label_id, ago)
    moved(db, "rewards", 1, 600)
    found = freshness.read(db).label_to_reward
    assert seconds(found) == {1: 350}
    assert found.now == pytest.approx(500, abs=5)  # the rejected one is of no use to it
    add_reward(db, 3, watermark=fourth)
    found = freshness.read(db).label_to_reward
    assert seconds(found) == {1: 350, 3: 500}
    assert found.history[1].at == rewards(db)[2].created_at
    assert found.now is None
    assert found.last == pytest.approx(500, abs=5)


def test_a_live_reward_waits_for_a_policy_and_a_policy_for_a_question(db: Database) -> None:
    add_policy(db)
    add_reward(db, 1)
    moved(db, "policies", 0, 1000)
    moved(db, "rewards", 1, 700)
    found = freshness.read(db)
    assert found.reward_to_policy.now == pytest.approx(700, abs=5)
    assert found.policy_to_sample.now == pytest.approx(1000, abs=5)
    add_queries(db, [0])
    add_policy(db, 1, reward_version=1)
    add_policy(db, 2, reward_version=1)
    moved(db, "queries", 1, 940)
    for version, ago in ((1, 300), (2, 200)):
        moved(db, "policies", version, ago)
    found = freshness.read(db)
    assert (seconds(found.reward_to_policy), found.reward_to_policy.now) == ({1: 400}, None)
    assert seconds(found.policy_to_sample) == {0: 60}  # policy 1 was never asked about: nothing is measured of it
    assert found.policy_to_sample.now == pytest.approx(200, abs=5)
    assert found.reward_to_policy.history[0].at - policies(db)[1].created_at == timedelta(0)
