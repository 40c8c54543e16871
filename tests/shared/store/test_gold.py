"""Gold queries: stored, asked like all others, judged by, and retired."""

import pytest

from shared.domain import Answer, LoopError
from shared.quality.share import share
from shared.settings import LabelSettings
from shared.store import accounts, answers, gold
from shared.store.database import Database
from shared.store.gold import GoldQuery
from tests.shared.store.rows import add_person, add_policy, add_queries, sql, take

ALWAYS = LabelSettings(gold_share=1)
CHOICES = [GoldQuery(f"gold {i}", ("bad", "good", "worse", "worst"), 1) for i in range(6)]
RATED = [GoldQuery("gold", ("a good text",), 6)]


def choose(db: Database, labeler_id: int, text: str, *, times: int = 1) -> None:
    """Answer gold queries by the response with that text."""
    for _ in range(times):
        lease = take(db, labeler_id, ALWAYS)
        said = Answer(position=lease.texts.index(text))
        answers.answer(db, labeler_id, lease.id, said, seconds=1)


def test_everybody_is_asked_and_the_list_says_how_they_did(db: Database) -> None:
    ada, ben = add_person(db, "ada"), add_person(db, "ben")
    first, second = gold.add(db, CHOICES[:2], responses=4)
    choose(db, ada, "good", times=2)
    choose(db, ben, "bad")
    assert [(asked.id, asked.query, asked.accuracy, asked.retired) for asked in gold.listed(db)] == [
        (first, CHOICES[0], share(1, 2), False),
        (second, CHOICES[1], share(1, 1), False),
    ]


def test_a_rating_near_the_known_one_is_right_and_none_acceptable_is_not(db: Database) -> None:
    gold.add(db, RATED, responses=1)
    said = [*(Answer(rating=rating) for rating in range(1, 8)), Answer(none_acceptable=True)]
    for i, answer in enumerate(said):
        person = add_person(db, f"person {i}")
        answers.answer(db, person, take(db, person, ALWAYS).id, answer, seconds=1)
    assert gold.listed(db)[0].accuracy == share(3, 8)  # 5, 6 and 7


def test_only_who_is_surely_below_the_bound_is(db: Database) -> None:
    ada, ben, cleo = (add_person(db, name) for name in ("ada", "ben", "cleo"))
    gold.add(db, CHOICES, responses=4)
    choose(db, ada, "bad", times=6)
    choose(db, ben, "bad", times=2)  # share(0, 2) reaches up to 0.66
    choose(db, cleo, "good", times=6)
    assert gold.surely_below(db, 0.5) == {"ada": share(0, 6)}
    assert gold.surely_below(db, 0.7) == {"ada": share(0, 6), "ben": share(0, 2)}
    assert gold.surely_below(db, 0.7, least=3) == {"ada": share(0, 6)}
    accounts.pause(db, "ada", "guesses")
    assert gold.surely_below(db, 0.5, at_work=True) == {}
    assert set(gold.surely_below(db, 0.5)) == {"ada"}


def test_a_retired_one_judges_nobody(db: Database) -> None:
    ada = add_person(db, "ada")
    for query_id in gold.add(db, CHOICES, responses=4):
        choose(db, ada, "bad")
        gold.retire(db, query_id)
    gold.retire(db, query_id)  # does no harm
    assert gold.surely_below(db, 0.9) == {}
    assert [asked.retired for asked in gold.listed(db)] == [True] * 6


def test_after_a_pause_only_new_answers_count(db: Database) -> None:
    ada = add_person(db, "ada")
    gold.add(db, CHOICES, responses=4)
    choose(db, ada, "bad", times=5)
    accounts.unpause(db, "ada")  # was not paused: nothing is forgotten
    assert gold.surely_below(db, 0.5) == {"ada": share(0, 5)}
    accounts.pause(db, "ada", "guesses")
    accounts.unpause(db, "ada")
    assert gold.surely_below(db, 0.5) == {}
    choose(db, ada, "bad")
    assert gold.surely_below(db, 0.9) == {"ada": share(0, 1)}
    assert sql(db, "SELECT count(*), count(retraction_id) FROM labels") == [(6, 5)]


def test_a_query_that_people_were_asked_is_copied(db: Database) -> None:
    add_policy(db)
    add_queries(db, [0])
    [(original,)] = sql(db, "SELECT id FROM queries")
    copy = gold.promote(db, original, 2)
    [asked] = gold.listed(db)
    assert (asked.id, asked.query) == (copy, GoldQuery("query 0", ("0.0", "0.1", "0.2", "0.3"), 2))
    assert sql(db, "SELECT id, purpose, position FROM queries ORDER BY id") == [
        (original, "training", 0),
        (copy, "gold", None),
    ]
    with pytest.raises(LoopError, match="is none for training"):
        gold.promote(db, copy, 2)


@pytest.mark.parametrize(
    ("query", "responses", "words"),
    [
        (CHOICES[0], 2, "has 4 responses: give it 2"),
        (GoldQuery("q", ("a", "b"), 2), 2, "position 2 was not shown"),
        (GoldQuery("q", ("a",), 8), 1, "rating 8 is not on the scale"),
    ],
)
def test_what_does_not_fit_is_refused_and_nothing_stored(
    db: Database, query: GoldQuery, responses: int, words: str
) -> None:
    with pytest.raises(LoopError, match=words):
        gold.add(db, [query], responses=responses)
    assert gold.listed(db) == []


def test_a_query_that_is_not_gold_is_not_retired(db: Database) -> None:
    add_policy(db)
    add_queries(db, [0])
    with pytest.raises(LoopError, match="is no gold query"):
        gold.retire(db, 1)
    assert sql(db, "SELECT retired FROM queries") == [(False,)]
