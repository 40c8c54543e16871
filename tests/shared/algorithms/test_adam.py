"""TensorFlow's Adam, written out here as its documentation gives it, beside torch's with the borrowed epsilon."""

import math

import pytest
import torch
from torch import Tensor

from shared.algorithms.adam import BETAS, EPSILON, linear_decay, set_tf_adam_eps


def tensorflow_adam(start: Tensor, gradients: list[Tensor], *, lr: float, eps: float) -> Tensor:
    """TensorFlow 1: lr_t = lr sqrt(1 - b2^t) / (1 - b1^t);  theta -= lr_t m / (sqrt(v) + eps)."""
    theta, m, v = start.clone(), torch.zeros_like(start), torch.zeros_like(start)
    b1, b2 = BETAS
    for t, g in enumerate(gradients, start=1):
        m = b1 * m + (1 - b1) * g
        v = b2 * v + (1 - b2) * g**2
        theta = theta - lr * math.sqrt(1 - b2**t) / (1 - b1**t) * m / (v.sqrt() + eps)
    return theta


def torch_adam(start: Tensor, gradients: list[Tensor], *, lr: float, tensorflow: bool, fused: bool = False) -> Tensor:
    theta = torch.nn.Parameter(start.clone())
    optimizer = torch.optim.Adam([theta], lr=lr, betas=BETAS, eps=EPSILON, fused=fused)
    for t, g in enumerate(gradients, start=1):
        if tensorflow:
            set_tf_adam_eps(optimizer, t)
        theta.grad = g
        optimizer.step()
    return theta.detach()


@pytest.fixture
def start() -> Tensor:
    return torch.linspace(-1, 1, 7, dtype=torch.float64)


@pytest.fixture
def gradients() -> list[Tensor]:
    """100 steps; small enough, from 1e-6 to 1, for eps to matter in some entries and not in others."""
    draw = torch.Generator().manual_seed(0)
    size = 10 ** torch.linspace(-6, 0, 7, dtype=torch.float64)
    return [size * torch.randn(7, generator=draw, dtype=torch.float64) for _ in range(100)]


@pytest.mark.parametrize("fused", [False, True])  # one kernel for all parameters, as the trainers have it, or several
def test_a_hundred_steps_are_tensorflows(start: Tensor, gradients: list[Tensor], fused: bool) -> None:
    expected = tensorflow_adam(start, gradients, lr=0.01, eps=1e-5)
    found = torch_adam(start, gradients, lr=0.01, tensorflow=True, fused=fused)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-14)


def test_torchs_own_epsilon_moves_small_gradients_further(start: Tensor, gradients: list[Tensor]) -> None:
    expected = tensorflow_adam(start, gradients, lr=0.01, eps=1e-5)
    own = torch_adam(start, gradients, lr=0.01, tensorflow=False)
    assert (own - start).abs()[0] > 3 * (expected - start).abs()[0]
    torch.testing.assert_close(own[-1], expected[-1], rtol=1e-4, atol=1e-6)


def test_the_first_epsilon_by_hand() -> None:
    groups = [torch.optim.Adam([torch.zeros(1, requires_grad=True)], betas=(0.5, 0.75), eps=1.0)]
    set_tf_adam_eps(groups[0], 1, eps=0.5)
    assert groups[0].param_groups[0]["eps"] == 1.0  # 0.5 / sqrt(1 - 0.75)


def test_the_learning_rate_falls_in_a_line_to_zero_and_stays_there() -> None:
    assert [linear_decay(0.4, done=done, total=4) for done in range(6)] == pytest.approx([0.4, 0.3, 0.2, 0.1, 0, 0])
