"""Taking the last answer or skip back, and the promises that hold all the same."""

import pytest

from shared.domain import Answer, Lease
from shared.store import answers, leases, queries
from shared.store.database import Database
from shared.store.leases import ConflictError
from tests.shared.store.rows import LABELS, add_person, add_policy, add_queries, answer, counters, expire, sql, take


@pytest.fixture
def ada(db: Database) -> int:
    add_policy(db)
    return add_person(db, "ada")


def undo(db: Database, labeler_id: int, lease: Lease) -> Lease:
    return answers.undo(db, labeler_id, lease.id, seconds=300)


def test_an_undone_answer_is_retracted_and_may_be_another(db: Database, ada: int) -> None:
    add_queries(db, [0])
    lease = take(db, ada)
    receipt = answer(db, ada, lease, 1)
    before = queries.watermark(db)
    back = undo(db, ada, lease)
    assert (back.id, back.texts, back.query_text) == (lease.id, lease.texts, lease.query_text)
    assert 299 < back.seconds_left <= 300
    assert counters(db) == (1, 0, False)
    assert queries.labeled(db, upto=queries.watermark(db)) == []
    assert [label.label_id for label in queries.labeled(db, upto=before)] == [receipt.label_id]  # as it was then
    assert sql(db, "SELECT by, reason FROM retractions") == [("ada", "undone")]
    other = answer(db, ada, lease, 2)
    assert other.label_id > receipt.label_id
    assert answer(db, ada, lease, 2) == other
    assert sql(db, "SELECT position, retraction_id FROM labels ORDER BY id") == [(1, 1), (2, None)]
    assert counters(db) == (1, 1, False)


def test_the_next_query_goes_back_first(db: Database, ada: int) -> None:
    add_queries(db, [0, 1])
    lease = take(db, ada)
    _, upcoming = answers.answer_and_take(db, ada, lease.id, Answer(position=0), LABELS, seconds=1)
    assert isinstance(upcoming, Lease)
    assert undo(db, ada, lease).id == lease.id
    assert counters(db, 1) == (0, 0, False)
    assert sql(db, "SELECT state FROM leases WHERE id = :id", id=upcoming.id) == [("expired",)]
    assert take(db, add_person(db, "grace")).query_text == upcoming.query_text


def test_the_same_undo_again_gives_the_same_lease(db: Database, ada: int) -> None:
    add_queries(db, [0, 1])
    lease = take(db, ada)
    answer(db, ada, lease)
    first = undo(db, ada, lease)
    again = undo(db, ada, lease)
    assert (again.id, again.expires_at, again.texts) == (first.id, first.expires_at, first.texts)
    assert sql(db, "SELECT count(*) FROM retractions") == [(1,)]
    assert counters(db) == (1, 0, False)


def test_only_the_last_one_can_be_undone(db: Database, ada: int) -> None:
    add_queries(db, range(3))
    first, last = take(db, ada), None
    answer(db, ada, first)
    answers.skip(db, ada, (last := take(db, ada)).id, reason=None)
    with pytest.raises(ConflictError, match="this question is not your last answer or skip"):
        undo(db, ada, first)
    assert undo(db, ada, last).id == last.id
    answer(db, ada, last)
    assert leases.progress(db, ada).undoable == last.id


def test_undone_again_and_again_it_goes_back_to_the_first(db: Database, ada: int) -> None:
    add_queries(db, range(3))
    done = []
    for _ in range(3):
        done.append(take(db, ada))
        answer(db, ada, done[-1])
    for lease in reversed(done):
        assert leases.progress(db, ada).undoable == lease.id
        assert undo(db, ada, lease).query_text == lease.query_text
    assert leases.progress(db, ada).undoable is None
    assert [counters(db, position) for position in range(3)] == [(1, 0, False), (0, 0, False), (0, 0, False)]
    assert sql(db, "SELECT state, count(*) FROM leases GROUP BY 1 ORDER BY 1") == [("expired", 2), ("open", 1)]


def test_what_expired_cannot_be_undone(db: Database, ada: int) -> None:
    add_queries(db, [0, 1])
    lease = take(db, ada)
    expire(db)
    take(db, add_person(db, "grace"))
    with pytest.raises(ConflictError, match="this question is not your last answer or skip"):
        undo(db, ada, lease)


def test_an_undone_skip_brings_the_query_back(db: Database, ada: int) -> None:
    add_queries(db, [0])
    lease = take(db, ada)
    answers.skip(db, ada, lease.id, reason=None, note="odd")
    assert counters(db) == (0, 0, True)
    assert undo(db, ada, lease).query_text == lease.query_text
    assert counters(db) == (1, 0, False)
    assert sql(db, "SELECT state, reason, note, closed_at FROM leases") == [("open", None, None, None)]
    answer(db, ada, lease)
    assert counters(db) == (1, 1, False)


def test_a_skip_whose_place_is_taken_stays(db: Database, ada: int) -> None:
    add_queries(db, [0], wanted=2)
    grace, alan = add_person(db, "grace"), add_person(db, "alan")
    lease = take(db, ada)
    take(db, grace)
    answers.skip(db, ada, lease.id, reason=None)
    assert take(db, alan).query_text == lease.query_text
    with pytest.raises(ConflictError, match="this skip cannot be undone: somebody else has the question now"):
        undo(db, ada, lease)
    assert counters(db) == (2, 0, False)
    assert sql(db, "SELECT state FROM leases WHERE id = :id", id=lease.id) == [("skipped",)]


def test_a_conflict_leaves_the_open_lease_where_it_is(db: Database, ada: int) -> None:
    add_queries(db, [0], wanted=2)
    add_queries(db, [1])
    grace, alan = add_person(db, "grace"), add_person(db, "alan")
    lease = take(db, ada)
    take(db, grace)
    upcoming = answers.skip_and_take(db, ada, lease.id, LABELS, reason=None, note=None)
    assert isinstance(upcoming, Lease)
    take(db, alan)
    with pytest.raises(ConflictError):
        undo(db, ada, lease)
    assert take(db, ada).id == upcoming.id


def test_who_undid_may_let_it_expire(db: Database, ada: int) -> None:
    add_queries(db, [0])
    lease = take(db, ada)
    answer(db, ada, lease)
    undo(db, ada, lease)
    expire(db)
    assert take(db, add_person(db, "grace")).query_text == lease.query_text
    assert counters(db) == (1, 0, False)
