"""An ensemble of small heads beside r's own, on r's trunk as trained: where they disagree, r does not know yet."""

from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

HEADS = "reward_heads.safetensors"


@dataclass(frozen=True, slots=True)
class RewardHeads:
    """K heads: weight (K, d), bias (K,)."""

    weight: Tensor
    bias: Tensor

    def to(self, device: torch.device) -> "RewardHeads":
        return RewardHeads(self.weight.to(device), self.bias.to(device))

    def scores(self, hidden: Tensor) -> Tensor:
        """hidden (B, N, d), as `RewardModel.hidden` gives it -> (K, B, N)."""
        return (hidden @ self.weight.T + self.bias).movedim(-1, 0)


def save_reward_heads(heads: RewardHeads, folder: Path) -> None:
    """Beside the reward model on whose trunk they were trained."""
    parts = {"weight": heads.weight, "bias": heads.bias}
    save_file({name: part.detach().cpu().contiguous() for name, part in parts.items()}, folder / HEADS)


def load_reward_heads(folder: Path) -> RewardHeads | None:
    """What `save_reward_heads` wrote, bit for bit; None where the reward model was trained without heads."""
    if not (folder / HEADS).exists():
        return None
    return RewardHeads(**load_file(folder / HEADS))
