"""Generalised advantage estimation (Schulman et al. 2015, arXiv 1506.02438, equations 11 to 16)."""

import torch
from torch import Tensor


def gae(rewards: Tensor, values: Tensor, *, gamma: float, lam: float) -> tuple[Tensor, Tensor]:
    """Advantages and returns of episodes that end with their last token: (B, T), (B, T) -> (B, T), (B, T).

    delta_t = r_t + gamma V_{t+1} - V_t, with V = 0 after the end;  A_t = delta_t + gamma lam A_{t+1};
    returns = A + V.
    """
    after = torch.zeros_like(values[:, 0])  # V_{t+1}
    advantage = torch.zeros_like(after)
    backwards = []
    for t in reversed(range(rewards.shape[1])):
        delta = rewards[:, t] + gamma * after - values[:, t]
        advantage = delta + gamma * lam * advantage
        after = values[:, t]
        backwards.append(advantage)
    advantages = torch.stack(backwards[::-1], dim=1)
    return advantages, advantages + values
