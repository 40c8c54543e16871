"""One reward training: from ρ with a new random head, one epoch over all labels, normalised before and after."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor

from shared.algorithms.adam import BETAS, linear_decay, set_tf_adam_eps
from shared.algorithms.normalize import normalization
from shared.algorithms.reward import best_of_loss
from shared.domain import LabeledQuery
from shared.language.generation import sample
from shared.language.policy import Policy
from shared.language.reward_model import RewardModel, new_reward_model
from shared.settings import RewardSettings, TaskSettings
from shared.tasks.continuation import Task
from shared.training import batches
from shared.training.seeds import generator, is_held_out, seed_of

T = TypeVar("T")
SCORING_BATCH = 32  # queries scored at once, where no gradient is kept


@dataclass(frozen=True, slots=True)
class RewardTraining:
    """A trained reward model. `correct` of `held_out` labels got the highest score; `losses` holds one a step."""

    model: RewardModel
    labels: int
    held_out: int
    correct: int
    losses: tuple[float, ...]

    @property
    def accuracy(self) -> float | None:
        return self.correct / self.held_out if self.held_out else None


def train_reward(
    ref_policy: Policy,
    labels: Sequence[LabeledQuery],
    task: Task,
    *,
    version: int,
    settings: RewardSettings,
    task_settings: TaskSettings,
    held_out: float,
    seed: int,
    on_step: Callable[[int, int, float], None] = lambda *_: None,
) -> RewardTraining:
    """Train reward model `version` on the labels whose queries are not held out (algorithm.md, Reward loss).

    `on_step(step, steps, loss)` is called after each optimiser step.
    """
    kept = [label for label in labels if not is_held_out(label.position, seed=seed, share=held_out)]
    aside = [label for label in labels if is_held_out(label.position, seed=seed, share=held_out)]
    model = new_reward_model(ref_policy, seed=seed_of(seed, "reward head", version))
    normalize(model, ref_policy, task, settings=settings, task_settings=task_settings, seed=seed)
    losses = _epoch(model, kept, settings, task_settings, seed_of(seed, "reward order", version), on_step)
    normalize(model, ref_policy, task, settings=settings, task_settings=task_settings, seed=seed)
    correct = sum(
        int((score_labels(model, batch, task_settings).argmax(-1) == best_of(batch, model.device)).sum())
        for batch in _slices(aside, SCORING_BATCH)
    )
    return RewardTraining(model, labels=len(kept), held_out=len(aside), correct=correct, losses=tuple(losses))


def _epoch(
    model: RewardModel,
    labels: Sequence[LabeledQuery],
    settings: RewardSettings,
    task: TaskSettings,
    seed: int,
    on_step: Callable[[int, int, float], None],
) -> list[float]:
    optimizer = torch.optim.Adam(model.parameters(), lr=settings.lr, betas=BETAS)
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(seed)).tolist()
    steps = list(_slices([labels[i] for i in order], settings.batch))
    losses = []
    for step, batch in enumerate(steps):
        for group in optimizer.param_groups:
            group["lr"] = linear_decay(settings.lr, done=step, total=len(steps))
        set_tf_adam_eps(optimizer, step + 1)
        loss = best_of_loss(_scores(model, batch, task), best_of(batch, model.device))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        on_step(step + 1, len(steps), losses[-1])
    return losses


@torch.no_grad()
def normalize(
    model: RewardModel,
    ref_policy: Policy,
    task: Task,
    *,
    settings: RewardSettings,
    task_settings: TaskSettings,
    seed: int,
) -> None:
    """Set gain and bias so that raw responses of ρ, not truncated, not filtered, score mean 0 and std 1."""
    device, pad_id = ref_policy.device, ref_policy.tokenizer.pad_id
    draw = generator(device, seed, "normalize")
    scores = []
    for positions in _slices(range(settings.normalize_samples), 4 * SCORING_BATCH):
        rows = [task.query(position)[1] for position in positions]
        query, mask = batches.queries(rows, pad_id=pad_id, length=task_settings.query_tokens, device=device)
        response = sample(
            ref_policy,
            query,
            mask,
            length=task_settings.response_tokens,
            temperature=task_settings.temperature,
            generator=draw,
        )
        scores.append(model.score(query, mask, response, torch.full((len(rows),), response.shape[1], device=device)))
    gain, bias = normalization(torch.cat(scores), model.gain, model.bias)
    model.gain.copy_(gain)
    model.bias.copy_(bias)


def best_of(labels: Sequence[LabeledQuery], device: torch.device) -> Tensor:
    """The labels' choices, (B,)."""
    return torch.tensor([label.best for label in labels], device=device)


@torch.no_grad()
def score_labels(model: RewardModel, labels: Sequence[LabeledQuery], task: TaskSettings) -> Tensor:
    """Scores (B, N) of the labels' responses, without gradients."""
    return _scores(model, labels, task)


def _scores(model: RewardModel, labels: Sequence[LabeledQuery], task: TaskSettings) -> Tensor:
    n = len(labels[0].responses)
    rows = [label.tokens for label in labels for _ in range(n)]
    answers = [tokens for label in labels for tokens in label.responses]
    query, mask = batches.queries(rows, pad_id=model.pad_id, length=task.query_tokens, device=model.device)
    response, length = batches.responses(answers, pad_id=model.pad_id, length=task.response_tokens, device=model.device)
    return model.score(query, mask, response, length).view(len(labels), n)


def _slices(items: Sequence[T], size: int) -> list[Sequence[T]]:
    return [items[start : start + size] for start in range(0, len(items), size)]
