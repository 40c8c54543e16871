"""Comparisons on a real store: asked once, counted by hand, ended by the test, and nothing of them is trained on."""

import pytest

from shared.domain import Answer, ComparisonState, Lease, LoopError, Purpose, Response
from shared.quality.leaderboard import Contest
from shared.sequential import always_valid
from shared.settings import LabelSettings, Settings
from shared.store import answers, comparisons, leases, loop, queries
from shared.store.comparisons import ComparedQuery, Tally
from shared.store.contests import contests
from shared.store.database import Database
from tests.shared.store.rows import add_person, add_policy, add_queries, ask, label, sql, take

FIRST = LabelSettings(comparison_share=1.0, gold_share=0.0)


def compare(db: Database, count: int, *, against: int | None = 0, reference: str | None = None) -> int:
    """Policy 1, whose responses end with "ours", beside another."""
    asked = [
        ComparedQuery(
            f"held out {i}",
            (i, 7),
            (Response(f"{i} ours", (1, i), 1), Response(f"{i} theirs", (2, i), against)),
        )
        for i in range(count)
    ]
    return comparisons.create(db, asked, version=1, against=against, reference=reference, alpha=0.05)


def prefer(db: Database, labeler_id: int, said: str) -> None:
    """Answer the next questions: w the version is better, l the other is, 0 neither is acceptable."""
    for letter in said:
        lease = take(db, labeler_id, FIRST)
        assert lease.purpose is Purpose.COMPARISON
        given = Answer(none_acceptable=True) if letter == "0" else Answer(position=shown(lease, letter))
        answers.answer(db, labeler_id, lease.id, given, seconds=1.0)


def shown(lease: Lease, letter: str) -> int:
    ends = {"w": "ours", "l": "theirs"}[letter]
    return next(i for i, text in enumerate(lease.texts) if text.endswith(ends))


@pytest.fixture
def ada(db: Database) -> int:
    loop.start(db, Settings())
    add_policy(db)
    add_policy(db, 1)
    return add_person(db)


def test_what_people_said_is_counted_whatever_the_order_shown(db: Database, ada: int) -> None:
    made = compare(db, 10)
    prefer(db, ada, "wwl0w")
    [found] = comparisons.listed(db)
    assert (found.id, found.version, found.against, found.reference) == (made, 1, 0, None)
    assert found.state is ComparisonState.OPEN
    assert found.tally == Tally(queries=10, waiting=5, wins=3, losses=1, neither=1)
    assert found.rate == 3 / 4
    assert found.interval == always_valid(3, 1, alpha=0.05)
    assert found.evidence == pytest.approx(16 / 20)
    assert comparisons.settle(db) == []


def test_a_query_is_asked_once_and_either_side_shows_ours(db: Database, ada: int) -> None:
    compare(db, 12)
    prefer(db, ada, "w" * 12)
    assert {row[0] for row in sql(db, "SELECT position FROM labels")} == {0, 1}
    assert ask(db, ada, FIRST) is None
    assert ask(db, add_person(db, "grace"), FIRST) is None


def test_it_ends_when_it_is_decided_and_asks_no_more(db: Database, ada: int) -> None:
    made = compare(db, 20)
    prefer(db, ada, "www0wwww")
    assert comparisons.settle(db) == []
    lent = take(db, grace := add_person(db, "grace"), FIRST)
    prefer(db, ada, "w")  # the eighth in a row
    [found] = comparisons.settle(db)
    assert (found.id, found.state, found.tally.wins) == (made, ComparisonState.DECIDED, 8)
    assert comparisons.settle(db) == []
    [listed] = comparisons.listed(db)
    assert listed.ended_at is not None
    assert listed.tally == Tally(queries=20, waiting=1, wins=8, losses=0, neither=1)
    assert ask(db, ada, FIRST) is None
    answers.answer(db, grace, lent.id, Answer(position=0), seconds=1.0)  # what is lent may be answered
    assert comparisons.listed(db)[0].tally.waiting == 0


def test_a_lent_query_that_comes_back_after_the_end_retires(db: Database, ada: int) -> None:
    made = compare(db, 2)
    take(db, ada, FIRST)
    comparisons.end(db, made)
    sql(db, "UPDATE leases SET expires_at = now() - interval '1 second'")
    leases.take(db, ada, LabelSettings(comparison_share=0.0, gold_share=0.0))
    comparisons.settle(db)
    assert sql(db, "SELECT count(*) FROM queries WHERE NOT retired AND claims = 0") == [(0,)]


def test_it_ends_undecided_when_all_is_answered_what_one_skipped_by_another(db: Database, ada: int) -> None:
    compare(db, 3)
    prefer(db, ada, "wl")
    answers.skip(db, ada, take(db, ada, FIRST).id, reason=None)
    assert ask(db, ada, FIRST) is None
    assert comparisons.settle(db) == []
    prefer(db, add_person(db, "grace"), "0")
    [found] = comparisons.settle(db)
    assert found.state is ComparisonState.EXHAUSTED
    assert found.tally == Tally(queries=3, waiting=0, wins=1, losses=1, neither=1)


def test_an_operator_ends_it_once(db: Database, ada: int) -> None:
    made = compare(db, 3)
    prefer(db, ada, "w")
    comparisons.end(db, made)
    assert comparisons.listed(db)[0].state is ComparisonState.ENDED
    assert ask(db, ada, FIRST) is None
    for wrong in (made, made + 1):
        with pytest.raises(LoopError, match=f"no open comparison {wrong}"):
            comparisons.end(db, wrong)


def test_what_was_taken_back_does_not_count(db: Database, ada: int) -> None:
    compare(db, 9)
    prefer(db, ada, "wwwwwwww")
    sql(db, "INSERT INTO retractions (by, reason) VALUES ('ada', 'undo')")
    sql(db, "UPDATE labels SET retraction_id = 1 WHERE id = (SELECT max(id) FROM labels)")
    assert comparisons.settle(db) == []
    assert comparisons.listed(db)[0].tally.wins == 7


def test_nothing_of_it_is_trained_on_planned_with_or_retired_as_stale(db: Database, ada: int) -> None:
    before = loop.state(db)
    compare(db, 3)
    prefer(db, ada, "w0")
    assert loop.state(db) == before
    assert queries.labeled(db, upto=queries.watermark(db)) == []
    assert queries.retire(db, before=99) == 0


def test_stale_are_only_queries_for_training_that_a_policy_answered(db: Database) -> None:
    add_policy(db)
    add_policy(db, 1)
    add_queries(db, [0, 1], policy_version=0)
    add_queries(db, [2], policy_version=1)
    sql(db, "UPDATE queries SET position = -1, policy_version = NULL WHERE position = 1")  # as an import
    assert queries.retire(db, before=1) == 1
    assert sql(db, "SELECT position FROM queries WHERE retired") == [(0,)]


def test_contests_are_comparisons_and_evaluation_queries(db: Database, ada: int) -> None:
    compare(db, 3, against=0)
    prefer(db, ada, "wwl")
    compare(db, 2, against=None, reference="summaries.jsonl")
    prefer(db, ada, "ll")
    add_queries(db, [0], policy_version=1, written_by=(0, 1, 1))
    label(db, ada)
    [evaluation, texts, policies] = contests(db)
    assert texts == Contest(1, "summaries.jsonl", 0, 2)
    assert policies == Contest(1, 0, 2, 1)
    assert (evaluation.first, evaluation.second, evaluation.wins + evaluation.losses) == (1, 0, 1)
    assert evaluation.chance == pytest.approx(2 / 3)
