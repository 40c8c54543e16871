"""One reward training: from ρ with a new random head, one epoch over all labels, normalised before and after."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import torch
from torch import Tensor
from torch.nn import functional as F

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
Tokens = tuple[int, ...]
LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {"best_of_loss": best_of_loss, "rating_loss": rating_loss}
AGREEMENTS = {"chosen_highest": chosen_highest, "rated_in_order": rated_in_order}  # both by the names in questions
SCORING_BATCH = 32  # queries scored at once, where no gradient is kept


class Answered(Protocol):
    """A query and the responses to it, as tokens."""

    @property
    def tokens(self) -> Tokens: ...

    @property
    def responses(self) -> tuple[Tokens, ...]: ...


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
    `aside` are those labels, `scores` (held_out, N) what it says of their responses, on the CPU.
    `fault`: why its scores could not be normalised after training; None: they were.
    """

    model: RewardModel
    labels: int
    held_out: int
    compared: int
    correct: int
    losses: tuple[float, ...]
    aside: tuple[LabeledQuery, ...]
    scores: Tensor
    fault: str | None

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

    def loss(chosen: Sequence[int]) -> Tensor:
        batch = [kept[i] for i in chosen]
        return LOSSES[question.loss](_scores(model, batch, task_settings), answers(batch, question, model.device))

    order = seed_of(seed, "reward order", version)
    losses = one_epoch(model.parameters(), loss, len(kept), settings=settings, seed=order, on_step=on_step)
    fault = None
    try:
        normalize(model, ref_policy, task, settings=settings, task_settings=task_settings, seed=seed)
    except ValueError as error:  # it diverged, or says the same of everything: the gate's to judge
        fault = str(error)
    scores = score_all(model, aside, task_settings)
    right = AGREEMENTS[question.agreement](scores, aside)
    return RewardTraining(
        model,
        labels=len(kept),
        held_out=len(aside),
        compared=len(right),
        correct=sum(right),
        losses=tuple(losses),
        aside=tuple(aside),
        scores=scores,
        fault=fault,
    )


def one_epoch(
    parameters: Iterable[Tensor],
    loss: Callable[[Sequence[int]], Tensor],
    count: int,
    *,
    settings: RewardSettings,
    seed: int,
    on_step: Callable[[int, int, float], None] = lambda *_: None,
) -> list[float]:
    """Train `parameters` once on each of `count` labels, in an order of the seed's; `loss` is that of some of them.

    Returns the losses, one a step.
    """
    optimizer = torch.optim.Adam(parameters, lr=settings.lr, betas=BETAS, fused=True)
    order = torch.randperm(count, generator=torch.Generator().manual_seed(seed)).tolist()
    steps = list(_slices(order, settings.batch))
    losses = []
    for step, chosen in enumerate(steps):
        for group in optimizer.param_groups:
            group["lr"] = linear_decay(settings.lr, done=step, total=len(steps))
        set_tf_adam_eps(optimizer, step + 1)
        found = loss(chosen)
        optimizer.zero_grad()
        found.backward()
        optimizer.step()
        losses.append(found.item())
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


def answers(labels: Sequence[LabeledQuery], question: Question, device: torch.device) -> Tensor:
    """What people said, (B,)."""
    return torch.tensor([getattr(label, question.stored) for label in labels], device=device)


@torch.no_grad()
def score_all(model: RewardModel, answered: Sequence[Answered], task: TaskSettings) -> Tensor:
    """Scores (B, N) of the responses to any number of queries, on the CPU; -inf where one has fewer than the others."""
    if not answered:
        return torch.zeros(0, 1)
    found = [_scores(model, batch, task).cpu() for batch in _slices(answered, SCORING_BATCH)]
    most = max(scores.shape[1] for scores in found)
    return torch.cat([F.pad(scores, (0, most - scores.shape[1]), value=-torch.inf) for scores in found])


@torch.no_grad()
def score_labels(model: RewardModel, labels: Sequence[LabeledQuery], task: TaskSettings) -> Tensor:
    """Scores (B, N) of the labels' responses, without gradients; -inf where a label has fewer than the others."""
    return _scores(model, labels, task)


@torch.no_grad()
def hidden_of(
    model: RewardModel, rows: Sequence[Tokens], responses: Sequence[Sequence[Tokens]], task: TaskSettings
) -> Tensor:
    """What r's head reads of queries and their responses, (B, N, d); of responses that are not `present`, anything."""
    most = max(map(len, responses))
    read = [
        model.hidden(*_tensors(model, rows_of, responses_of, most, task))
        for rows_of, responses_of in zip(_slices(rows, SCORING_BATCH), _slices(responses, SCORING_BATCH), strict=True)
    ]
    return torch.cat(read)


def _scores(model: RewardModel, answered: Sequence[Answered], task: TaskSettings) -> Tensor:
    responses = [one.responses for one in answered]
    most = max(map(len, responses))
    scores = model.score(*_tensors(model, [one.tokens for one in answered], responses, most, task))
    return scores.masked_fill(~present(responses, model.device), -torch.inf)


def _tensors(
    model: RewardModel, rows: Sequence[Tokens], responses: Sequence[Sequence[Tokens]], n: int, task: TaskSettings
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Queries with `n` responses each, as `RewardModel.score` takes them: those that lack some repeat their first."""
    written = [tokens for of_one in responses for tokens in [*of_one, *[of_one[0]] * (n - len(of_one))]]
    query, mask = batches.queries(rows, pad_id=model.pad_id, length=task.query_tokens, device=model.device)
    response, length = batches.responses(written, pad_id=model.pad_id, length=task.response_tokens, device=model.device)
    return query, mask, response.view(len(rows), n, -1), length.view(len(rows), n)


def present(responses: Sequence[Sequence[Tokens]], device: torch.device) -> Tensor:
    """Which responses are there, (B, N), N being the most that one of B queries has."""
    count = torch.tensor([len(of_one) for of_one in responses], device=device)
    return torch.arange(max(map(len, responses)), device=device) < count.unsqueeze(1)


def _slices(items: Sequence[T], size: int) -> list[Sequence[T]]:
    return [items[start : start + size] for start in range(0, len(items), size)]
