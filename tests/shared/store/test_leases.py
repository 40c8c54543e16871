"""Leases and labels: nothing goes to two people, nothing acknowledged is lost."""

import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from datetime import UTC, datetime, timedelta

import pytest

from shared.domain import Lease, Progress, Receipt
from shared.store import leases
from shared.store.database import Database
from shared.store.leases import AnswerError, ConflictError, ExpiredLeaseError, LeaseError, UnknownLeaseError
from tests.shared.store.rows import add_person, add_policy, add_queries, sql


@pytest.fixture
def ada(db: Database) -> int:
    add_policy(db)
    return add_person(db, "ada")


def take(db: Database, labeler_id: int) -> Lease:
    lease = leases.take(db, labeler_id, seconds=300)
    assert lease is not None
    return lease


def answer(db: Database, labeler_id: int, lease: Lease, position: int = 0) -> Receipt:
    return leases.answer(db, labeler_id, lease.id, position=position, seconds=2.5)


def expire(db: Database) -> None:
    """Let the time of all open leases be over."""
    sql(db, "UPDATE leases SET expires_at = now() - interval '1 second' WHERE state = 'open'")


def counters(db: Database, position: int = 0) -> tuple[int, int, bool]:
    [(claims, answers, retired)] = sql(
        db, "SELECT claims, answers, retired FROM queries WHERE position = :position", position=position
    )
    return claims, answers, retired


def test_the_newest_policys_queries_come_first_then_the_lowest_position(db: Database, ada: int) -> None:
    add_queries(db, [1, 3])
    add_policy(db, 1)
    add_queries(db, [0, 4, 2], policy_version=1)
    shown = []
    while (lease := leases.take(db, ada, seconds=300)) is not None:
        shown.append(lease.query_text)
        answer(db, ada, lease)
    assert shown == [f"query {position}" for position in (0, 2, 4, 1, 3)]


def test_more_answers_to_a_query_have_their_turn_before_other_queries(db: Database, ada: int) -> None:
    """Behind all that have none they would never have it: online there are always some."""
    add_queries(db, [0], wanted=3)
    add_queries(db, [1, 2, 3])
    people = [ada, *(add_person(db, name) for name in ("grace", "alan", "emmy"))]
    shown = []
    for person in people:
        lease = take(db, person)
        answer(db, person, lease)
        shown.append(lease.query_text)
    assert shown == ["query 0", "query 0", "query 0", "query 1"]
    assert take(db, ada).query_text == "query 2"  # never the same one twice


def test_an_open_lease_is_given_again_as_it_was(db: Database, ada: int) -> None:
    add_queries(db, range(3))
    lease = take(db, ada)
    left = lease.expires_at - datetime.now(UTC)
    assert timedelta(seconds=290) < left <= timedelta(seconds=300)
    assert take(db, ada) == lease
    assert sql(db, "SELECT count(*) FROM leases") == [(1,)]


def test_nobody_gets_what_is_lent_answered_or_not_there(db: Database, ada: int) -> None:
    grace = add_person(db, "grace")
    assert leases.take(db, ada, seconds=300) is None
    add_queries(db, [0])
    lease = take(db, ada)
    assert leases.take(db, grace, seconds=300) is None
    answer(db, ada, lease)
    assert leases.take(db, grace, seconds=300) is leases.take(db, ada, seconds=300) is None


def test_the_order_shown_differs_by_query_and_by_person(db: Database, ada: int) -> None:
    add_queries(db, range(24))
    shown = [_take_and_answer(db, person) for person in (ada, add_person(db, "grace")) for _ in range(12)]
    first = Counter(indices[0] for indices in shown)
    assert all(sorted(indices) == [0, 1, 2, 3] for indices in shown)
    assert set(first) == {0, 1, 2, 3}  # no response is always shown first
    assert len(set(shown)) > 8


def test_who_wrote_a_response_does_not_show(db: Database, ada: int) -> None:
    """Of an evaluation query: ρ's and π's stand at every position alike, and a lease says nothing of them."""
    add_policy(db, 1)
    add_queries(db, range(200), policy_version=1, written_by=(0, 0, 1, 1))
    first = Counter(_take_and_answer(db, ada)[0] for _ in range(200))
    assert all(30 <= first[index] <= 70 for index in range(4))  # 50 each, give or take 3.3 standard deviations
    assert {field.name for field in fields(Lease)}.isdisjoint({"policy_version", "tokens"})


