"""Which query comes next: the order, the turns of gold and comparisons, and that nothing goes to two people."""

import re
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields

import pytest
from sqlalchemy import text

from shared.domain import Answer, EmptyReason, Lease, Nothing, Purpose
from shared.settings import LabelSettings
from shared.store import accounts, answers, claims, leases, stops
from shared.store.database import Database
from tests.shared.store.rows import (
    LABELS,
    add_measuring,
    add_person,
    add_policy,
    add_queries,
    answer,
    ask,
    expire,
    sql,
    take,
)


@pytest.fixture
def ada(db: Database) -> int:
    add_policy(db)
    return add_person(db, "ada")


def asked(db: Database, labeler_id: int, labels: LabelSettings = LABELS) -> list[str]:
    """All that one person is asked, each answered."""
    shown = []
    while (lease := ask(db, labeler_id, labels)) is not None:
        shown.append(lease.query_text)
        answer(db, labeler_id, lease)
    return shown


def nothing(db: Database, labeler_id: int) -> Nothing:
    found = leases.take(db, labeler_id, LABELS)
    assert isinstance(found, Nothing)
    return found


def test_the_newest_policys_queries_come_first_then_priority_then_the_lowest_position(db: Database, ada: int) -> None:
    add_queries(db, [1, 3])
    add_policy(db, 1)
    add_queries(db, [0, 4, 2, 5], policy_version=1)
    sql(db, "UPDATE queries SET priority = 0.5 WHERE position IN (4, 5)")
    assert asked(db, ada) == [f"query {position}" for position in (4, 5, 0, 2, 1, 3)]


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


def test_a_draw_says_whose_turn_it_is_and_says_so_again() -> None:
    def turns(labeler_id: int) -> list[Purpose]:
        people = [claims.Person(labeler_id, taken, paused=False, due=False, halted=False) for taken in range(2000)]
        return [claims.turn(person, gold_share=0.1, comparison_share=0.3)[0] for person in people]

    count = Counter(turns(1))
    assert 150 < count[Purpose.GOLD] < 250
    assert 510 < count[Purpose.COMPARISON] < 690
    assert turns(1) == turns(1) != turns(2)


def test_gold_comes_on_its_turn_only_and_the_others_in_each_others_place(db: Database, ada: int) -> None:
    add_measuring(db, Purpose.GOLD, ["gold 0", "gold 1"])
    add_measuring(db, Purpose.COMPARISON, ["compared 0", "compared 1"])
    add_queries(db, [0, 1])
    assert asked(db, ada, LABELS) == ["query 0", "query 1", "compared 0", "compared 1"]
    grace = add_person(db, "grace")
    assert asked(db, grace, LabelSettings(gold_share=1)) == ["gold 0", "gold 1"]
    add_queries(db, [2])
    add_measuring(db, Purpose.COMPARISON, ["compared 2"])
    assert asked(db, ada, LabelSettings(gold_share=0, comparison_share=1)) == ["compared 2", "query 2"]
    assert asked(db, add_person(db, "alan"), LabelSettings(gold_share=1)) == ["gold 0", "gold 1"]  # everybody's


def test_a_lease_and_its_label_know_their_purpose(db: Database, ada: int) -> None:
    add_measuring(db, Purpose.GOLD, ["gold"])
    add_measuring(db, Purpose.COMPARISON, ["compared"])
    add_policy(db, 1)
    add_queries(db, [0], policy_version=1)
    seen = []
    for labels in (LabelSettings(gold_share=1), LabelSettings(gold_share=0, comparison_share=1), LABELS):
        lease = take(db, ada, labels)
        seen.append(lease.purpose)
        answer(db, ada, lease)
    assert seen == [Purpose.GOLD, Purpose.COMPARISON, Purpose.TRAINING]
    stored = [("gold", None), ("comparison", None), ("training", 1)]
    assert sql(db, "SELECT purpose, policy_version FROM labels ORDER BY id") == stored
    assert sql(db, "SELECT leases_taken FROM labelers") == [(3,)]


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
    return tuple(int(words.split(".")[1]) for words in lease.texts)


def test_why_there_is_nothing(db: Database, ada: int) -> None:
    assert nothing(db, ada) == Nothing(EmptyReason.NONE_LEFT, 0.5)
    stops.stop(db, by="ada", reason="odd")
    assert nothing(db, ada) == Nothing(EmptyReason.PAUSED, 10)
    add_queries(db, [0])
    grace = add_person(db, "grace")
    lease = take(db, grace)  # a stop halts training, not people who have work
    assert nothing(db, ada) == Nothing(EmptyReason.ALL_LEASED, 2)
    sql(db, "UPDATE leases SET expires_at = now() + interval '1.5 seconds'")
    assert 0.5 < nothing(db, ada).retry_after <= 1.5
    answer(db, grace, lease)
    assert nothing(db, grace).reason == EmptyReason.PAUSED


