"""Lineage: from labels to versions and back, on a loop with a branch, a rejected reward version and a retraction."""

import json

import pytest

from shared.domain import ActionKind, Check, RewardStatus
from shared.store import actions, lineage, queries, retractions
from shared.store.accounts import UnknownAccountError
from shared.store.database import Database
from shared.store.lineage import Learnt, Moved, UnknownVersionError
from shared.store.retractions import Choice
from tests.shared.store.rows import add_person, add_policy, add_queries, add_reward, label, sql

PUBLISHED, REJECTED = RewardStatus.PUBLISHED, RewardStatus.REJECTED
R1 = Learnt(1, PUBLISHED, "sound", {"ada": 2}, 0)
R2 = Learnt(2, REJECTED, "sound", {"ada": 2, "ben": 1}, 0)
R3 = Learnt(3, PUBLISHED, "sound", {"ada": 2, "ben": 2}, 0)
P0, P1, P2, P3 = Moved(0, None, None), *(Moved(n, n - 1, r, abandoned=True) for n, r in ((1, 1), (2, 1), (3, 3)))
P4 = Moved(4, 0, 3)  # rolled back to the reference policy


@pytest.fixture
def grown(db: Database) -> Database:
    """Labels 1 and 2 are ada's, 3 and 4 ben's; r1 read the first two, r2 three, r3 all."""
    add_policy(db)
    add_queries(db, range(8))
    for name in ("ada", "ben"):
        person = add_person(db, name)
        for _ in range(2):
            label(db, person)
    add_reward(db, 1, watermark=2)
    add_reward(db, 2, REJECTED, watermark=3)
    add_reward(db, 3, watermark=4)
    for version, reward_version in ((1, 1), (2, 1), (3, 3), (4, 3)):
        add_policy(db, version, reward_version=reward_version)
    sql(db, "UPDATE policies SET parent = 0 WHERE version = 4")
    return db


def test_every_version(grown: Database) -> None:
    found = lineage.of_all(grown)
    assert found.rewards == [R1, R2, R3]
    assert found.policies == [P0, P1, P2, P3, P4]


def test_a_label_moved_what_was_trained_with_it_and_what_descends_from_that(grown: Database) -> None:
    found = lineage.of_label(grown, 1)
    assert [(reward.version, reward.labels) for reward in found.rewards] == [
        (1, {"ada": 1}),
        (2, {"ada": 1}),
        (3, {"ada": 1}),
    ]
    assert found.policies == [P1, P2, P3, P4]
    late = lineage.of_label(grown, 4)
    assert [reward.version for reward in late.rewards] == [3]
    assert late.policies == [P3, P4]


def test_a_rejected_reward_version_moved_nothing(grown: Database) -> None:
    found = lineage.of_reward(grown, 2)
    assert (found.rewards, found.policies) == ([R2], [])


def test_a_policy_comes_from_its_chain_alone(grown: Database) -> None:
    assert lineage.of_policy(grown, 3) == lineage.Lineage([R1, R3], [P0, P1, P2, P3])
    assert lineage.of_policy(grown, 4) == lineage.Lineage([R3], [P0, P4])
    assert lineage.of_policy(grown, 0) == lineage.Lineage([], [P0])


def test_what_was_taken_back_had_moved_the_versions_before_and_moves_none_after(grown: Database) -> None:
    made = retractions.retract(grown, Choice(labeler="ben"), by="root", reason="guessed")
    assert made.id is not None
    label(grown, add_person(grown, "cleo"))
    add_reward(grown, 4, watermark=5)
    watermark = queries.watermark(grown).retraction
    sql(grown, "UPDATE rewards SET retraction_watermark = :at WHERE version = 4", at=watermark)
    bens = [Learnt(2, REJECTED, "sound", {"ben": 1}, 1), Learnt(3, PUBLISHED, "sound", {"ben": 2}, 2)]
    for found in (lineage.of_labeler(grown, "ben"), lineage.of_retraction(grown, made.id)):
        assert (found.rewards, found.policies) == (bens, [P3, P4])
    assert lineage.of_reward(grown, 4).rewards == [Learnt(4, PUBLISHED, "sound", {"ada": 2, "cleo": 1}, 0)]
    assert lineage.of_reward(grown, 3).rewards == [Learnt(3, PUBLISHED, "sound", {"ada": 2, "ben": 2}, 2)]


def test_a_rollback_abandons_what_the_live_policy_does_not_descend_from(grown: Database) -> None:
    def back_to(version: int) -> None:
        detail = {"policy": version, "reward": None, "last_policy": 4, "last_reward": 3}
        with grown.transaction() as session:
            actions.note(session, ActionKind.ROLLBACK, by="root", reason="worse", detail=detail)

    def abandoned() -> list[int]:
        return [policy.version for policy in lineage.of_all(grown).policies if policy.abandoned]

    back_to(2)
    assert abandoned() == [3, 4]
    back_to(4)
    assert abandoned() == [1, 2, 3]
    back_to(3)
    add_policy(grown, 5, reward_version=3)
    sql(grown, "UPDATE policies SET parent = 3 WHERE version = 5")
    assert abandoned() == [4]
    assert [policy.abandoned for policy in lineage.of_policy(grown, 4).policies] == [False, True]


def test_what_the_gate_looked_at_comes_along(grown: Database) -> None:
    check = {"name": "accuracy", "passed": False, "said": "worse than r1", "figures": {"gap": 0.2}}
    sql(grown, "UPDATE rewards SET verdict = CAST(:verdict AS jsonb) WHERE version = 2", verdict=json.dumps([check]))
    [learnt] = lineage.of_reward(grown, 2).rewards
    assert learnt.verdict == (Check("accuracy", False, "worse than r1", {"gap": 0.2}),)
    assert learnt.labels == {"ada": 2, "ben": 1}


def test_none_acceptable_moves_nothing(grown: Database) -> None:
    sql(grown, "UPDATE labels SET best = NULL, position = NULL, none_acceptable = true WHERE id = 1")
    assert lineage.of_label(grown, 1) == lineage.Lineage([], [])


def test_it_is_what_training_reads(grown: Database) -> None:
    retractions.retract(grown, Choice(label_ids=[3]), by="root", reason="odd")
    watermark = queries.watermark(grown)
    add_reward(grown, 4, watermark=watermark.label)
    sql(grown, "UPDATE rewards SET retraction_watermark = :at WHERE version = 4", at=watermark.retraction)
    [learnt] = lineage.of_reward(grown, 4).rewards
    assert sum(learnt.labels.values()) == len(queries.labeled(grown, upto=watermark)) == 3


def test_what_is_not_there_is_named(grown: Database) -> None:
    for words, find in (
        ("reward version", lineage.of_reward),
        ("policy version", lineage.of_policy),
        ("label", lineage.of_label),
        ("retraction", lineage.of_retraction),
    ):
        with pytest.raises(UnknownVersionError, match=f"there is no {words} 99"):
            find(grown, 99)
    with pytest.raises(UnknownAccountError, match="there is no account 'eve'"):
        lineage.of_labeler(grown, "eve")