def _take_and_answer(db: Database, labeler_id: int) -> tuple[int, ...]:
    lease = take(db, labeler_id)
    answer(db, labeler_id, lease)
    return tuple(int(text.split(".")[1]) for text in lease.texts)


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
    receipt = leases.answer(db, ada, lease.id, position=2, seconds=7.25)
    [(label_id, labeler_id, seconds, policy_version, position, best, created_at, shown, state, closed_at)] = sql(
        db,
        "SELECT labels.id, labels.labeler_id, seconds, policy_version, position, best, labels.created_at, shown, "
        "state, closed_at FROM labels JOIN leases ON leases.id = labels.lease_id",
    )
    assert (labeler_id, seconds, policy_version, position) == (ada, 7.25, 1, 2)
    assert best == shown[2]
    assert [f"5.{index}" for index in shown] == list(lease.texts)
    assert state == "done"
    assert before <= created_at <= closed_at <= datetime.now(UTC)
    assert receipt == Receipt(label_id, lease.id, 2, created_at)


def test_the_same_answer_again_gets_the_same_receipt(db: Database, ada: int) -> None:
    add_queries(db, [0])
    lease = take(db, ada)
    receipt = answer(db, ada, lease, 1)
    with ThreadPoolExecutor(4) as pool:
        again = list(pool.map(lambda _: answer(db, ada, lease, 1), range(8)))
    assert again == [receipt] * 8
    expire(db)  # a receipt does not age
    assert answer(db, ada, lease, 1) == receipt
    assert counters(db) == (1, 1, False)


def test_sent_many_times_at_once_an_answer_is_one_label(db: Database, ada: int) -> None:
    add_queries(db, [0])
    lease = take(db, ada)
    with ThreadPoolExecutor(8) as pool:
        receipts = set(pool.map(lambda _: answer(db, ada, lease, 3), range(8)))
    assert len(receipts) == 1
    assert counters(db) == (1, 1, False)


def test_another_answer_is_a_conflict_and_the_first_one_stands(db: Database, ada: int) -> None:
    add_queries(db, [0])
    lease = take(db, ada)
    answer(db, ada, lease, 1)
    with pytest.raises(ConflictError, match=f"{lease.id} was answered with position 1, which stands: position 2 "):
        answer(db, ada, lease, 2)
    with pytest.raises(ConflictError, match="was answered already and cannot be skipped"):
        leases.skip(db, ada, lease.id, reason=None)
    assert sql(db, "SELECT position FROM labels") == [(1,)]


def test_a_position_that_was_not_shown_is_refused(db: Database, ada: int) -> None:
    add_queries(db, [0])
    lease = take(db, ada)
    for position in (-1, 4, 10**12):
        with pytest.raises(AnswerError, match=f"position {position} was not shown: send one of 0 to 3"):
            answer(db, ada, lease, position)
    assert counters(db) == (1, 0, False)


def test_another_persons_lease_is_unknown(db: Database, ada: int) -> None:
    grace = add_person(db, "grace")
    add_queries(db, [0])
    lease = take(db, ada)
    for who, what in ((grace, lease.id), (ada, str(uuid.uuid4())), (ada, "x" * 1000), (ada, "")):
        with pytest.raises(UnknownLeaseError, match="is not one of yours"):
            leases.answer(db, who, what, position=0, seconds=1)
        with pytest.raises(UnknownLeaseError, match="is not one of yours"):
            leases.skip(db, who, what, reason=None)
    assert take(db, ada) == lease
    assert issubclass(UnknownLeaseError, LeaseError)


def test_an_expired_query_goes_to_others_and_the_late_answer_is_refused(db: Database, ada: int) -> None:
    grace = add_person(db, "grace")
    add_queries(db, [0])
    late = leases.take(db, ada, seconds=1)
    assert late is not None
    expire(db)
    with pytest.raises(ExpiredLeaseError, match=f"{late.id} expired at .* UTC"):  # nobody has swept yet
        answer(db, ada, late)
    with pytest.raises(ExpiredLeaseError):
        leases.skip(db, ada, late.id, reason=None)
    lease = take(db, grace)
    assert lease.query_text == late.query_text
    with pytest.raises(ExpiredLeaseError):
        answer(db, ada, late)
    answer(db, grace, lease)
    assert counters(db) == (1, 1, False)
    assert sql(db, "SELECT labeler_id FROM labels") == [(grace,)]


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


