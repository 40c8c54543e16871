"""The human win rate, counted by hand."""

from collections.abc import Sequence

from shared.domain import Answer
from shared.intervals import wilson
from shared.store import answers
from shared.store.database import Database
from shared.store.evaluations import HumanWinRate, human_win_rates
from tests.shared.store.rows import add_person, add_policy, add_queries, answer, sql, take


def choose(db: Database, labeler_id: int, best: Sequence[int]) -> None:
    """Answer the next queries: of each, the response with that index as stored, wherever it is shown."""
    for index in best:
        lease = take(db, labeler_id)
        position = next(i for i, text in enumerate(lease.texts) if text.endswith(f".{index}"))
        answer(db, labeler_id, lease, position)


def test_none_before_the_first_evaluation_label(db: Database) -> None:
    add_policy(db)
    add_queries(db, [0, 1])
    add_policy(db, 1)
    add_queries(db, [2, 3], policy_version=1)
    add_queries(db, [4], policy_version=1, written_by=(0, 0, 1, 1))  # nobody answers it
    ada = add_person(db)
    choose(db, ada, [0, 1])
    assert sql(db, "SELECT policy_version FROM labels") == [(1,), (1,)]
    assert human_win_rates(db) == []


def test_by_version_the_labels_whose_best_is_its_own(db: Database) -> None:
    add_policy(db)
    add_queries(db, [0, 1])
    ada = add_person(db)
    choose(db, ada, [0, 0])  # ρ's own queries compare nothing
    add_policy(db, 1)
    add_queries(db, range(2, 6), policy_version=1, written_by=(0, 1, 1, 0))
    choose(db, ada, [0, 1, 2, 1])  # three of four are π's
    add_policy(db, 2)
    add_queries(db, [6], policy_version=2)
    choose(db, ada, [3])  # an ordinary query of π
    add_queries(db, [7, 8], policy_version=2, written_by=(2, 0, 2))  # of three responses two are π's
    choose(db, ada, [1, 1])
    assert human_win_rates(db) == [
        HumanWinRate(policy_version=1, labels=4, wins=3, chance=0.5),
        HumanWinRate(policy_version=2, labels=2, wins=0, chance=2 / 3),
    ]


def test_every_answer_to_a_query_counts(db: Database) -> None:
    add_policy(db)
    add_policy(db, 1)
    add_queries(db, [0], policy_version=1, written_by=(0, 1), wanted=3)
    for name, best in (("ada", 1), ("grace", 1), ("alan", 0)):
        choose(db, add_person(db, name), [best])
    [found] = human_win_rates(db)
    assert (found.labels, found.wins, found.rate) == (3, 2, 2 / 3)
    assert found.interval == wilson(2, 3)
    assert found.as_dict() == {
        "policy_version": 1, "labels": 3, "wins": 2, "rate": 2 / 3, "interval": wilson(2, 3), "chance": 0.5
    }  # fmt: skip


def test_what_was_taken_back_or_names_no_response_does_not_count(db: Database) -> None:
    add_policy(db)
    add_policy(db, 1)
    add_queries(db, range(3), policy_version=1, written_by=(0, 1))
    ada = add_person(db)
    choose(db, ada, [1, 1])
    answers.answer(db, ada, take(db, ada).id, Answer(none_acceptable=True), seconds=1.0)
    assert human_win_rates(db) == [HumanWinRate(policy_version=1, labels=2, wins=2, chance=0.5)]
    sql(db, "INSERT INTO retractions (by, reason) VALUES ('ada', 'too quick')")
    sql(db, "UPDATE labels SET retraction_id = 1 WHERE id = 1")
    assert human_win_rates(db) == [HumanWinRate(policy_version=1, labels=1, wins=1, chance=0.5)]
