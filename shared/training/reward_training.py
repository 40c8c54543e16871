"""One reward training: from ρ with a new random head, one epoch over all labels, normalised before and after."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import torch
from torch import Tensor

from shared.algorithms.adam import BETAS, linear_decay, set_tf_adam_eps
from shared.algorithms.normalize import normalization
from shared.algorithms.reward import best_of_loss, rating_loss
from shared.domain import LabeledQuery
from shared.language.generation import sample
from shared.language.policy import Policy
from shared.language.reward_model import RewardModel, new_reward_model
from shared.questions.best_of import BEST_OF
from shared.questions.question import Question
from shared.settings import RewardSettings, TaskSettings
from shared.tasks.task import Task
from shared.training import batches
from shared.training.agreement import chosen_highest, rated_in_order
from shared.training.rollout import Scorer
from shared.training.seeds import generator, is_held_out, seed_of

T = TypeVar("T")
LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {"best_of_loss": best_of_loss, "rating_loss": rating_loss}
AGREEMENTS = {"chosen_highest": chosen_highest, "rated_in_order": rated_in_order}  # both by the names in questions
SCORING_BATCH = 32  # queries scored at once, where no gradient is kept


class Scaled(Scorer, Protocol):
    """A scorer whose scores are gain * something + bias."""

    @property
    def gain(self) -> Tensor: ...

    @property
    def bias(self) -> Tensor: ...


@dataclass(frozen=True, slots=True)
class RewardTraining:
    """A trained reward model. `losses` holds one a step.

    Of `held_out` labels, `compared` comparisons could be made (shared/training/agreement.py): it is right in `correct`.
    """

    model: RewardModel
    labels: int
    held_out: int
    compared: int
    correct: int
    losses: tuple[float, ...]

    @property
    def accuracy(self) -> float | None:
        return self.correct / self.compared if self.compared else None


def train_reward(
    ref_policy: Policy,
    labels: Sequence[LabeledQuery],
    task: Task,
    *,
    version: int,
    question: Question = BEST_OF,
    settings: RewardSettings,
    task_settings: TaskSettings,
    held_out: float,
    seed: int,
    on_step: Callable[[int, int, float], None] = lambda *_: None,
) -> RewardTraining:
    """Train reward model `version` on the labels whose queries are not held out (algorithm.md, Reward loss).

    `question` is what the labels answer, and says by which loss.
    `on_step(step, steps, loss)` is called after each optimiser step.
    """
    kept = [label for label in labels if not is_held_out(label.position, seed=seed, share=held_out)]
    aside = [label for label in labels if is_held_out(label.position, seed=seed, share=held_out)]
    model = new_reward_model(ref_policy, seed=seed_of(seed, "reward head", version))
    normalize(model, ref_policy, task, settings=settings, task_settings=task_settings, seed=seed)
    losses = _epoch(model, kept, question, settings, task_settings, seed_of(seed, "reward order", version), on_step)
    normalize(model, ref_policy, task, settings=settings, task_settings=task_settings, seed=seed)
    right = _agreement(model, aside, question, task_settings)
    return RewardTraining(
        model,
        labels=len(kept),
        held_out=len(aside),
        compared=len(right),
        correct=sum(right),
        losses=tuple(losses),
    )


def _epoch(
    model: RewardModel,
    labels: Sequence[LabeledQuery],
    question: Question,
    settings: RewardSettings,
    task: TaskSettings,
    seed: int,
    on_step: Callable[[int, int, float], None],
) -> list[float]:
    optimizer = torch.optim.Adam(model.parameters(), lr=settings.lr, betas=BETAS, fused=True)
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(seed)).tolist()
    steps = list(_slices([labels[i] for i in order], settings.batch))
    losses = []
    for step, batch in enumerate(steps):
        for group in optimizer.param_groups:
            group["lr"] = linear_decay(settings.lr, done=step, total=len(steps))
        set_tf_adam_eps(optimizer, step + 1)
        loss = LOSSES[question.loss](_scores(model, batch, task), _answers(batch, question, model.device))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        on_step(step + 1, len(steps), losses[-1])
    return losses


@torch.no_grad()
def normalize(
    model: Scaled,
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
        queries = batches.with_context(rows, task, task_settings, pad_id=pad_id, device=device)
        response = sample(
            ref_policy,
            queries.context,
            queries.context_mask,
            length=task_settings.response_tokens,
            temperature=task_settings.temperature,
            generator=draw,
        )
        whole = torch.full(response.shape[:2], response.shape[2], device=device)
        scores.append(model.score(queries.query, queries.query_mask, response, whole))
    gain, bias = normalization(torch.cat(scores).flatten(), model.gain, model.bias)
    model.gain.copy_(gain)
    model.bias.copy_(bias)


def _answers(labels: Sequence[LabeledQuery], question: Question, device: torch.device) -> Tensor:
    """What people said, (B,)."""
    return torch.tensor([getattr(label, question.stored) for label in labels], device=device)


def _agreement(
    model: RewardModel, labels: Sequence[LabeledQuery], question: Question, task: TaskSettings
) -> list[bool]:
    """Comparisons of r with labels it was not trained on, right or wrong."""
    if not labels:
        return []
    scores = torch.cat([score_labels(model, batch, task) for batch in _slices(labels, SCORING_BATCH)])
    return AGREEMENTS[question.agreement](scores, labels)


@torch.no_grad()
def score_labels(model: RewardModel, labels: Sequence[LabeledQuery], task: TaskSettings) -> Tensor:
    """Scores (B, N) of the labels' responses, without gradients."""
    return _scores(model, labels, task)


def _scores(model: RewardModel, labels: Sequence[LabeledQuery], task: TaskSettings) -> Tensor:
    n = len(labels[0].responses)
    rows = [label.tokens for label in labels]
    answers = [tokens for label in labels for tokens in label.responses]
    query, mask = batches.queries(rows, pad_id=model.pad_id, length=task.query_tokens, device=model.device)
    response, length = batches.responses(answers, pad_id=model.pad_id, length=task.response_tokens, device=model.device)
    return model.score(query, mask, response.view(len(labels), n, -1), length.view(len(labels), n))


def _slices(items: Sequence[T], size: int) -> list[Sequence[T]]:
    return [items[start : start + size] for start in range(0, len(items), size)]
