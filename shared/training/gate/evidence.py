"""What the gate looks at: the scores that a candidate and the live r give to the same responses."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from shared.domain import AnsweredQuery, LabeledQuery
from shared.language.reward_model import RewardModel
from shared.settings import TaskSettings
from shared.training.reward_training import RewardTraining, present, score_all


@dataclass(frozen=True, slots=True)
class Live:
    """The r that scores now, trained on labels with ids up to `watermark`."""

    version: int
    model: RewardModel
    watermark: int


@dataclass(frozen=True, slots=True)
class Beside:
    """What the live r says of the held-out labels' responses, `scores` (L, N), and of recent ones, `shadow` (R, N)."""

    version: int
    watermark: int
    scores: Tensor
    shadow: Tensor


@dataclass(frozen=True, slots=True)
class Evidence:
    """A candidate's `scores` (L, N) of the responses of L held-out `labels`, and `shadow` (R, N) of R `recent` queries.

    On the CPU; -inf where a query has fewer responses than others. `fault`: why its scores could not be normalised.
    `live`: the same of the live r; None: there is none.
    """

    finite: bool
    fault: str | None
    losses: Sequence[float]
    labels: Sequence[LabeledQuery]
    scores: Tensor
    recent: Sequence[AnsweredQuery]
    shadow: Tensor
    live: Beside | None


def there(answered: Sequence[AnsweredQuery | LabeledQuery]) -> Tensor:
    """Which of a matrix of scores are of a response, (B, N) bool."""
    return present([one.responses for one in answered], torch.device("cpu"))


def look(
    training: RewardTraining, *, live: Live | None, recent: Sequence[AnsweredQuery], task_settings: TaskSettings
) -> Evidence:
    """Score what the candidate was not trained on, and what policies said of late, with both models."""
    beside = None
    if live is not None:
        beside = Beside(
            live.version,
            live.watermark,
            scores=score_all(live.model, training.aside, task_settings),
            shadow=score_all(live.model, recent, task_settings),
        )
    return Evidence(
        finite=all(bool(torch.isfinite(parameter).all()) for parameter in training.model.parameters()),
        fault=training.fault,
        losses=training.losses,
        labels=training.aside,
        scores=training.scores,
        recent=recent,
        shadow=score_all(training.model, recent, task_settings),
        live=beside,
    )
