"""How r agrees with held-out labels, counted by hand."""

import random

import torch

from shared.domain import LabeledQuery
from shared.training.agreement import chosen_highest, rated_in_order


def chosen(*best: int) -> list[LabeledQuery]:
    return [LabeledQuery(i, (1,), ((2,),) * 4, b, label_id=i, policy_version=0) for i, b in enumerate(best)]


def rated(*given: tuple[int, int]) -> list[LabeledQuery]:
    """Labels with these positions and ratings."""
    return [LabeledQuery(p, (1,), ((2,),), None, label_id=p, policy_version=0, rating=r) for p, r in given]


def column(*scores: float) -> torch.Tensor:
    return torch.tensor(scores)[:, None]


def test_the_choice_has_the_highest_score() -> None:
    scores = torch.tensor([[0.1, 0.9, 0.0, 0.2], [0.5, 0.2, 0.3, 0.4], [0.0, 0.1, 0.2, 0.1]])
    assert chosen_highest(scores, chosen(1, 0, 2)) == [True, True, True]
    assert chosen_highest(scores, chosen(1, 3, 0)) == [True, False, False]


def test_of_equal_scores_the_first_is_the_highest() -> None:
    """So a model that says nothing is right as often as chance."""
    assert chosen_highest(torch.zeros(4, 4), chosen(0, 1, 2, 3)) == [True, False, False, False]


def test_pairs_of_different_ratings_are_in_order_or_not() -> None:
    labels = rated((0, 7), (1, 1), (2, 3), (3, 5))
    assert rated_in_order(column(2.0, -1.0, 0.0, 1.0), labels) == [True, True]
    assert rated_in_order(column(-1.0, 2.0, 0.0, 1.0), labels) == [False, True]
    assert rated_in_order(column(0.0, 0.0, 1.0, 0.0), labels) == [False, False]  # equal scores are no order


def test_equal_ratings_and_answers_about_one_query_are_not_compared() -> None:
    assert rated_in_order(column(0.0, 1.0, 2.0), rated((0, 4), (1, 4), (2, 4))) == []
    assert rated_in_order(column(0.0, 0.0), rated((0, 2), (0, 6))) == []
    # 0 and 1 wait, 2 goes with 0, and 3 with 1
    assert rated_in_order(column(0.0, 1.0, 2.0, 3.0), rated((0, 4), (1, 4), (2, 5), (3, 1))) == [True, False]
    assert rated_in_order(torch.zeros(0, 1), []) == []


def test_guessing_is_right_half_the_time_however_ratings_are_spread() -> None:
    draw = random.Random(1)
    right = []
    for _ in range(400):
        labels = rated(*((position, draw.choice([1, 5, 5, 5, 6, 7])) for position in range(24)))
        right += rated_in_order(column(*(draw.random() for _ in labels)), labels)
    assert len(right) > 4000
    assert abs(sum(right) / len(right) - 0.5) < 0.025  # three standard deviations of 4000 fair coins
