"""One batch of episodes: what π answers, what ρ thinks of it, what r gives for it."""

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from shared.algorithms.kl import kl_per_response
from shared.algorithms.truncate import score_or_invalid, truncate
from shared.language.generation import sample_with_logprobs
from shared.language.policy import Policy
from shared.settings import TaskSettings
from shared.training.batches import Queries


class Scorer(Protocol):
    """What a rollout asks of a reward model."""

    def score(self, query: Tensor, query_mask: Tensor, response: Tensor, length: Tensor) -> Tensor:
        """query, query_mask (B, Q); response (B, N, T), of which the first length (B, N) tokens are there -> (B, N)."""


@dataclass(frozen=True, slots=True)
class Rollout:
    """response, logprobs, ref_logprobs, values, drawn_logprobs (B, N, T); score, kl (B, N); valid (B, N) bool.

    `response` is as sampled, all T tokens: the score is of its truncated form, the KL of what π really said.
    logprobs and values come from the forward pass that trains and carry its graph if it was asked for; drawn_logprobs
    are those the sampler drew by, the same but for the arithmetic's order.
    """

    queries: Queries
    response: Tensor
    logprobs: Tensor
    ref_logprobs: Tensor
    values: Tensor
    drawn_logprobs: Tensor
    score: Tensor
    valid: Tensor
    kl: Tensor


def rollout(
    policy: Policy,
    ref_policy: Policy,
    reward_model: Scorer,
    queries: Queries,
    *,
    responses: int,
    task: TaskSettings,
    invalid_score: float,
    draw: torch.Generator,
    graph: bool = False,
) -> Rollout:
    """Sample `responses` responses to each query and score them (algorithm.md, Score pipeline).

    `graph` keeps the graph of π's forward pass: what the first epoch's loss needs, without reading the batch again.
    """
    tokenizer = policy.tokenizer
    context, mask = queries.context, queries.context_mask
    sampled = sample_with_logprobs(
        policy,
        context,
        mask,
        length=task.response_tokens,
        temperature=task.temperature,
        generator=draw,
        repeat=responses,
    )
    with torch.no_grad():
        ref_logprobs, _ = ref_policy.logprobs(context, mask, sampled.response, task.temperature)
        ended, valid, length = truncate(
            sampled.response,
            token=tokenizer.token_id(task.truncate_token),
            after=task.truncate_after,
            pad=tokenizer.pad_id,
        )
        score = score_or_invalid(
            reward_model.score(queries.query, queries.query_mask, ended, length), valid, invalid_score
        )
    with torch.set_grad_enabled(graph):
        logprobs, values = policy.logprobs(context, mask, sampled.response, task.temperature)
    return Rollout(
        queries=queries,
        response=sampled.response,
        logprobs=logprobs,
        ref_logprobs=ref_logprobs,
        values=values,
        drawn_logprobs=sampled.logprobs,
        score=score,
        valid=valid,
        kl=kl_per_response(logprobs.detach(), ref_logprobs),
    )
