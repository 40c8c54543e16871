"""The KL penalty's size and sign, and its controller."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from shared.algorithms.kl import kl_per_response, next_kl_coef, token_rewards

LOGPROBS = torch.tensor([[-1.0, -2.0, -0.5], [-3.0, -1.0, -1.0]])
REF_LOGPROBS = torch.tensor([[-1.5, -2.0, -2.5], [-1.0, -1.0, -1.0]])


def test_kl_by_hand() -> None:
    assert kl_per_response(LOGPROBS, REF_LOGPROBS).tolist() == [2.5, -2.0]


def test_its_mean_under_the_policy_is_the_kl_divergence() -> None:
    policy, ref = torch.tensor([0.5, 0.25, 0.25]), torch.tensor([0.25, 0.5, 0.25])
    tokens = torch.tensor([0, 0, 1, 2])  # as often as the policy draws them
    kl = kl_per_response(policy.log()[tokens].unsqueeze(1), ref.log()[tokens].unsqueeze(1)).mean()
    torch.testing.assert_close(kl, (policy * (policy / ref).log()).sum())


def test_rewards_by_hand() -> None:
    rewards = token_rewards(torch.tensor([1.0, -1.0]), LOGPROBS, REF_LOGPROBS, kl_coef=0.5)
    torch.testing.assert_close(rewards, torch.tensor([[-0.25, 0.0, 0.0], [1.0, 0.0, -1.0]]))


def test_rewards_sum_to_score_less_penalty() -> None:
    score = torch.tensor([0.7, -0.2])
    total = token_rewards(score, LOGPROBS, REF_LOGPROBS, kl_coef=0.3).sum(-1)
    torch.testing.assert_close(total, score - 0.3 * kl_per_response(LOGPROBS, REF_LOGPROBS))


@given(st.floats(0.01, 2), st.floats(0.01, 5))
def test_a_token_likelier_than_under_the_reference_lowers_the_reward(kl_coef: float, gap: float) -> None:
    score, ref = torch.zeros(1), torch.full((1, 4), -6.0)
    assert (token_rewards(score, ref + gap, ref, kl_coef) < 0).all()
    assert (token_rewards(score, ref - gap, ref, kl_coef) > 0).all()
    assert (token_rewards(score, ref, ref, kl_coef) == 0).all()


def test_a_higher_score_raises_the_last_reward_alone() -> None:
    low = token_rewards(torch.tensor([0.0, 0.0]), LOGPROBS, REF_LOGPROBS, kl_coef=0.5)
    high = token_rewards(torch.tensor([1.0, 2.0]), LOGPROBS, REF_LOGPROBS, kl_coef=0.5)
    assert (high - low).tolist() == [[0, 0, 1], [0, 0, 2]]


def test_arguments_are_left_as_they_were() -> None:
    logprobs, ref, score = LOGPROBS.clone(), REF_LOGPROBS.clone(), torch.ones(2)
    token_rewards(score, logprobs, ref, kl_coef=1.0)
    assert torch.equal(logprobs, LOGPROBS)
    assert torch.equal(ref, REF_LOGPROBS)


@pytest.mark.parametrize(
    ("kl", "expected"),
    [
        (6.0, 0.15),  # on target
        (6.6, 0.15 * (1 + 0.1 * 0.05)),  # within the clip: error 0.1, batch 500 of horizon 10000
        (60.0, 0.15 * (1 + 0.2 * 0.05)),  # clipped above
        (0.0, 0.15 * (1 - 0.2 * 0.05)),  # clipped below
        (-1.0, 0.15 * (1 - 0.2 * 0.05)),  # an estimate can be negative
    ],
)
def test_controller(kl: float, expected: float) -> None:
    assert next_kl_coef(0.15, kl=kl, target=6.0, batch=500, horizon=10_000) == pytest.approx(expected)


@given(st.floats(-100, 100), st.floats(1e-3, 10), st.integers(8, 2000))
def test_controller_moves_at_most_a_fifth_of_batch_over_horizon_and_never_below_zero(
    kl: float, kl_coef: float, batch: int
) -> None:
    after = next_kl_coef(kl_coef, kl=kl, target=6.0, batch=batch, horizon=10_000)
    assert after > 0
    assert abs(after / kl_coef - 1) <= 0.2 * batch / 10_000 + 1e-12
    assert (after > kl_coef) == (kl > 6.0 and after != kl_coef)
