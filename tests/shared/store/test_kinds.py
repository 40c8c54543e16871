"""Labels of every kind in the store: what is kept of them, and that none comes in another's form."""

import pytest
from sqlalchemy.exc import IntegrityError

from shared.domain import Answer
from shared.store import answers, queries
from shared.store.database import Database
from shared.store.leases import AnswerError, ConflictError
from tests.shared.store.rows import add_person, add_policy, add_queries, answer, sql, take


@pytest.fixture
def ada(db: Database) -> int:
    add_policy(db)
    return add_person(db, "ada")


@pytest.mark.parametrize("n", range(2, 9))
def test_a_choice_of_n_is_kept_as_the_response_that_was_shown_there(db: Database, ada: int, n: int) -> None:
    add_queries(db, range(n), written_by=[0] * n)
    chosen = {}
    for position in range(n):
        lease = take(db, ada)
        assert len(lease.texts) == n
        answer(db, ada, lease, position)
        chosen[lease.query_text] = lease.texts[position]
    for label in queries.labeled(db, upto=queries.watermark(db)):
        assert (len(label.responses), label.rating) == (n, None)
        assert chosen[f"query {label.position}"] == f"{label.position}.{label.best}"


def test_a_rating_is_kept_as_it_is(db: Database, ada: int) -> None:
    add_queries(db, range(7), written_by=[0])
    for rating in range(1, 8):
        lease = take(db, ada)
        receipt = answers.answer(db, ada, lease.id, Answer(rating=rating), seconds=1)
        assert receipt.answer == Answer(rating=rating)
    assert sql(db, "SELECT best, position, rating FROM labels ORDER BY id") == [(None, None, r) for r in range(1, 8)]
    labels = queries.labeled(db, upto=queries.watermark(db))
    assert [(label.position, label.best, label.rating) for label in labels] == [(p, None, p + 1) for p in range(7)]


def test_the_same_rating_again_gets_the_same_receipt_and_another_is_a_conflict(db: Database, ada: int) -> None:
    add_queries(db, [0], written_by=[0])
    lease = take(db, ada)
    receipt = answers.answer(db, ada, lease.id, Answer(rating=5), seconds=1)
    assert answers.answer(db, ada, lease.id, Answer(rating=5), seconds=9) == receipt
    with pytest.raises(ConflictError, match="was answered with rating 5, which stands: rating 6 was not taken"):
        answers.answer(db, ada, lease.id, Answer(rating=6), seconds=1)
    assert sql(db, "SELECT rating FROM labels") == [(5,)]


def test_an_answer_of_another_form_is_refused_and_nothing_is_kept(db: Database, ada: int) -> None:
    add_queries(db, [0], written_by=[0])
    alone = take(db, ada)
    grace = add_person(db, "grace")
    add_queries(db, [1])
    four = take(db, grace)
    with pytest.raises(AnswerError, match="position 0 was sent, but the one response shown is to be rated"):
        answers.answer(db, ada, alone.id, Answer(position=0), seconds=1)
    with pytest.raises(AnswerError, match="rating 8 is not on the scale"):
        answers.answer(db, ada, alone.id, Answer(rating=8), seconds=1)
    with pytest.raises(AnswerError, match="rating 3 was sent, but a response is to be chosen"):
        answers.answer(db, grace, four.id, Answer(rating=3), seconds=1)
    with pytest.raises(AnswerError, match="position is missing"):
        answers.answer(db, grace, four.id, Answer(), seconds=1)
    assert sql(db, "SELECT * FROM labels") == []
    answers.answer(db, ada, alone.id, Answer(rating=1), seconds=1)
    answers.answer(db, grace, four.id, Answer(position=3), seconds=1)


@pytest.mark.parametrize(
    ("best", "position", "rating"),
    [(0, 0, 5), (None, None, None), (None, 0, None), (None, 0, 5), (None, None, 0), (None, None, 8)],
)
def test_a_label_of_two_forms_or_none_cannot_be_stored(
    db: Database, ada: int, best: int | None, position: int | None, rating: int | None
) -> None:
    add_queries(db, [0])
    take(db, ada)
    with pytest.raises(IntegrityError, match=r"ck_labels_(one_form|rating|position_of_best)"):
        sql(
            db,
            "INSERT INTO labels (query_id, labeler_id, lease_id, best, position, rating, seconds, policy_version) "
            "SELECT query_id, labeler_id, id, :best, :position, :rating, 1, 0 FROM leases",
            best=best, position=position, rating=rating,
        )  # fmt: skip
