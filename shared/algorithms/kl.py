"""The KL penalty: how far π has gone from ρ, what it costs, and the controller of its price β.

Ziegler et al. 2019 (arXiv 1909.08593), equation 2: R(x, y) = r(x, y) - β log(π(y|x) / ρ(y|x)).
"""

from torch import Tensor


def kl_per_response(logprobs: Tensor, ref_logprobs: Tensor) -> Tensor:
    """Sum over tokens of log π - log ρ, in nats: (..., T) twice -> (...). Its mean under π estimates KL(π, ρ)."""
    return (logprobs - ref_logprobs).sum(-1)


def token_rewards(score: Tensor, logprobs: Tensor, ref_logprobs: Tensor, kl_coef: float) -> Tensor:
    """Rewards per token: -β (log π - log ρ) at each, plus the score at the last: (...), (..., T) twice -> (..., T).

    The sum over a row is the R(x, y) above.
    """
    rewards = -kl_coef * (logprobs - ref_logprobs)  # (..., T)
    rewards[..., -1] += score
    return rewards


def next_kl_coef(kl_coef: float, *, kl: float, target: float, batch: int, horizon: float) -> float:
    """β for the next batch: a proportional controller in log space (Ziegler et al. 2019, section 2.2).

    e = clip(kl / target - 1, -0.2, 0.2);  β <- β (1 + e * batch / horizon), batch and horizon in episodes.
    """
    error = min(max(kl / target - 1.0, -0.2), 0.2)
    return kl_coef * (1.0 + error * batch / horizon)
