"""Answers and skips: nothing acknowledged is lost, nothing is taken twice, and what stands, stands."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy.exc import DBAPIError

from shared.domain import Answer, Flag, Lease, Purpose, Receipt, SkipReason
from shared.store import answers, claims
from shared.store.database import Database
from shared.store.leases import AnswerError, ConflictError
from tests.shared.store.rows import (
    LABELS,
    add_measuring,
    add_person,
    add_policy,
    add_queries,
    answer,
    ask,
    counters,
    expire,
    sql,
    take,
)

SAID = Answer(position=1, flag=Flag.BROKEN, critique="none of them ends")


@pytest.fixture
def ada(db: Database) -> int:
    add_policy(db)
    return add_person(db, "ada")


def test_the_position_shown_is_mapped_back_to_the_response(db: Database, ada: int) -> None:
    add_queries(db, range(8))
    chosen = {}
    for turn in range(8):
        lease = take(db, ada)
        answer(db, ada, lease, position=turn % 4)
        chosen[lease.query_text] = lease.texts[turn % 4]
    stored = sql(
        db,
        "SELECT queries.text, responses.text FROM labels JOIN queries ON queries.id = labels.query_id "
        "JOIN responses ON responses.query_id = queries.id AND responses.index = labels.best",
    )
    assert dict(stored) == chosen
    assert sql(db, "SELECT 1 FROM labels WHERE best <> position") != []  # shown as written, it would prove nothing


def test_a_label_keeps_who_when_how_long_and_what_was_shown(db: Database, ada: int) -> None:
    add_policy(db, 1)
    add_queries(db, [5], policy_version=1)
    before = datetime.now(UTC)
    lease = take(db, ada)
    receipt = answers.answer(db, ada, lease.id, replace(SAID, position=2), seconds=7.25)
    [(label_id, labeler_id, seconds, policy_version, position, best, flag, critique, created_at)] = sql(
        db,
        "SELECT id, labeler_id, seconds, policy_version, position, best, flag, critique, created_at FROM labels",
    )
    [(shown, state, closed_at)] = sql(db, "SELECT shown, state, closed_at FROM leases")
    assert (labeler_id, seconds, policy_version, position) == (ada, 7.25, 1, 2)
    assert (flag, critique) == ("broken", "none of them ends")
    assert best == shown[2]
    assert [f"5.{index}" for index in shown] == list(lease.texts)
    assert state == "done"
    assert before <= created_at <= closed_at <= datetime.now(UTC)
    assert receipt == Receipt(label_id, lease.id, replace(SAID, position=2), created_at)


def test_none_acceptable_is_an_answer(db: Database, ada: int) -> None:
    add_queries(db, [0])
    said = Answer(none_acceptable=True)
    assert answers.answer(db, ada, take(db, ada).id, said, seconds=1).answer == said
    assert sql(db, "SELECT best, position, rating, none_acceptable FROM labels") == [(None, None, None, True)]
    assert counters(db) == (1, 1, False)


def test_the_same_answer_again_gets_the_same_receipt(db: Database, ada: int) -> None:
    add_queries(db, [0, 1])
    lease = take(db, ada)
    receipt, upcoming = answers.answer_and_take(db, ada, lease.id, SAID, LABELS, seconds=1)
    assert isinstance(upcoming, Lease)
    with ThreadPoolExecutor(4) as pool:
        again = list(pool.map(lambda _: answers.answer(db, ada, lease.id, SAID, seconds=2), range(8)))
    assert again == [receipt] * 8
    expire(db)  # a receipt does not age
    sent_again = answers.answer_and_take(db, ada, lease.id, SAID, LABELS, seconds=1)
    assert sent_again[0] == receipt
    assert isinstance(sent_again[1], Lease)
    assert sent_again[1].query_text == upcoming.query_text
    assert counters(db) == (1, 1, False)


def test_sent_many_times_at_once_an_answer_is_one_label(db: Database, ada: int) -> None:
    add_queries(db, [0, 1])
    lease = take(db, ada)
    with ThreadPoolExecutor(8) as pool:
        sent = pool.map(lambda _: answers.answer_and_take(db, ada, lease.id, SAID, LABELS, seconds=1), range(8))
        receipts, offers = zip(*sent, strict=True)
    assert len(set(receipts)) == 1
    assert len({offer.id for offer in offers}) == 1
    assert counters(db) == (1, 1, False)


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (replace(SAID, position=2), "position 2, flag broken, critique 'none of them ends'"),
        (replace(SAID, flag=None), "position 1, critique 'none of them ends'"),
        (replace(SAID, flag=Flag.ALL_ALIKE), "position 1, flag all_alike, critique 'none of them ends'"),
        (replace(SAID, critique="bad"), "position 1, flag broken, critique 'bad'"),
        (replace(SAID, critique=None), "position 1, flag broken"),
        (Answer(none_acceptable=True), "none acceptable"),
    ],
)
def test_another_answer_is_a_conflict_and_the_first_one_stands(
    db: Database, ada: int, other: Answer, words: str
) -> None:
    add_queries(db, [0])
    lease = take(db, ada)
    answers.answer(db, ada, lease.id, SAID, seconds=1)
    with pytest.raises(ConflictError) as refused:
        answers.answer(db, ada, lease.id, other, seconds=1)
    assert str(refused.value) == (
        f"this question was answered with position 1, flag broken, critique 'none of them ends', which stands: "
        f"{words} was not taken; go on with the next one"
    )
    with pytest.raises(ConflictError, match="was answered already and cannot be skipped"):
        answers.skip(db, ada, lease.id, reason=None)
    assert sql(db, "SELECT position, flag, critique FROM labels") == [(1, "broken", "none of them ends")]


def test_a_position_that_was_not_shown_is_refused(db: Database, ada: int) -> None:
    add_queries(db, [0])
    lease = take(db, ada)
    for position in (-1, 4, 10**12):
        with pytest.raises(AnswerError, match=f"position {position} was not shown: send one of 0 to 3"):
            answer(db, ada, lease, position)
    assert counters(db) == (1, 0, False)


def test_a_failing_claim_of_the_next_query_leaves_the_answer_to_be_sent_again(
    db: Database, ada: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_queries(db, [0, 1])
    lease = take(db, ada)
    with monkeypatch.context() as broken:
        broken.setattr(claims, "shown_order", lambda *_: ["no index"])
        with pytest.raises(DBAPIError):
            answers.answer_and_take(db, ada, lease.id, SAID, LABELS, seconds=1)
    assert sql(db, "SELECT count(*) FROM labels") == [(0,)]
    assert take(db, ada).id == lease.id
    receipt, upcoming = answers.answer_and_take(db, ada, lease.id, SAID, LABELS, seconds=1)
    assert isinstance(upcoming, Lease)
    assert (upcoming.query_text, receipt.answer) == ("query 1", SAID)


def test_a_late_answer_is_taken_where_nobody_has_the_place(db: Database, ada: int) -> None:
    add_queries(db, [0, 1])
    late = take(db, ada)
    expire(db)
    assert answer(db, ada, late).lease_id == late.id  # nobody has swept yet
    lost = take(db, ada)
    expire(db)
    sql(db, "UPDATE queries SET retired = true WHERE position = 1")
    assert ask(db, ada) is None
    sql(db, "UPDATE queries SET retired = false WHERE position = 1")
    assert sql(db, "SELECT state FROM leases WHERE id = :id", id=lost.id) == [("expired",)]
    assert answer(db, ada, lost).lease_id == lost.id
    assert counters(db, 0) == counters(db, 1) == (1, 1, False)


@pytest.mark.parametrize("others", ["took it", "answered it", "retired it", "are I"])
def test_a_late_answer_is_refused_where_the_place_is_taken(db: Database, ada: int, others: str) -> None:
    add_queries(db, [0])
    late = take(db, ada)
    expire(db)
    grace = ada if others == "are I" else add_person(db, "grace")
    lease = take(db, grace)
    assert lease.query_text == late.query_text
    if others == "answered it":
        answer(db, grace, lease)
    if others == "retired it":
        answers.skip(db, grace, lease.id, reason=None)
    with pytest.raises(ConflictError, match=r"this question expired and its place is taken, .* was not taken"):
        answer(db, ada, late)
    with pytest.raises(ConflictError, match="this question expired, so the query was given back"):
        answers.skip(db, ada, late.id, reason=None)
    if others in ("took it", "are I"):
        answer(db, grace, lease)
        assert sql(db, "SELECT labeler_id FROM labels") == [(grace,)]


def test_a_late_answer_keeps_the_lease_that_is_open(db: Database, ada: int) -> None:
    add_queries(db, [0, 1], wanted=2)
    late = take(db, ada)
    expire(db)
    sql(db, "UPDATE queries SET priority = 1 WHERE position = 1")
    lease = take(db, ada)
    assert lease.query_text == "query 1"
    _, upcoming = answers.answer_and_take(db, ada, late.id, SAID, LABELS, seconds=1)
    assert isinstance(upcoming, Lease)
    assert upcoming.id == lease.id
    assert counters(db, 0) == (1, 1, False)


def test_a_skipped_query_retires(db: Database, ada: int) -> None:
    add_queries(db, [0, 1])
    lease = take(db, ada)
    upcoming = answers.skip_and_take(db, ada, lease.id, LABELS, reason=SkipReason.BROKEN, note="half a sentence")
    answers.skip(db, ada, lease.id, reason=SkipReason.OTHER)
    assert counters(db) == (0, 0, True)
    skips = sql(db, "SELECT state, reason, note FROM leases WHERE id = :id", id=lease.id)
    assert skips == [("skipped", "broken", "half a sentence")]
    with pytest.raises(ConflictError, match="was skipped already and cannot be answered"):
        answer(db, ada, lease)
    assert isinstance(upcoming, Lease)
    answers.skip(db, ada, upcoming.id, reason=None)
    assert ask(db, add_person(db, "grace")) is None


def test_what_others_answered_or_hold_is_skipped_for_oneself_alone(db: Database, ada: int) -> None:
    grace, alan = add_person(db, "grace"), add_person(db, "alan")
    add_queries(db, [0, 1], wanted=2)
    for answered in (True, False):
        theirs = take(db, grace)
        mine = take(db, ada)
        if answered:
            answer(db, grace, theirs)
        answers.skip(db, ada, mine.id, reason=SkipReason.UNSURE)
        assert mine.query_text == theirs.query_text
        lease = take(db, alan)
        assert lease.query_text == mine.query_text
        answer(db, alan, lease)
    assert ask(db, ada) is None
    assert counters(db, 0) == (2, 2, False)
    assert counters(db, 1) == (2, 1, False)


def test_a_skipped_question_that_measures_stays_for_others(db: Database, ada: int) -> None:
    for purpose in (Purpose.GOLD, Purpose.COMPARISON):
        add_measuring(db, purpose, [purpose.value])
        labels = LABELS.model_copy(update={"gold_share": float(purpose == "gold")})
        answers.skip(db, ada, take(db, ada, labels).id, reason=None)
        assert ask(db, ada, labels) is None
        assert take(db, add_person(db, f"{purpose} person"), labels).query_text == purpose.value
