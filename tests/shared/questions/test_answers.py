"""Which answers fit what was shown."""

import pytest

from shared.domain import Answer
from shared.questions.answers import fault


@pytest.mark.parametrize("shown", range(2, 9))
def test_of_several_one_is_chosen(shown: int) -> None:
    assert [fault(shown, Answer(position=position)) for position in range(shown)] == [None] * shown
    for position in (-1, shown, 10**12):
        said = fault(shown, Answer(position=position))
        assert said == f"position {position} was not shown: send one of 0 to {shown - 1}, where the responses stood"


def test_the_only_one_is_rated() -> None:
    assert [fault(1, Answer(rating=rating)) for rating in range(1, 8)] == [None] * 7
    for rating in (-1, 0, 8, 10**12):
        said = fault(1, Answer(rating=rating))
        assert said == f"rating {rating} is not on the scale: send `rating` alone, 1 (very bad) to 7 (very good)"


@pytest.mark.parametrize("shown", [1, 2, 4])
def test_none_may_be_acceptable_and_then_there_is_no_best_one(shown: int) -> None:
    assert fault(shown, Answer(none_acceptable=True)) is None
    assert fault(shown, Answer(position=0, none_acceptable=True)) == (
        "position 0 was sent, but none_acceptable says that none will do: send one of them"
    )
    assert (fault(shown, Answer(rating=3, none_acceptable=True)) or "").startswith("rating 3 was sent, but none_accept")


@pytest.mark.parametrize(
    ("shown", "position", "rating", "said"),
    [
        (4, None, 3, "rating 3 was sent, but a response is to be chosen: as `position` alone, send one of 0 to 3"),
        (4, 1, 3, "rating 3 was sent, but a response is to be chosen"),
        (4, None, None, "position is missing: send one of 0 to 3"),
        (1, 0, None, "position 0 was sent, but the one response shown is to be rated: send `rating` alone, 1"),
        (1, 0, 3, "position 0 was sent, but the one response shown is to be rated"),
        (1, None, None, "rating is missing: send `rating` alone, 1 (very bad) to 7"),
    ],
)
def test_the_other_form_is_told(shown: int, position: int | None, rating: int | None, said: str) -> None:
    assert (fault(shown, Answer(position, rating)) or "").startswith(said)
