"""What a run in one process starts from: π, ρ and the task."""

from collections.abc import Callable
from dataclasses import dataclass

import torch

from shared.language.policy import Policy, import_policy
from shared.settings import Settings
from shared.tasks.registry import load_task
from shared.tasks.task import Task


@dataclass(frozen=True, slots=True)
class Models:
    """`policy` is trained; `ref_policy` is the same weights, frozen."""

    policy: Policy
    ref_policy: Policy
    task: Task


OnSegment = Callable[
    [Models, int, int], None
]  # models, episodes and labels so far: before the first segment and after each


def open_models(settings: Settings, device: torch.device) -> Models:
    """As the services open them (shared/weights.py). LoopError where a model or the task's queries cannot be read."""
    policy, ref_policy = (import_policy(settings.model.ref_policy).to(device) for _ in range(2))
    policy.autocast = ref_policy.autocast = settings.model.autocast
    ref_policy.eval().requires_grad_(False)
    return Models(policy, ref_policy, load_task(settings.task, policy.tokenizer))
