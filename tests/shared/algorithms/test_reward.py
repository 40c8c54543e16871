"""The reward losses: their numbers, and that they fall as the score of what people like rises."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from shared.algorithms.reward import best_of_loss, rating_loss
from shared.questions.rating import SCALE


@pytest.mark.parametrize("n", range(2, 9))
def test_equal_scores_mean_log_n(n: int) -> None:
    assert best_of_loss(torch.full((5, n), 3.0), torch.arange(5) % n).item() == pytest.approx(math.log(n))


def test_by_hand() -> None:
    # odds 3:1 and 1:7; the chosen ones have 3/4 and 7/8
    scores = torch.tensor([[3.0, 1.0], [1.0, 7.0]]).log()
    expected = -(math.log(3 / 4) + math.log(7 / 8)) / 2
    assert best_of_loss(scores, torch.tensor([0, 1])).item() == pytest.approx(expected)


@given(st.lists(st.floats(-5, 5), min_size=2, max_size=8), st.data())
def test_gradient_raises_the_chosen_and_lowers_the_others(scores: list[float], data: st.DataObject) -> None:
    best = data.draw(st.integers(0, len(scores) - 1))
    row = torch.tensor([scores], requires_grad=True)
    best_of_loss(row, torch.tensor([best])).backward()
    assert row.grad is not None
    downhill = (-row.grad[0]).tolist()
    assert downhill.pop(best) > 0
    assert all(step < 0 for step in downhill)


@given(st.floats(-100, 100))
def test_only_differences_of_scores_count(shift: float) -> None:
    scores, best = torch.tensor([[0.5, -1.0, 2.0, 0.0]]), torch.tensor([1])
    torch.testing.assert_close(best_of_loss(scores + shift, best), best_of_loss(scores, best), rtol=1e-4, atol=1e-4)


@given(st.floats(-20, 20), st.floats(-20, 20))
def test_pairwise_is_best_of_two(chosen: float, other: float) -> None:
    """Bradley and Terry: -log sigmoid(r_best - r_other)."""
    scores = torch.tensor([[other, chosen]], dtype=torch.float64)
    expected = math.log1p(math.exp(other - chosen))
    assert best_of_loss(scores, torch.tensor([1])).item() == pytest.approx(expected)


def test_rating_by_hand() -> None:
    # of 1 to 7 the mean is 4 and the variance (49 - 1) / 12 = 4: ratings 7, 4 and 1 stand for z = 1.5, 0 and -1.5
    scores = torch.tensor([[1.0], [0.5], [-1.5]])
    assert rating_loss(scores, torch.tensor([7, 4, 1])).item() == pytest.approx((0.25 + 0.25 + 0) / 3)
    # of 1 to 5 the variance is 2
    assert rating_loss(torch.zeros(1, 1), torch.tensor([5]), levels=5).item() == pytest.approx(4 / 2)


def test_ratings_spread_over_the_scale_have_mean_0_and_std_1() -> None:
    every = torch.arange(1, SCALE.levels + 1)
    constant = torch.zeros(len(every), 1, requires_grad=True)
    loss = rating_loss(constant, every)
    loss.backward()
    assert loss.item() == pytest.approx(1)
    assert constant.grad is not None
    assert constant.grad.sum().item() == pytest.approx(0, abs=1e-6)


def test_the_default_scale_is_the_one_people_see() -> None:
    scores, rating = torch.tensor([[0.3], [-1.0]]), torch.tensor([2, 7])
    assert rating_loss(scores, rating) == rating_loss(scores, rating, levels=SCALE.levels)


@given(st.integers(1, 7), st.integers(1, 7))
def test_a_score_goes_to_the_mean_of_its_ratings(one: int, other: int) -> None:
    """So the better rated of two responses comes to score higher, by half a point a level."""
    mean = (one + other) / 2
    score = torch.full((2, 1), (mean - 4) / 2, requires_grad=True)
    rating_loss(score, torch.tensor([one, other])).backward()
    assert score.grad is not None
    assert score.grad.sum().item() == pytest.approx(0, abs=1e-6)
