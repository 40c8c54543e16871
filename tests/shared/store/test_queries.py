"""Queries come in whole and leave by label or by age; labels are read the same however they came."""

import threading

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from shared.domain import JobState, LabeledQuery, NewQuery, Response
from shared.messages import SampleQueries
from shared.store import queries
from shared.store.database import Database
from shared.store.queries import Watermark
from tests.shared.store.rows import add_person, add_policy, add_queries, label, new_query, running, seen, sql, take


def test_all_or_nothing(db: Database) -> None:
    add_policy(db)
    add_queries(db, [5])
    made = running(db, SampleQueries(first=4, count=2, policy_version=0))
    with pytest.raises(IntegrityError):
        queries.add(db, made.key, made.attempt, [new_query(4), new_query(5)], policy_version=0)
    assert sql(db, "SELECT position FROM queries") == [(5,)]
    assert seen(db, made.key) == (JobState.RUNNING, 1)
    assert queries.add(db, made.key, made.attempt, [new_query(4)], policy_version=0) == 1


def test_stored_as_it_was_but_for_what_postgresql_cannot_hold(db: Database) -> None:
    """A byte-level tokenizer may write NUL; the tokens keep it."""
    add_policy(db)
    made = running(db, SampleQueries(first=0, count=1, policy_version=0))
    found = NewQuery(0, "a\0b", (1, 2), (Response("c\0.", (0, 3), 0), Response("ü 🙂 '\\", (4,), 0)), wanted=5)
    queries.add(db, made.key, made.attempt, [found], policy_version=0)
    assert sql(db, "SELECT text, tokens, wanted, claims, answers, retired FROM queries") == [
        ("a\N{REPLACEMENT CHARACTER}b", [1, 2], 5, 0, 0, False)
    ]
    assert sql(db, "SELECT index, text, tokens FROM responses ORDER BY index") == [
        (0, "c\N{REPLACEMENT CHARACTER}.", [0, 3]),
        (1, "ü 🙂 '\\", [4]),
    ]


def test_only_old_queries_that_wait_retire(db: Database) -> None:
    add_policy(db)
    add_queries(db, [0, 1, 2])
    add_policy(db, 1)
    ada, grace = add_person(db, "ada"), add_person(db, "grace")
    label(db, ada)  # position 0
    take(db, grace)  # position 1
    add_queries(db, [3], policy_version=1)
    assert queries.retire(db, before=0) == 0
    assert queries.retire(db, before=1) == 1
    assert queries.retire(db, before=1) == 0
    assert sql(db, "SELECT position FROM queries WHERE retired") == [(2,)]


def test_a_query_that_few_people_answered_retires_with_the_others(db: Database) -> None:
    add_policy(db)
    add_queries(db, [0, 1, 2], wanted=2)
    add_policy(db, 1)
    ada, grace = add_person(db, "ada"), add_person(db, "grace")
    label(db, ada)
    label(db, grace)  # both answered 0
    label(db, ada)
    take(db, ada)  # 1 has one answer, 2 is lent
    assert queries.retire(db, before=1) == 1
    assert sql(db, "SELECT position FROM queries WHERE retired") == [(1,)]
    assert len(queries.labeled(db, upto=queries.watermark(db))) == 3


def test_labels_are_read_by_position_whenever_they_were_given(db: Database) -> None:
    add_policy(db)
    add_queries(db, [8, 3])
    add_policy(db, 1)
    add_queries(db, [5, 1], policy_version=1)
    ada, grace = add_person(db, "ada"), add_person(db, "grace")
    given = [label(db, person, position=2) for person in (ada, grace, grace, ada)]
    assert [found.position for found in queries.labeled(db, upto=Watermark(given[-1], 0))] == [1, 3, 5, 8]
    best = dict(sql(db, "SELECT id, best FROM labels"))
    first = queries.labeled(db, upto=Watermark(given[0], 0))
    responses = tuple((1, index) for index in range(4))
    assert first == [LabeledQuery(1, (1, 7), responses, best[given[0]], given[0], 1)]
    assert [found.label_id for found in queries.labeled(db, upto=Watermark(given[1], 0))] == given[:2]
    assert queries.labeled(db, upto=Watermark(0, 0)) == []


def test_the_watermark_is_the_newest_label(db: Database) -> None:
    assert queries.watermark(db) == Watermark(0, 0)
    add_policy(db)
    add_queries(db, [0])
    given = label(db, add_person(db))
    assert given > 0
    assert queries.watermark(db) == Watermark(given, 0)


def test_no_label_comes_in_below_the_watermark(db: Database) -> None:
    """Ids are given out before the commit: one still under way would change what was read up to a greater one."""
    add_policy(db)
    add_queries(db, [0, 1])
    ada, grace = add_person(db, "ada"), add_person(db, "grace")
    slow = take(db, ada)
    read: list[tuple[Watermark, list[LabeledQuery]]] = []

    def training() -> None:
        watermark = queries.watermark(db)
        read.append((watermark, queries.labeled(db, upto=watermark)))

    reads = threading.Thread(target=training)
    with db.transaction() as session:  # as `answer` does, before its commit
        session.execute(
            text(
                "INSERT INTO labels (query_id, labeler_id, lease_id, best, position, seconds, policy_version) "
                "SELECT query_id, labeler_id, id, 0, 0, 1, 0 FROM leases WHERE id = :id"
            ),
            {"id": slow.id},
        )
        label(db, grace)
        reads.start()
        reads.join(0.3)
    reads.join()
    [(watermark, labels)] = read
    assert len(labels) == 2
    assert queries.labeled(db, upto=watermark) == labels
