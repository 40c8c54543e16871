"""The reward loss: its numbers, and that it falls as the chosen response's score rises."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from shared.algorithms.reward import accuracy, best_of_loss


@pytest.mark.parametrize("n", [2, 3, 4, 8])
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


def test_accuracy() -> None:
    scores = torch.tensor([[0.1, 0.9, 0.0], [0.5, 0.2, 0.3], [0.0, 0.1, 0.2], [1.0, 0.0, 0.0]])
    assert accuracy(scores, torch.tensor([1, 0, 2, 0])) == 1
    assert accuracy(scores, torch.tensor([1, 0, 0, 1])) == 0.5
    assert accuracy(scores, torch.tensor([0, 1, 0, 2])) == 0


def test_of_equal_scores_the_first_counts_as_highest() -> None:
    tied = torch.zeros(4, 4)
    assert accuracy(tied, torch.arange(4)) == 0.25
    assert accuracy(tied, torch.zeros(4, dtype=torch.long)) == 1
