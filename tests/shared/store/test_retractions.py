"""Retractions: what is chosen is marked, everything else stays, and nothing is deleted."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.domain import LoopError, Purpose
from shared.settings import LabelSettings
from shared.store import gold, queries, retractions
from shared.store.database import Database
from shared.store.gold import GoldQuery
from shared.store.retractions import Choice, Retracted
from tests.shared.store.rows import add_person, add_policy, add_queries, answer, label, sql, take

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def given(db: Database) -> Database:
    """Labels 1, 2 and 3 are ada's and 4 and 5 ben's, given from noon on, an hour between each."""
    add_policy(db)
    add_queries(db, range(6))
    for name, count in (("ada", 3), ("ben", 2)):
        person = add_person(db, name)
        assert [label(db, person) for _ in range(count)]
    sql(db, "UPDATE labels SET created_at = :noon + (id - 1) * interval '1 hour'", noon=NOON)
    return db


def marked(db: Database) -> list[int]:
    return [label_id for (label_id,) in sql(db, "SELECT id FROM labels WHERE retraction_id IS NOT NULL ORDER BY id")]


def test_what_is_chosen_is_that_to_which_all_applies_and_trying_changes_nothing(given: Database) -> None:
    hour = timedelta(hours=1)
    for choice, labels in (
        (Choice(labeler="ada"), {"ada": 3}),
        (Choice(labeler="ada", since=NOON + hour), {"ada": 2}),
        (Choice(labeler="ada", until=NOON + hour), {"ada": 1}),
        (Choice(since=NOON + 2 * hour, until=NOON + 4 * hour), {"ada": 1, "ben": 1}),
        (Choice(label_ids=[5, 1]), {"ada": 1, "ben": 1}),
    ):
        tried = retractions.retract(given, choice, by="root", reason="guessed", dry_run=True)
        assert tried == Retracted(None, labels)
    assert marked(given) == []
    assert sql(given, "SELECT id FROM retractions") == []


def test_the_next_training_leaves_them_out_and_earlier_ones_can_be_read_again(given: Database) -> None:
    before = queries.watermark(given)
    found = retractions.retract(given, Choice(labeler="ada", since=NOON + timedelta(hours=1)), by="root", reason="odd")
    assert (found.labels, found.count) == ({"ada": 2}, 2)
    assert marked(given) == [2, 3]
    assert sql(given, "SELECT id, by, reason FROM retractions") == [(found.id, "root", "odd")]
    assert {label.label_id for label in queries.labeled(given, upto=queries.watermark(given))} == {1, 4, 5}
    assert len(queries.labeled(given, upto=before)) == 5


def test_a_label_is_taken_back_once(given: Database) -> None:
    retractions.retract(given, Choice(label_ids=[2]), by="root", reason="odd")
    assert retractions.retract(given, Choice(labeler="ada"), by="root", reason="guessed").labels == {"ada": 2}
    with pytest.raises(LoopError, match="nothing to take back"):
        retractions.retract(given, Choice(labeler="ada"), by="root", reason="again")
    with pytest.raises(LoopError, match="labels 2, 99 are not there to take back"):
        retractions.retract(given, Choice(label_ids=[2, 4, 99]), by="root", reason="again")
    assert marked(given) == [1, 2, 3]
    assert len(sql(given, "SELECT id FROM retractions")) == 2


def test_nothing_or_nobody_chosen_is_refused(given: Database) -> None:
    with pytest.raises(LoopError, match="no labels are chosen"):
        retractions.retract(given, Choice(), by="root", reason="odd")
    with pytest.raises(LoopError, match="there is no account 'cleo'"):
        retractions.retract(given, Choice(labeler="cleo"), by="root", reason="odd")
    assert marked(given) == []


def test_gold_answers_stand_and_choose_whose_labels_go(given: Database) -> None:
    """Ben answers every gold query wrongly, ada rightly."""
    gold.add(given, [GoldQuery(f"gold {i}", ("bad", "good"), 1) for i in range(4)], responses=2)
    people = dict(sql(given, "SELECT name, id FROM labelers"))
    for name, text in (("ada", "good"), ("ben", "bad")) * 4:
        lease = take(given, people[name], LabelSettings(gold_share=1))
        answer(given, people[name], lease, lease.texts.index(text))
    assert retractions.retract(given, Choice(below_gold=0.5), by="root", reason="guesses").labels == {"ben": 2}
    assert marked(given) == [4, 5]
    standing = "SELECT count(*) FROM labels WHERE purpose = :gold AND retraction_id IS NULL"
    assert sql(given, standing, gold=Purpose.GOLD) == [(8,)]
