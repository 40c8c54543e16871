"""Leases as people have them: theirs until they expire, kept for longer, and nobody else's."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from shared.domain import Answer, Progress, Role
from shared.store import answers, leases
from shared.store.database import Database
from shared.store.leases import ConflictError, LeaseError, UnknownLeaseError
from tests.shared.store.rows import add_person, add_policy, add_queries, answer, ask, counters, expire, sql, take

OF_A_LEASE: dict[str, Callable[[Database, int, str], object]] = {
    "answer": lambda db, who, lease: answers.answer(db, who, lease, Answer(position=0), seconds=1),
    "skip": lambda db, who, lease: answers.skip(db, who, lease, reason=None),
    "renew": lambda db, who, lease: leases.renew(db, who, lease, seconds=9),
    "undo": lambda db, who, lease: answers.undo(db, who, lease, seconds=9),
}


@pytest.fixture
def ada(db: Database) -> int:
    add_policy(db)
    return add_person(db, "ada")


def test_an_open_lease_is_given_again_as_it_was(db: Database, ada: int) -> None:
    add_queries(db, range(3))
    lease = take(db, ada)
    left = lease.expires_at - datetime.now(UTC)
    assert timedelta(seconds=290) < left <= timedelta(seconds=300)
    again = take(db, ada)
    assert 290 < again.seconds_left < lease.seconds_left <= 300
    assert (again.id, again.texts, again.expires_at) == (lease.id, lease.texts, lease.expires_at)
    assert sql(db, "SELECT count(*) FROM leases") == [(1,)]


def test_nobody_gets_what_is_lent_answered_or_not_there(db: Database, ada: int) -> None:
    grace = add_person(db, "grace")
    assert ask(db, ada) is None
    add_queries(db, [0])
    lease = take(db, ada)
    assert ask(db, grace) is None
    answer(db, ada, lease)
    assert ask(db, grace) is ask(db, ada) is None


@pytest.mark.parametrize("what", OF_A_LEASE)
def test_another_persons_lease_is_unknown(db: Database, ada: int, what: str) -> None:
    grace = add_person(db, "grace")
    add_queries(db, [0])
    lease = take(db, ada)
    before = sql(db, "SELECT * FROM leases")
    for who, lease_id in ((grace, lease.id), (ada, str(uuid.uuid4())), (ada, "x" * 1000), (ada, ""), (ada, "ä'\ufffd")):
        with pytest.raises(UnknownLeaseError, match="is not one of yours"):
            OF_A_LEASE[what](db, who, lease_id)
    assert sql(db, "SELECT * FROM leases") == before
    answer(db, ada, lease)
    with pytest.raises(UnknownLeaseError, match="is not one of yours"):
        OF_A_LEASE[what](db, grace, lease.id)
    assert issubclass(UnknownLeaseError, LeaseError)
    assert counters(db) == (1, 1, False)


def test_a_renewed_lease_lasts_longer(db: Database, ada: int) -> None:
    add_queries(db, [0])
    lease = take(db, ada)
    renewal = leases.renew(db, ada, lease.id, seconds=900)
    assert 899 < renewal.seconds_left <= 900
    assert renewal.expires_at - lease.expires_at > timedelta(seconds=599)
    assert take(db, ada).expires_at == renewal.expires_at


def test_what_is_past_its_time_but_nobodys_yet_can_be_renewed(db: Database, ada: int) -> None:
    add_queries(db, [0])
    lease = take(db, ada)
    expire(db)
    leases.renew(db, ada, lease.id, seconds=300)
    assert take(db, ada).id == lease.id


def test_what_is_closed_or_lost_cannot_be_renewed(db: Database, ada: int) -> None:
    add_queries(db, [0, 1, 2])
    done, skipped, lost = take(db, ada), None, None
    answer(db, ada, done)
    answers.skip(db, ada, (skipped := take(db, ada)).id, reason=None)
    lost = take(db, ada)
    expire(db)
    take(db, add_person(db, "grace"))
    for lease, state in ((done, "done"), (skipped, "skipped"), (lost, "expired")):
        with pytest.raises(ConflictError, match=f"this question is {state} and cannot be kept for longer"):
            leases.renew(db, ada, lease.id, seconds=300)


def test_who_let_a_query_expire_may_have_it_again(db: Database, ada: int) -> None:
    add_queries(db, [0])
    for _ in range(3):
        late = take(db, ada)
        expire(db)
    lease = take(db, ada)
    assert (lease.query_text, lease.texts) == (late.query_text, late.texts)
    assert lease.id != late.id
    answer(db, ada, lease)
    assert counters(db) == (1, 1, False)
    assert sql(db, "SELECT state, count(*) FROM leases GROUP BY state ORDER BY state") == [("done", 1), ("expired", 3)]


def test_progress_is_ones_own(db: Database, ada: int) -> None:
    grace = add_person(db, "grace")
    assert leases.progress(db, ada) == Progress("ada", Role.LABELER, 0, 0, 0, None, None)
    add_queries(db, range(6))
    for seconds in (1.0, 2.0, 9.0):
        last = take(db, ada)
        answer(db, ada, last, seconds=seconds)
    assert leases.progress(db, ada) == Progress("ada", Role.LABELER, 3, 3, 0, 2.0, last.id)
    skipped = take(db, ada)
    answers.skip(db, ada, skipped.id, reason=None)
    answer(db, grace, take(db, grace))
    take(db, ada)
    sql(db, "UPDATE labels SET created_at = date_trunc('day', now(), 'UTC') - interval '1 second' WHERE seconds = 1")
    assert leases.progress(db, ada) == Progress("ada", Role.LABELER, 3, 2, 1, 2.0, skipped.id)


def test_what_is_retracted_counts_no_more_and_cannot_be_undone(db: Database, ada: int) -> None:
    add_queries(db, range(2))
    first, last = take(db, ada), None
    answer(db, ada, first, seconds=4)
    last = take(db, ada)
    answer(db, ada, last, seconds=8)
    sql(db, "INSERT INTO retractions (by, reason) VALUES ('operator', 'careless')")
    sql(db, "UPDATE labels SET retraction_id = 1 WHERE lease_id = :id", id=last.id)
    assert leases.progress(db, ada) == Progress("ada", Role.LABELER, 1, 1, 0, 4.0, None)
    with pytest.raises(ConflictError, match="only that one can be undone"):
        answers.undo(db, ada, last.id, seconds=9)
    assert answer(db, ada, last, seconds=8).lease_id == last.id  # a receipt is a receipt


def test_midnight_is_that_of_utc(db: Database, ada: int) -> None:
    """Whatever time zone the server lives in."""
    add_queries(db, [0])
    answer(db, ada, take(db, ada))
    sql(db, "UPDATE labels SET created_at = date_trunc('day', now(), 'UTC')")
    for zone in ("Pacific/Kiritimati", "Pacific/Niue"):
        sql(db, f"ALTER DATABASE migrated SET timezone = '{zone}'")
        db.close()  # new connections begin with it
        try:
            assert leases.progress(db, ada).today == 1
        finally:
            sql(db, "ALTER DATABASE migrated RESET timezone")
