"""What PPO carries from segment to segment beside π and its value head: optimiser, schedule, β, random generators.

Saved as safetensors and JSON with the policy, so that a resumed run equals an uninterrupted one bit for bit on CPU.
That is all there is: statistics do not run on from batch to batch (rewards and advantages are whitened by their own
batch, r carries its own gain and bias), and nothing draws from the global generators of torch, Python or numpy. Which
labels r had read, its two watermarks, stands in the checkpoint's manifest and not here: ids of labels have gaps where
a transaction was broken off, and two runs that came to the same policy would differ in their files.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from shared.algorithms.adam import BETAS
from shared.domain import LoopError
from shared.settings import PPOSettings
from shared.training.seeds import generator

TENSORS, COUNTS = "trainer.safetensors", "trainer.json"
_MOMENTS = ("exp_avg", "exp_avg_sq", "step")


@dataclass(slots=True)
class TrainerState:
    """episodes and optimiser steps so far; kl_coef β; `data` picks queries and orders rows (CPU), `draw` samples.

    The schedule at this point: `planned` episodes, and the `lr` of the newest batch; the next one's follows from
    `episodes` and the settings, which operators may change. reward_version: the r in use; None before the first.
    """

    optimizer: torch.optim.Adam
    episodes: int
    steps: int
    kl_coef: float
    data: torch.Generator
    draw: torch.Generator
    planned: int
    lr: float
    reward_version: int | None = None


def new_state(policy: nn.Module, settings: PPOSettings, *, device: torch.device, seed: int) -> TrainerState:
    """The state before the first episode."""
    return TrainerState(
        optimizer=_adam(policy, settings),
        episodes=0,
        steps=0,
        kl_coef=settings.kl_coef,
        data=generator(torch.device("cpu"), seed, "ppo data"),
        draw=generator(device, seed, "ppo draw"),
        planned=settings.episodes,
        lr=settings.lr,
    )


def save_state(state: TrainerState, folder: Path) -> None:
    """Write the state into `folder` (made if need be)."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {"data": state.data.get_state(), "draw": state.draw.get_state()}
    for i, moments in state.optimizer.state_dict()["state"].items():
        tensors |= {f"{name}.{i}": moments[name].contiguous() for name in _MOMENTS}
    save_file(tensors, folder / TENSORS)
    counts = {
        "episodes": state.episodes,
        "steps": state.steps,
        "kl_coef": state.kl_coef,
        "planned": state.planned,
        "lr": state.lr,
        "reward_version": state.reward_version,
    }
    (folder / COUNTS).write_text(json.dumps(counts, indent=1) + "\n")


def load_state(folder: Path, policy: nn.Module, settings: PPOSettings, *, device: torch.device) -> TrainerState:
    """Read what `save_state` wrote, for `policy`'s parameters in the same order.

    Raises LoopError naming what does not fit: a file, a field, a parameter of another model, another device's
    generator. Checkpoints of before `planned`, `lr` and `reward_version` were saved have what the settings say.
    """
    counts, tensors = _read(folder)
    steps = _count(folder, counts, "steps")
    optimizer = _adam(policy, settings)
    moments = _moments(folder, tensors, policy, steps=steps)
    optimizer.load_state_dict({"state": moments, "param_groups": optimizer.state_dict()["param_groups"]})
    older = {"planned": settings.episodes, "lr": settings.lr, "reward_version": None}
    counts = {**older, **counts}
    return TrainerState(
        optimizer=optimizer,
        episodes=_count(folder, counts, "episodes"),
        steps=steps,
        kl_coef=_number(folder, counts, "kl_coef"),
        data=_restored(folder, tensors, "data", torch.device("cpu")),
        draw=_restored(folder, tensors, "draw", device),
        planned=_count(folder, counts, "planned"),
        lr=_number(folder, counts, "lr"),
        reward_version=None if counts["reward_version"] is None else _count(folder, counts, "reward_version"),
    )


def _adam(policy: nn.Module, settings: PPOSettings) -> torch.optim.Adam:
    return torch.optim.Adam(policy.parameters(), lr=settings.lr, betas=BETAS, fused=True)


def _read(folder: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    try:
        counts, tensors = json.loads((folder / COUNTS).read_text()), load_file(folder / TENSORS)
    except (OSError, ValueError, SafetensorError) as error:
        raise _misfit(folder, str(error)) from error
    if not isinstance(counts, dict):
        raise _misfit(folder, f"{COUNTS} holds no object")
    return counts, tensors


def _moments(
    folder: Path, tensors: Mapping[str, Tensor], policy: nn.Module, *, steps: int
) -> dict[int, dict[str, Tensor]]:
    """Adam's moments by the parameter's index, each of its shape and after so many steps."""
    parameters = list(policy.named_parameters())
    found: dict[int, dict[str, Tensor]] = {}
    for key, tensor in tensors.items():
        moment, _, number = key.partition(".")
        if number:
            found.setdefault(int(number), {})[moment] = tensor
    for index, moments in found.items():
        if index >= len(parameters):
            raise _misfit(folder, f"it has moments of parameter {index}, and the policy has {len(parameters)}")
        name, parameter = parameters[index]
        for moment in _MOMENTS:
            shape = torch.Size() if moment == "step" else parameter.shape
            here = moments[moment].shape if moment in moments else None
            if here != shape:
                raise _misfit(folder, f"{moment} of {name} has shape {_shape(here)}, and should have {_shape(shape)}")
        if moments["step"].item() != steps:
            raise _misfit(folder, f"{name} was moved {moments['step'].item():.0f} times, and steps says {steps}")
    if steps and not found:
        raise _misfit(folder, f"it has no moments after {steps} steps")
    return found


def _shape(shape: torch.Size | None) -> str:
    return "none" if shape is None else str(tuple(shape))


def _count(folder: Path, counts: Mapping[str, Any], field: str) -> int:
    value = counts.get(field)
    if not isinstance(value, int) or value < 0:
        raise _misfit(folder, f"{field} is {value!r}, not a count")
    return value


def _number(folder: Path, counts: Mapping[str, Any], field: str) -> float:
    value = counts.get(field)
    if not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
        raise _misfit(folder, f"{field} is {value!r}, not a number from 0 on")
    return float(value)


def _restored(folder: Path, tensors: Mapping[str, Tensor], field: str, device: torch.device) -> torch.Generator:
    draw = torch.Generator(device)
    try:
        draw.set_state(tensors[field])
    except KeyError:
        raise _misfit(folder, f"the state of generator {field!r} is missing") from None
    except (RuntimeError, TypeError) as error:
        raise _misfit(
            folder, f"the state of generator {field!r} is not one of {device} ({error}): was model.device another?"
        ) from error
    return draw


def _misfit(folder: Path, what: str) -> LoopError:
    return LoopError(
        f"the trainer's state in {folder} does not fit: {what}; go on with the model and the settings it was made "
        "with, or roll back to an earlier version"
    )