def test_the_hour_of_expiry_is_said_in_utc(db: Database, ada: int) -> None:
    """Whatever time zone the server lives in."""
    add_queries(db, [0])
    lease = take(db, ada)
    sql(db, "UPDATE leases SET expires_at = '2020-02-02 10:20:30+00'")
    sql(db, "ALTER DATABASE migrated SET timezone = 'Asia/Tokyo'")
    db.close()  # new connections begin with it
    try:
        with pytest.raises(ExpiredLeaseError, match="expired at 10:20:30 UTC"):
            answer(db, ada, lease)
    finally:
        sql(db, "ALTER DATABASE migrated RESET timezone")


def test_a_skipped_query_retires(db: Database, ada: int) -> None:
    add_queries(db, [0, 1])
    lease = take(db, ada)
    leases.skip(db, ada, lease.id, reason="not a sentence")
    leases.skip(db, ada, lease.id, reason="again")
    assert counters(db) == (0, 0, True)
    assert sql(db, "SELECT state, reason FROM leases") == [("skipped", "not a sentence")]
    with pytest.raises(ConflictError, match="was skipped already and cannot be answered"):
        answer(db, ada, lease)
    assert take(db, add_person(db, "grace")).query_text == "query 1"


def test_progress_is_ones_own(db: Database, ada: int) -> None:
    grace = add_person(db, "grace")
    assert leases.progress(db, ada) == Progress("ada", 0, 0, None)
    add_queries(db, range(6))
    for seconds in (1.0, 2.0, 9.0):
        leases.answer(db, ada, take(db, ada).id, position=0, seconds=seconds)
    leases.skip(db, ada, take(db, ada).id, reason=None)
    answer(db, grace, take(db, grace))
    assert leases.progress(db, ada) == Progress("ada", 3, 1, 2.0)


def test_two_requests_of_one_person_at_once_get_one_lease(db: Database, ada: int) -> None:
    add_queries(db, range(40))
    for _ in range(10):
        with ThreadPoolExecutor(4) as pool:
            taken = list(pool.map(lambda _: take(db, ada), range(4)))
        assert len({lease.id for lease in taken}) == 1
        answer(db, ada, taken[0])
    assert sql(db, "SELECT count(*) FROM leases") == sql(db, "SELECT sum(claims) FROM queries") == [(10,)]


def test_a_query_that_many_shall_answer_goes_to_each_person_once(db: Database, ada: int) -> None:
    add_queries(db, [0], wanted=2)
    grace, alan = add_person(db, "grace"), add_person(db, "alan")
    answer(db, ada, take(db, ada))
    assert leases.take(db, ada, seconds=300) is None
    lease = take(db, grace)
    assert leases.take(db, alan, seconds=300) is None
    answer(db, grace, lease)
    assert counters(db) == (2, 2, False)


def test_under_16_threads_no_query_goes_to_two_people_and_all_are_answered(db: Database, ada: int) -> None:
    """Counting leases in a subquery and then locking gave 309 of 600 queries to two people."""
    add_queries(db, range(600))
    people = [ada, *(add_person(db, f"person {n}") for n in range(15))]

    def work(labeler_id: int) -> list[str]:
        done = []
        while (lease := leases.take(db, labeler_id, seconds=300)) is not None:
            answer(db, labeler_id, lease)
            done.append(lease.query_text)
        [(waiting,)] = sql(db, "SELECT count(*) FROM queries WHERE claims < wanted")
        assert waiting < len(people)  # nobody is sent away while there is work that nobody else is just taking
        return done

    with ThreadPoolExecutor(16) as pool:
        done = [text for texts in pool.map(work, people) for text in texts]
    assert sorted(done) == sorted(f"query {position}" for position in range(600))
    assert sql(db, "SELECT claims, answers, count(*) FROM queries GROUP BY 1, 2") == [(1, 1, 600)]
    assert sql(db, "SELECT count(*), count(DISTINCT query_id) FROM labels") == [(600, 600)]
    assert sql(db, "SELECT count(*) FROM leases") == [(600,)]
