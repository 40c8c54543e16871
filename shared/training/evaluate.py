"""π beside ρ on held-out queries: what each answers, and how far apart they are."""

from dataclasses import dataclass
from pathlib import Path

import torch

from shared.algorithms.kl import kl_per_response
from shared.algorithms.truncate import truncate
from shared.language.generation import sample
from shared.language.policy import Policy, load_policy
from shared.settings import Settings
from shared.tasks.registry import load_task
from shared.tasks.task import Task
from shared.training import batches
from shared.training.machine import prepare
from shared.training.seeds import generator

BATCH = 64


@dataclass(frozen=True, slots=True)
class Pair:
    """One held-out query, what ρ and π answer, and log π(y|x) - log ρ(y|x) of π's answer, in nats.

    `reference`: what people wrote for the query, where the data set has that.
    """

    query: str
    ref_response: str
    response: str
    kl: float
    reference: str | None


def compare(policy_dir: Path, ref_dir: Path, settings: Settings, *, n: int = 512) -> list[Pair]:
    """One response of each policy to `n` queries that no training saw; shown text, truncated where it ends properly."""
    device = prepare(settings.model)
    policy, ref_policy = load_policy(policy_dir).to(device), load_policy(ref_dir).to(device)
    return compare_policies(policy, ref_policy, load_task(settings.task, policy.tokenizer), settings, n=n)


@torch.no_grad()
def compare_policies(policy: Policy, ref_policy: Policy, task: Task, settings: Settings, *, n: int) -> list[Pair]:
    """`compare` for policies that are loaded already."""
    draw = generator(policy.device, settings.seed, "evaluate")
    queries = task.evaluation(n)
    temperature, length = settings.task.temperature, settings.task.response_tokens
    pairs: list[Pair] = []
    for start in range(0, len(queries), BATCH):
        asked = queries[start : start + BATCH]
        context, mask = batches.queries(
            [task.context(query.tokens) for query in asked],
            pad_id=policy.tokenizer.pad_id,
            length=task.context_tokens,
            device=policy.device,
        )
        ref_response = sample(ref_policy, context, mask, length=length, temperature=temperature, generator=draw)
        response = sample(policy, context, mask, length=length, temperature=temperature, generator=draw)
        logprobs, _ = policy.logprobs(context, mask, response, temperature)
        ref_logprobs, _ = ref_policy.logprobs(context, mask, response, temperature)
        kl = kl_per_response(logprobs, ref_logprobs).squeeze(1).tolist()
        answers = zip(_shown(ref_response, policy, settings), _shown(response, policy, settings), kl, strict=True)
        pairs += [Pair(x.text, ref, y, nats, x.reference) for x, (ref, y, nats) in zip(asked, answers, strict=True)]
    return pairs


def _shown(response: torch.Tensor, policy: Policy, settings: Settings) -> list[str]:
    """The texts of responses (B, 1, T)."""
    tokenizer = policy.tokenizer
    ended, _, length = truncate(
        response.squeeze(1),
        token=tokenizer.token_id(settings.task.truncate_token),
        after=settings.task.truncate_after,
        pad=tokenizer.pad_id,
    )
    return [tokenizer.decode(row[:size]) for row, size in zip(ended.tolist(), length.tolist(), strict=True)]
