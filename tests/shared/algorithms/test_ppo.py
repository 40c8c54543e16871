"""The PPO loss: numbers by hand, which way it pulls, and where it stops pulling."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from shared.algorithms.ppo import PPOLoss, explained_variance, ppo_loss


def loss_of(
    *, ratio: float | list[float] = 1.0, advantage: float = 1.0, value: float = 0.0, old_value: float = 0.0,
    returns: float = 0.0, vf_coef: float = 0.1,
) -> tuple[PPOLoss, Tensor, Tensor]:  # fmt: skip
    """The loss of one row at the given ratios to old probability e^-2, with the tensors whose gradient it has."""
    ratios = torch.tensor([ratio] if isinstance(ratio, float) else ratio)
    logprobs = (ratios.log() - 2.0).unsqueeze(0).requires_grad_()
    values = torch.full_like(logprobs, value).requires_grad_()
    loss = ppo_loss(
        logprobs,
        values,
        old_logprobs=torch.full_like(logprobs, -2.0),
        old_values=torch.full_like(logprobs, old_value),
        advantages=torch.full_like(logprobs, advantage),
        returns=torch.full_like(logprobs, returns),
        cliprange=0.2,
        cliprange_value=0.2,
        vf_coef=vf_coef,
    )
    loss.loss.backward()
    return loss, logprobs, values


def gradient(tensor: Tensor) -> float:
    assert tensor.grad is not None
    return tensor.grad.sum().item()


@given(st.floats(-3, 3))
def test_at_ratio_1_nothing_is_clipped_and_the_loss_is_minus_the_advantage(advantage: float) -> None:
    loss, logprobs, _ = loss_of(advantage=advantage)
    assert loss.policy.item() == pytest.approx(-advantage, abs=1e-6)
    assert [x.item() for x in (loss.clipfrac, loss.value_clipfrac, loss.approxkl, loss.ratio_mean)] == [0, 0, 0, 1]
    assert gradient(logprobs) == pytest.approx(-advantage, abs=1e-6)


@pytest.mark.parametrize(
    ("ratio", "advantage", "policy", "clipped"),
    [
        (1.1, 2.0, -2.2, False),  # inside: -A ratio
        (1.5, 2.0, -2.4, True),  # a good token already likelier by more than 0.2: -A * 1.2, no more pull
        (0.5, 2.0, -1.0, False),  # a good token grown unlikely: pulled back with all force
        (1.5, -2.0, 3.0, False),  # a bad token grown likelier: pushed down with all force
        (0.5, -2.0, 1.6, True),  # a bad token already unlikely enough
    ],
)
def test_clipping_by_hand(ratio: float, advantage: float, policy: float, clipped: bool) -> None:
    loss, logprobs, _ = loss_of(ratio=ratio, advantage=advantage)
    assert loss.policy.item() == pytest.approx(policy, rel=1e-5)
    assert loss.clipfrac.item() == clipped
    assert gradient(logprobs) == pytest.approx(0 if clipped else -advantage * ratio, rel=1e-5)


def test_a_step_raises_the_logprob_of_what_was_better_and_lowers_what_was_worse() -> None:
    assert gradient(loss_of(advantage=1.0)[1]) < 0
    assert gradient(loss_of(advantage=-1.0)[1]) > 0


@pytest.mark.parametrize(
    ("value", "returns", "expected", "clipped"),
    [
        (0.1, 1.0, 0.5 * 0.81, False),  # within 0.2 of the old value, which is 0
        (0.5, 1.0, 0.5 * 0.64, True),  # beyond it: (0.2 - 1)^2 is the larger
        (-0.5, -1.0, 0.5 * 0.64, True),  # and on the other side
        (0.5, 0.0, 0.5 * 0.25, False),  # beyond it, and wrong: (0.5 - 0)^2 is the larger
    ],
)
def test_value_loss_by_hand(value: float, returns: float, expected: float, clipped: bool) -> None:
    loss, _, values = loss_of(value=value, returns=returns, vf_coef=1.0)
    assert loss.value.item() == pytest.approx(expected, rel=1e-5)
    assert loss.value_clipfrac.item() == clipped
    assert gradient(values) == pytest.approx(0 if clipped else value - returns, rel=1e-5)


def test_the_parts_add_up_and_only_the_loss_has_a_gradient() -> None:
    loss, _, _ = loss_of(ratio=1.1, value=1.0, old_value=1.0, returns=3.0, vf_coef=0.1)
    assert loss.loss.item() == pytest.approx(-1.1 + 0.1 * 0.5 * 4)
    assert loss.loss.requires_grad
    figures = (
        loss.policy, loss.value, loss.clipfrac, loss.value_clipfrac, loss.approxkl, loss.ratio_mean, loss.var_explained
    )  # fmt: skip
    assert not any(figure.requires_grad for figure in figures)


def test_means_run_over_all_tokens() -> None:
    loss, _, _ = loss_of(ratio=[1.0, 2.0, 1.0, 0.25])
    assert loss.policy.item() == pytest.approx(-(1 + 1.2 + 1 + 0.25) / 4)
    assert loss.clipfrac.item() == 0.25
    assert loss.ratio_mean.item() == pytest.approx(4.25 / 4)
    assert loss.approxkl.item() == pytest.approx((math.log(2) ** 2 + math.log(4) ** 2) / 8, rel=1e-5)


@pytest.mark.parametrize(
    ("values", "returns", "expected"),
    [
        ([1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 3.0, 4.0], 1.0),
        ([6.0, 7.0, 8.0, 9.0], [1.0, 2.0, 3.0, 4.0], 1.0),  # but for a constant
        ([0.0, 0.0, 0.0, 0.0], [1.0, 2.0, 3.0, 4.0], 0.0),
        ([0.0, 0.0, 2.0, 2.0], [0.0, 2.0, 2.0, 4.0], 0.5),  # R - V: 0, 2, 0, 2, variance 1 of 2
        ([4.0, 3.0, 2.0, 1.0], [1.0, 2.0, 3.0, 4.0], -3.0),  # twice as far: 1 - 4
        ([1.0, 2.0, 3.0, 4.0], [5.0, 5.0, 5.0, 5.0], 0.0),  # nothing to foretell
    ],
)
def test_explained_variance_by_hand(values: list[float], returns: list[float], expected: float) -> None:
    assert explained_variance(torch.tensor(values), torch.tensor(returns)).item() == pytest.approx(expected)
