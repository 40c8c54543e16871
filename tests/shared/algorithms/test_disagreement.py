"""Disagreement of reward heads, with numbers one can check by hand."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from shared.algorithms.disagreement import choice_disagreement, rating_disagreement

SURE = 100.0  # a difference of scores at which the softmax is one response's


def test_heads_that_agree_disagree_by_nothing_be_they_sure_or_not() -> None:
    one = torch.tensor([[0.0, 0.0, 0.0, 0.0], [1.0, 2.0, 0.5, -1.0], [SURE, 0.0, 0.0, 0.0]])
    assert choice_disagreement(one.expand(5, -1, -1)).tolist() == pytest.approx([0, 0, 0], abs=1e-6)
    shifted = torch.stack([one, one + 7])  # only differences of scores count
    assert choice_disagreement(shifted).tolist() == pytest.approx([0, 0, 0], abs=1e-6)
    assert rating_disagreement(one[:, :1].expand(5, -1, -1)).tolist() == [0, 0, 0]


def test_sure_heads_of_two_minds_are_worth_the_log_of_two() -> None:
    """Mean (1/2, 1/2) has entropy log 2, either head 0. A head that calls it even halves what is to be learnt."""
    sure = torch.tensor([[[SURE, 0.0]], [[0.0, SURE]]])
    assert choice_disagreement(sure).item() == pytest.approx(math.log(2))
    split = torch.tensor([[[SURE, 0.0]], [[0.0, 0.0]]])  # mean (3/4, 1/4); entropies 0 and log 2
    by_hand = -0.75 * math.log(0.75) - 0.25 * math.log(0.25) - math.log(2) / 2
    assert choice_disagreement(split).item() == pytest.approx(by_hand)


def test_a_response_that_is_not_there_counts_for_nothing() -> None:
    two = torch.tensor([[[1.0, 0.0]], [[-1.0, 0.5]]])
    four = torch.nn.functional.pad(two, (0, 2), value=-torch.inf)
    torch.testing.assert_close(choice_disagreement(four), choice_disagreement(two))


def test_ratings_by_their_variance() -> None:
    scores = torch.tensor([[[1.0], [2.0]], [[3.0], [2.0]]])
    assert rating_disagreement(scores).tolist() == [1, 0]


@given(st.integers(1, 5), st.integers(2, 5), st.integers(0, 1000))
def test_it_lies_between_0_and_the_log_of_heads_and_responses(heads: int, responses: int, seed: int) -> None:
    scores = 5 * torch.randn(heads, 3, responses, generator=torch.Generator().manual_seed(seed))
    found = choice_disagreement(scores)
    assert (found >= 0).all()
    assert (found <= math.log(min(heads, responses)) + 1e-5).all()