def test_what_others_hold_is_nothing_to_wait_for_where_one_could_not_have_it(db: Database, ada: int) -> None:
    add_queries(db, [0], wanted=2)
    grace = add_person(db, "grace")
    answer(db, ada, take(db, ada))
    take(db, grace)
    assert nothing(db, ada).reason == EmptyReason.NONE_LEFT
    assert nothing(db, add_person(db, "alan")).reason == EmptyReason.ALL_LEASED


def test_who_is_paused_may_answer_what_they_have_and_gets_nothing_new(db: Database, ada: int) -> None:
    add_queries(db, [0, 1])
    lease = take(db, ada)
    accounts.pause(db, "ada", "gold missed")
    assert take(db, ada).id == lease.id
    assert leases.why_paused(db, ada) == "gold missed"
    said = answers.answer_and_take(db, ada, lease.id, Answer(position=0), LABELS, seconds=1)
    assert said[1] == nothing(db, ada) == Nothing(EmptyReason.YOU_ARE_PAUSED, 60)
    accounts.unpause(db, "ada")
    assert leases.why_paused(db, ada) is None
    assert take(db, ada).query_text == "query 1"


def test_a_claim_looks_no_further_than_the_first_entry_of_its_index(db: Database, ada: int) -> None:
    sql(
        db,
        "INSERT INTO queries (position, policy_version, text, tokens) "
        "SELECT n, 0, 'a query', '{1}' FROM generate_series(0, 4999) n",
    )
    sql(db, "ANALYZE queries")
    statement = claims._claim((Purpose.COMPARISON, Purpose.TRAINING))
    with db.connection() as connection:
        compiled = statement.compile(connection)
        found = connection.exec_driver_sql(f"EXPLAIN ANALYZE {compiled}", {**compiled.params, "labeler_id": ada})
        plan = "\n".join(found.scalars())
    assert plan.count("Index Scan using ix_queries_claimable on queries") == 2, plan
    assert not re.search(r"Seq Scan on queries|Sort Key: queries|actual time=\S+ rows=[1-9]\d", plan), plan


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
    assert ask(db, ada) is None
    lease = take(db, grace)
    assert ask(db, alan) is None
    answer(db, grace, lease)
    assert sql(db, "SELECT claims, answers, retired FROM queries") == [(2, 2, False)]


def test_a_sweep_gives_back_what_expired_and_passes_over_what_is_locked(db: Database, ada: int) -> None:
    people = [ada, add_person(db, "grace"), add_person(db, "alan")]
    add_queries(db, [0], wanted=2)
    add_queries(db, [1])
    for person in people:
        take(db, person)
    expire(db)
    last = add_person(db, "emmy")
    with db.connection() as connection:
        connection.execute(text("SELECT 1 FROM queries WHERE position = 0 FOR UPDATE"))
        assert take(db, last).query_text == "query 1"
    assert sql(db, "SELECT state, count(*) FROM leases GROUP BY 1 ORDER BY 1") == [("expired", 1), ("open", 3)]
    take(db, add_person(db, "barbara"))
    assert sql(db, "SELECT position, claims FROM queries ORDER BY 1") == [(0, 1), (1, 1)]


def test_under_16_threads_no_query_goes_to_two_people_and_all_are_answered(db: Database, ada: int) -> None:
    """Counting leases in a subquery and then locking gave 309 of 600 queries to two people."""
    add_queries(db, range(300))
    people = [ada, *(add_person(db, f"person {n}") for n in range(15))]

    def work(labeler_id: int) -> list[str]:
        done = asked(db, labeler_id)
        [(waiting,)] = sql(db, "SELECT count(*) FROM queries WHERE claims < wanted")
        assert waiting < len(people)  # nobody is sent away while there is work that nobody else is just taking
        return done

    with ThreadPoolExecutor(16) as pool:
        done = [words for texts in pool.map(work, people) for words in texts]
    assert sorted(done) == sorted(f"query {position}" for position in range(300))
    assert sql(db, "SELECT claims, answers, count(*) FROM queries GROUP BY 1, 2") == [(1, 1, 300)]
    assert sql(db, "SELECT count(*), count(DISTINCT query_id) FROM labels") == [(300, 300)]
    assert sql(db, "SELECT count(*) FROM leases") == [(300,)]
