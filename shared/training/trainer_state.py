"""What PPO carries from segment to segment beside π itself: optimiser, β, episodes, random generators.

Saved as safetensors and JSON with the policy, so that a resumed run equals an uninterrupted one bit for bit on CPU.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from shared.algorithms.adam import BETAS
from shared.settings import PPOSettings
from shared.training.seeds import generator

_MOMENTS = ("exp_avg", "exp_avg_sq", "step")


@dataclass(slots=True)
class TrainerState:
    """episodes and optimiser steps so far; kl_coef β; `data` picks queries and orders rows (CPU), `draw` samples."""

    optimizer: torch.optim.Adam
    episodes: int
    steps: int
    kl_coef: float
    data: torch.Generator
    draw: torch.Generator


def new_state(policy: nn.Module, settings: PPOSettings, *, device: torch.device, seed: int) -> TrainerState:
    """The state before the first episode."""
    return TrainerState(
        optimizer=_adam(policy, settings),
        episodes=0,
        steps=0,
        kl_coef=settings.kl_coef,
        data=generator(torch.device("cpu"), seed, "ppo data"),
        draw=generator(device, seed, "ppo draw"),
    )


def save_state(state: TrainerState, folder: Path) -> None:
    """Write the state into `folder` (made if need be)."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {"data": state.data.get_state(), "draw": state.draw.get_state()}
    for i, moments in state.optimizer.state_dict()["state"].items():
        tensors |= {f"{name}.{i}": moments[name].contiguous() for name in _MOMENTS}
    save_file(tensors, folder / "trainer.safetensors")
    counts = {"episodes": state.episodes, "steps": state.steps, "kl_coef": state.kl_coef}
    (folder / "trainer.json").write_text(json.dumps(counts, indent=1) + "\n")


def load_state(folder: Path, policy: nn.Module, settings: PPOSettings, *, device: torch.device) -> TrainerState:
    """Read what `save_state` wrote, for `policy`'s parameters in the same order."""
    tensors = load_file(folder / "trainer.safetensors")
    counts = json.loads((folder / "trainer.json").read_text())
    optimizer = _adam(policy, settings)
    moments: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        moment, _, index = name.partition(".")
        if index:
            moments.setdefault(int(index), {})[moment] = tensor
    optimizer.load_state_dict({"state": moments, "param_groups": optimizer.state_dict()["param_groups"]})
    return TrainerState(
        optimizer=optimizer,
        episodes=counts["episodes"],
        steps=counts["steps"],
        kl_coef=counts["kl_coef"],
        data=_restored(torch.device("cpu"), tensors["data"]),
        draw=_restored(device, tensors["draw"]),
    )


def _adam(policy: nn.Module, settings: PPOSettings) -> torch.optim.Adam:
    return torch.optim.Adam(policy.parameters(), lr=settings.lr, betas=BETAS, fused=True)


def _restored(device: torch.device, state: Tensor) -> torch.Generator:
    draw = torch.Generator(device)
    draw.set_state(state)
    return draw
