"""Advantages by hand, and the two ends of lambda."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from shared.algorithms.gae import gae

REWARDS = torch.tensor([[1.0, 0.0, 2.0]])
VALUES = torch.tensor([[0.5, 1.0, -1.0]])


def test_three_steps_by_hand() -> None:
    # gamma 0.5, lam 0.5.  delta_2 = 2 + 1 = 3;  delta_1 = 0 - 0.5 - 1 = -1.5;  delta_0 = 1 + 0.5 - 0.5 = 1
    # A_2 = 3;  A_1 = -1.5 + 0.25 * 3 = -0.75;  A_0 = 1 + 0.25 * -0.75 = 0.8125
    advantages, returns = gae(REWARDS, VALUES, gamma=0.5, lam=0.5)
    torch.testing.assert_close(advantages, torch.tensor([[0.8125, -0.75, 3.0]]))
    torch.testing.assert_close(returns, torch.tensor([[1.3125, 0.25, 2.0]]))


def test_lambda_1_gamma_1_returns_are_the_rewards_still_to_come() -> None:
    advantages, returns = gae(REWARDS, VALUES, gamma=1.0, lam=1.0)
    torch.testing.assert_close(returns, torch.tensor([[3.0, 2.0, 2.0]]))
    torch.testing.assert_close(advantages, torch.tensor([[2.5, 1.0, 3.0]]))


def test_lambda_0_looks_one_step_ahead() -> None:
    advantages, _ = gae(REWARDS, VALUES, gamma=1.0, lam=0.0)
    torch.testing.assert_close(advantages, torch.tensor([[1.5, -2.0, 3.0]]))


@given(st.integers(0, 2**16), st.floats(0, 1), st.floats(0, 1))
def test_values_that_foresee_everything_leave_no_advantage(seed: int, gamma: float, lam: float) -> None:
    rewards = torch.randn(3, 5, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    values = torch.zeros_like(rewards)
    after = torch.zeros(3, dtype=torch.float64)
    for t in reversed(range(5)):
        after = values[:, t] = rewards[:, t] + gamma * after
    advantages, returns = gae(rewards, values, gamma=gamma, lam=lam)
    torch.testing.assert_close(advantages, torch.zeros_like(rewards))
    torch.testing.assert_close(returns, values)


def test_rows_do_not_mix() -> None:
    both, _ = gae(torch.cat([REWARDS, 9 * REWARDS]), torch.cat([VALUES, -VALUES]), gamma=0.9, lam=0.8)
    alone, _ = gae(REWARDS, VALUES, gamma=0.9, lam=0.8)
    torch.testing.assert_close(both[:1], alone)
