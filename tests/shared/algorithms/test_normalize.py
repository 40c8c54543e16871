"""Gain and bias that make the scores mean 0 and std 1, whatever they were."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from shared.algorithms.normalize import normalization

ONE, ZERO = torch.tensor(1.0), torch.tensor(0.0)


def test_by_hand() -> None:
    # mean 3, population variance ((2^2) * 2) / 2 = 4, std 2
    gain, bias = normalization(torch.tensor([1.0, 5.0]), ONE, ZERO)
    assert (gain.item(), bias.item()) == (0.5, -1.5)


@given(st.integers(0, 2**16), st.floats(0.1, 10), st.floats(-5, 5))
def test_scores_become_mean_0_and_population_std_1(seed: int, gain: float, bias: float) -> None:
    head = torch.randn(32, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    after_gain, after_bias = normalization(gain * head + bias, ONE * gain, ONE * bias)
    scores = after_gain.double() * head + after_bias.double()
    assert scores.mean().item() == pytest.approx(0, abs=1e-4)
    assert scores.std(correction=0).item() == pytest.approx(1, abs=1e-4)


def test_a_second_time_changes_nothing() -> None:
    head = torch.tensor([0.3, -1.0, 2.0, 0.1])
    gain, bias = normalization(head, ONE, ZERO)
    again = normalization(gain * head + bias, gain, bias)
    torch.testing.assert_close(again, (gain, bias))


def test_order_of_scores_is_kept() -> None:
    head = torch.tensor([0.3, -1.0, 2.0, 0.1])
    gain, bias = normalization(head, ONE, ZERO)
    assert (gain * head + bias).argsort().tolist() == head.argsort().tolist()


@pytest.mark.parametrize("scores", [[1.0, 1.0, 1.0], [1.0, float("nan")], [0.0, float("inf")]])
def test_scores_without_spread_are_an_error_that_says_so(scores: list[float]) -> None:
    with pytest.raises(ValueError, match=f"scores of {len(scores)} responses cannot be normalised"):
        normalization(torch.tensor(scores), ONE, ZERO)
