"""What quality is measured on, as the store has it."""

from datetime import UTC, datetime, timedelta

from shared.domain import Answer, Flag, Purpose, SkipReason
from shared.quality.labels import NONE, Account, Skip
from shared.settings import LabelSettings
from shared.store import accounts, answers, gold, quality, retractions
from shared.store.database import Database
from shared.store.gold import GoldQuery
from shared.store.retractions import Choice
from tests.shared.store.rows import add_person, add_policy, add_queries, answer, label, sql, take

ALWAYS = LabelSettings(gold_share=1)


def test_every_standing_label_with_all_that_is_asked_of_it(db: Database) -> None:
    add_policy(db)
    add_queries(db, range(4), wanted=2)
    ada, ben = add_person(db, "ada"), add_person(db, "ben")
    lease = take(db, ada)
    answer(db, ada, lease, 2, seconds=7.5)
    said = Answer(none_acceptable=True, flag=Flag.BROKEN, critique="what?")
    answers.answer(db, ben, take(db, ben).id, said, seconds=1)
    found = quality.material(db).labels
    assert [(one.query_id, one.labeler, one.purpose, one.responses) for one in found] == [
        (1, "ada", Purpose.TRAINING, 4),
        (1, "ben", Purpose.TRAINING, 4),
    ]
    first, second = found
    assert first.answer == int(lease.texts[2].partition(".")[2])  # as the policy wrote them, not as they were shown
    assert (first.position, first.seconds, first.flag, first.policy_version, first.right) == (2, 7.5, None, 0, None)
    assert (second.answer, second.position, second.flag) == (NONE, None, Flag.BROKEN)


def test_ratings_and_gold(db: Database) -> None:
    ada = add_person(db)
    right, wrong, retired = gold.add(db, [GoldQuery(f"gold {i}", ("a text",), 6) for i in range(3)], responses=1)
    for rating in (6, 1, 1):
        answers.answer(db, ada, take(db, ada, ALWAYS).id, Answer(rating=rating), seconds=1)
    gold.retire(db, retired)
    assert [(one.query_id, one.answer, one.right) for one in quality.material(db).labels] == [
        (right, 6, True),
        (wrong, 1, False),
        (retired, 1, None),
    ]


def test_skips_and_accounts(db: Database) -> None:
    """An operator is no labeler until they gave a label; what was taken back is counted, and not a label."""
    add_policy(db)
    add_queries(db, range(3))
    ada, ben = add_person(db, "ada"), add_person(db, "ben")
    sql(db, "UPDATE labelers SET role = 'operator'")
    assert quality.material(db).accounts == []
    answers.skip(db, ada, take(db, ada).id, reason=SkipReason.UNSURE)
    label(db, ben)
    label(db, ben)
    retractions.retract(db, Choice(label_ids=[1]), by="root", reason="odd")
    accounts.pause(db, "ben", "guesses")
    found = quality.material(db)
    assert found.skips == [Skip("ada", 0)]
    assert found.accounts == [Account("ben", "guesses", 1)]
    assert len(found.labels) == 1


def test_since_and_until(db: Database) -> None:
    noon = datetime(2026, 3, 1, 12, tzinfo=UTC)
    add_policy(db)
    add_queries(db, range(5))
    ada = add_person(db)
    for _ in range(3):
        label(db, ada)
    answers.skip(db, ada, take(db, ada).id, reason=SkipReason.OTHER)
    sql(db, "UPDATE labels SET created_at = :noon + (id - 1) * interval '1 hour'", noon=noon)
    sql(db, "UPDATE leases SET closed_at = :noon WHERE state = 'skipped'", noon=noon)
    late = quality.material(db, since=noon + timedelta(hours=1))
    assert ([label.created_at for label in late.labels], len(late.skips)) == (
        [noon + timedelta(hours=1), noon + timedelta(hours=2)],
        0,
    )
    early = quality.material(db, until=noon + timedelta(hours=1))
    assert (len(early.labels), len(early.skips)) == (1, 1)
