"""The PPO loss (Schulman et al. 2017, arXiv 1707.06347, equations 7 and 9; no entropy bonus).

The value's clipping is not in that paper; it is in lm-human-preferences, `PPOTrainer.loss`.
"""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class PPOLoss:
    """Scalars. `loss` carries the gradient: policy + vf_coef * value. The others are detached, to be looked at.

    clipfrac, value_clipfrac: share of entries where the clipped term is the larger; approxkl: mean of
    (log ratio)^2 / 2; ratio_mean: mean of π / π_old, exactly 1 before the first update of a batch; var_explained: as
    `explained_variance` of the values.
    """

    loss: Tensor
    policy: Tensor
    value: Tensor
    clipfrac: Tensor
    value_clipfrac: Tensor
    approxkl: Tensor
    ratio_mean: Tensor
    var_explained: Tensor


def ppo_loss(
    logprobs: Tensor,
    values: Tensor,
    *,
    old_logprobs: Tensor,
    old_values: Tensor,
    advantages: Tensor,
    returns: Tensor,
    cliprange: float,
    cliprange_value: float,
    vf_coef: float,
) -> PPOLoss:
    """All tensors (B, T).

    policy = mean max(-A ratio, -A clip(ratio, 1 - c, 1 + c)),  ratio = exp(logprobs - old_logprobs)
    value = 0.5 mean max((V - R)^2, (clip(V, V_old - c_v, V_old + c_v) - R)^2)
    """
    ratio = (logprobs - old_logprobs).exp()
    policy, clipped = -advantages * ratio, -advantages * ratio.clamp(1.0 - cliprange, 1.0 + cliprange)
    policy_loss = torch.maximum(policy, clipped).mean()

    near = torch.clamp(values, old_values - cliprange_value, old_values + cliprange_value)
    square, square_near = (values - returns).square(), (near - returns).square()
    value_loss = 0.5 * torch.maximum(square, square_near).mean()

    return PPOLoss(
        loss=policy_loss + vf_coef * value_loss,
        policy=policy_loss.detach(),
        value=value_loss.detach(),
        clipfrac=(clipped > policy).float().mean(),
        value_clipfrac=(square_near > square).float().mean(),
        approxkl=0.5 * (logprobs - old_logprobs).detach().square().mean(),
        ratio_mean=ratio.detach().mean(),
        var_explained=explained_variance(values.detach(), returns),
    )


def explained_variance(values: Tensor, returns: Tensor) -> Tensor:
    """How much of the returns the values foretell: (...), (...) -> scalar, at most 1.

    1 - Var(R - V) / Var(R) over all entries (`explained_variance` of OpenAI's baselines): 1 where the values are the
    returns but for a constant, 0 where they are no better than one, below 0 where they are worse. 0 where the returns
    do not vary, and there is nothing to foretell.
    """
    left, there = (returns - values).var(correction=0), returns.var(correction=0)
    return torch.where(there == 0, torch.zeros_like(there), 1.0 - left / there)
