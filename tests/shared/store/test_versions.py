"""A version is there when its row is, and its row comes with the end of the job that made it."""

import dataclasses

import pytest

from shared.domain import JobState, PolicyVersion, RewardStatus, RewardVersion
from shared.messages import PublishReference, TrainReward
from shared.store import jobs, versions
from shared.store.database import Database
from shared.store.jobs import SupersededError
from shared.store.queries import Watermark
from tests.shared.store.rows import add_policy, add_reward, running, seen, sql


def test_before_the_first_there_is_none(db: Database) -> None:
    assert (versions.policies(db), versions.rewards(db)) == ([], [])
    assert (versions.live_policy(db), versions.live_reward(db)) == (None, None)
    assert (versions.policy(db, 0), versions.reward(db, 1)) == (None, None)


def test_policies_are_read_as_they_were_published(db: Database) -> None:
    add_policy(db)
    add_reward(db, 1)
    add_policy(db, 1, reward_version=1, episodes=1280)
    first, second = versions.policies(db)
    assert second == PolicyVersion(1, 0, 1, "policy/1", "0" * 64, 1280, 1.5, 0.15, 0.5, second.created_at)
    assert first == PolicyVersion(0, None, None, "policy/0", "0" * 64, 0, 0.0, 0.15, None, first.created_at)
    assert versions.live_policy(db) == versions.policy(db, 1) == second
    assert first.created_at < second.created_at
    assert seen(db, "policy-1") == (JobState.DONE, 1)


def test_the_newest_reward_is_the_newest_published_one(db: Database) -> None:
    for version, status in ((1, RewardStatus.REJECTED), (2, RewardStatus.PUBLISHED), (3, RewardStatus.REJECTED)):
        add_reward(db, version, status, watermark=10 * version)
        newest = versions.live_reward(db)
        assert (newest.version if newest else None) == (None if version == 1 else 2)
    published = versions.reward(db, 2)
    assert published is not None
    assert published == versions.live_reward(db)
    expected = RewardVersion(
        2, RewardStatus.PUBLISHED, "sound", "reward/2", "0" * 64, 9, 1, 20, 0, None, 0, 2.0, -1.0, published.created_at
    )
    assert published == expected
    assert [dataclasses.replace(r, created_at=published.created_at) for r in versions.rewards(db)][1] == expected
    assert [r.status for r in versions.rewards(db)] == ["rejected", "published", "rejected"]


def test_an_attempt_given_up_publishes_nothing(db: Database) -> None:
    for message in (PublishReference(), TrainReward(version=1, labels=1)):
        made = running(db, message)
        jobs.give_back(db, made.key, made.attempt)
    with pytest.raises(SupersededError):
        versions.publish_policy(
            db,
            "policy-0",
            1,
            version=0,
            parent=None,
            reward_version=None,
            path="policy/0",
            sha256="0" * 64,
            episodes=0,
            kl=None,
            kl_coef=0.15,
            score=None,
        )
    with pytest.raises(SupersededError):
        versions.publish_reward(
            db,
            "reward-1",
            1,
            version=1,
            status=RewardStatus.PUBLISHED,
            reason="sound",
            path="reward/1",
            sha256="0" * 64,
            labels=1,
            held_out=0,
            watermark=Watermark(1, 0),
            accuracy=0.5,
            compared=1,
            gain=1.0,
            bias=0.0,
        )
    assert sql(db, "SELECT * FROM policies") == sql(db, "SELECT * FROM rewards") == []
    assert (seen(db, "policy-0"), seen(db, "reward-1")) == ((JobState.QUEUED, 2),) * 2
