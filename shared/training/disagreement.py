"""Which questions to ask first: an ensemble of reward heads, trained beside r, and where they disagree.

Each head begins at random and sees labels drawn anew with replacement, so that heads agree where the labels settle the
matter (Osband et al. 2016, "Deep Exploration via Bootstrapped DQN", arXiv 1602.04621). They read the trunk as r's
training left it, and r knows nothing of them.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from random import Random

import torch
from torch import Tensor

from shared.algorithms.disagreement import choice_disagreement, rating_disagreement
from shared.domain import LabeledQuery, NewQuery
from shared.language.reward_heads import RewardHeads
from shared.language.reward_model import RewardModel
from shared.questions.question import Question
from shared.settings import RewardSettings, TaskSettings
from shared.training.reward_training import LOSSES, answers, hidden_of, one_epoch, present
from shared.training.seeds import is_held_out, seed_of

MEASURES: dict[str, Callable[[Tensor], Tensor]] = {
    "best_of_loss": choice_disagreement,
    "rating_loss": rating_disagreement,
}


def train_heads(
    model: RewardModel,
    labels: Sequence[LabeledQuery],
    *,
    version: int,
    question: Question,
    settings: RewardSettings,
    task_settings: TaskSettings,
    held_out: float,
    seed: int,
) -> RewardHeads | None:
    """`reward.heads` heads on the trunk of reward model `version`, from the labels r was trained on; None: from none.

    Each is trained as r's own head: from weights of N(0, 1 / sqrt(d + 1)) and normalised scores, by the same loss and
    optimiser, in one pass. A label comes Poisson(1) times in it, which is the bootstrap of Oza and Russell 2001,
    "Online Bagging and Boosting".
    """
    kept = [label for label in labels if not is_held_out(label.position, seed=seed, share=held_out)]
    if not kept:
        return None
    responses = [label.responses for label in kept]
    hidden = hidden_of(model, [label.tokens for label in kept], responses, task_settings)
    absent, said = ~present(responses, model.device), answers(kept, question, model.device)
    heads = [
        _train_head(hidden, absent, said, LOSSES[question.loss], settings, seed=seed_of(seed, "head", version, k))
        for k in range(settings.heads)
    ]
    return RewardHeads(*(torch.stack(parts) for parts in zip(*heads, strict=True)))


def _train_head(
    hidden: Tensor,
    absent: Tensor,
    said: Tensor,
    loss_of: Callable[[Tensor, Tensor], Tensor],
    settings: RewardSettings,
    *,
    seed: int,
) -> tuple[Tensor, Tensor]:
    """hidden (B, N, d), absent (B, N), said (B,) -> weight (d,), bias ()."""
    draw = torch.Generator().manual_seed(seed)
    d, device = hidden.shape[-1], hidden.device
    weight = (torch.randn(d, generator=draw) / (d + 1) ** 0.5).to(device)
    times = torch.poisson(torch.ones(len(said)), generator=draw).long()
    rows = torch.arange(len(said)).repeat_interleave(times).to(device)
    std, mean = torch.std_mean((hidden @ weight)[~absent], correction=0)
    gain = 1 / std.clamp(min=1e-6)
    bias = -mean
    weight.requires_grad_(True)
    bias.requires_grad_(True)

    def loss(chosen: Sequence[int]) -> Tensor:
        batch = rows[chosen]
        scores = gain * (hidden[batch] @ weight + bias)
        return loss_of(scores.masked_fill(absent[batch], -torch.inf), said[batch])

    one_epoch([weight, bias], loss, len(rows), settings=settings, seed=seed)
    return gain * weight.detach(), gain * bias.detach()


@torch.no_grad()
def prioritised(
    queries: Sequence[NewQuery],
    model: RewardModel,
    heads: RewardHeads,
    *,
    question: Question,
    task_settings: TaskSettings,
    seed: int,
) -> list[NewQuery]:
    """The queries with their heads' disagreement as `priority`. All have the same number of responses.

    Not so the evaluation queries, of several policies: each takes the priority of another query, drawn by chance (0
    where there is none). So they stand anywhere in the order, as all others do, and which of them people see first does
    not hang on what they say: people's verdict on π is of queries as they come, not of the doubtful ones.
    """
    plain = [query for query in queries if len({response.policy_version for response in query.responses}) == 1]
    found: dict[int, float] = {}
    if plain:
        responses = [[response.tokens for response in query.responses] for query in plain]
        hidden = hidden_of(model, [query.tokens for query in plain], responses, task_settings)
        measured = MEASURES[question.loss](heads.scores(hidden)).tolist()
        found = {query.position: priority for query, priority in zip(plain, measured, strict=True)}
    others = list(found.values()) or [0.0]
    for query in queries:
        if query.position not in found:
            found[query.position] = Random(seed_of(seed, "priority", query.position)).choice(others)
    return [replace(query, priority=found[query.position]) for query in queries]
