"""One batch of episodes: what π answers, what ρ thinks of it, what r gives for it."""

from dataclasses import dataclass

import torch
from torch import Tensor

from shared.algorithms.kl import kl_per_response
from shared.algorithms.logprobs import logprobs_of
from shared.algorithms.truncate import score_or_invalid, truncate
from shared.language.generation import sample
from shared.language.policy import Policy
from shared.language.reward_model import RewardModel
from shared.settings import TaskSettings


@dataclass(frozen=True, slots=True)
class Rollout:
    """query, query_mask (B, Q); response, logprobs, ref_logprobs, values (B, T); score, kl (B,) ; valid (B,) bool.

    `response` is as sampled, all T tokens: the score is of its truncated form, the KL of what π really said.
    """

    query: Tensor
    query_mask: Tensor
    response: Tensor
    logprobs: Tensor
    ref_logprobs: Tensor
    values: Tensor
    score: Tensor
    valid: Tensor
    kl: Tensor


@torch.no_grad()
def rollout(
    policy: Policy,
    ref_policy: Policy,
    reward_model: RewardModel,
    query: Tensor,
    query_mask: Tensor,
    *,
    task: TaskSettings,
    invalid_score: float,
    draw: torch.Generator,
) -> Rollout:
    """Sample a response to each query and score it (algorithm.md, Score pipeline).

    logprobs and values come from the forward pass that trains, not from sampling.
    """
    tokenizer = policy.tokenizer
    response = sample(
        policy, query, query_mask, length=task.response_tokens, temperature=task.temperature, generator=draw
    )
    out = policy(query, query_mask, response)
    logprobs = logprobs_of(out.logits, response, task.temperature)
    ref_logprobs = logprobs_of(ref_policy(query, query_mask, response).logits, response, task.temperature)
    ended, valid, length = truncate(
        response, token=tokenizer.token_id(task.truncate_token), after=task.truncate_after, pad=tokenizer.pad_id
    )
    score = score_or_invalid(reward_model.score(query, query_mask, ended, length), valid, invalid_score)
    return Rollout(
        query=query,
        query_mask=query_mask,
        response=response,
        logprobs=logprobs,
        ref_logprobs=ref_logprobs,
        values=out.values,
        score=score,
        valid=valid,
        kl=kl_per_response(logprobs, ref_logprobs),
    )
