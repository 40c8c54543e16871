"""Position bias: chi-square by hand, and what it says of people who do and do not look at the place."""

import math
import random

import pytest

from shared.quality.labels import StandingLabel
from shared.quality.position_bias import position_bias
from tests.shared.quality.rows import label


def chosen(*counts: int) -> list[StandingLabel]:
    """So often each place was chosen."""
    return [label(responses=len(counts), position=place) for place, count in enumerate(counts) for _ in range(count)]


def test_by_hand() -> None:
    """5 are expected at each of 3 places: (3² + 0² + 3²) / 5; with two degrees of freedom p = exp(-chi-square / 2)."""
    found = position_bias(chosen(8, 5, 2))
    assert found is not None
    assert found.degrees == 2
    assert found.chi_square == pytest.approx(3.6)
    assert found.p == pytest.approx(math.exp(-1.8))
    assert found.chosen == {3: [8, 5, 2]}


def test_pairs_and_fours_add_up() -> None:
    """10 and 20 of two: 2 * 5² / 15; 8, 4, 4 and 4 of four: (3² + 1 + 1 + 1) / 5. One and three degrees of freedom."""
    found = position_bias([*chosen(10, 20), *chosen(8, 4, 4, 4)])
    assert found is not None
    assert found.degrees == 1 + 3
    assert found.chi_square == pytest.approx(50 / 15 + 12 / 5)
    assert found.chosen == {2: [10, 20], 4: [8, 4, 4, 4]}


def test_below_an_expected_count_of_5_it_is_undefined() -> None:
    assert position_bias(chosen(5, 5, 4)) is None
    assert position_bias(chosen(5, 5, 5)) is not None
    assert position_bias([]) is None
    few_fours = position_bias([*chosen(10, 20), *chosen(4, 1, 1, 1)])
    assert few_fours is not None
    assert few_fours.chosen == {2: [10, 20]}


def test_answers_without_a_place_are_left_out() -> None:
    ratings = [label(responses=1, answer=3) for _ in range(20)]
    assert position_bias(ratings) is None
    assert position_bias([*ratings, *chosen(9, 11)]) == position_bias(chosen(9, 11))


def test_it_sees_who_always_takes_the_first_and_nothing_in_chance() -> None:
    dice = random.Random(1)
    found = [
        position_bias([label(position=dice.choices(range(4), weights)[0]) for _ in range(400)])
        for weights in ((1, 1, 1, 1), (2, 1, 1, 1))
    ]
    assert found[0] is not None
    assert found[1] is not None
    assert found[0].p > 0.01
    assert found[1].p < 1e-6
