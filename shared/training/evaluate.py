"""π beside ρ on held-out queries: what each answers, and how far apart they are."""

from dataclasses import dataclass
from pathlib import Path

import torch

from shared.algorithms.kl import kl_per_response
from shared.algorithms.logprobs import logprobs_of
from shared.algorithms.truncate import truncate
from shared.language.generation import sample
from shared.language.policy import Policy, load_policy
from shared.settings import Settings
from shared.tasks.continuation import Task, load_task
from shared.training import batches
from shared.training.machine import prepare
from shared.training.seeds import generator

BATCH = 64


@dataclass(frozen=True, slots=True)
class Pair:
    """One held-out query, what ρ and π answer, and log π(y|x) - log ρ(y|x) of π's answer, in nats."""

    query: str
    ref_response: str
    response: str
    kl: float


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
    pairs: list[Pair] = []
    for start in range(0, len(queries), BATCH):
        texts, rows = zip(*queries[start : start + BATCH], strict=True)
        query, mask = batches.queries(
            rows, pad_id=policy.tokenizer.pad_id, length=settings.task.query_tokens, device=policy.device
        )
        temperature, length = settings.task.temperature, settings.task.response_tokens
        ref_response = sample(ref_policy, query, mask, length=length, temperature=temperature, generator=draw)
        response = sample(policy, query, mask, length=length, temperature=temperature, generator=draw)
        kl = kl_per_response(
            logprobs_of(policy(query, mask, response).logits, response, temperature),
            logprobs_of(ref_policy(query, mask, response).logits, response, temperature),
        )
        shown = zip(texts, _shown(ref_response, policy, settings), _shown(response, policy, settings), strict=True)
        pairs += [Pair(x, ref, y, nats) for (x, ref, y), nats in zip(shown, kl.tolist(), strict=True)]
    return pairs


def _shown(response: torch.Tensor, policy: Policy, settings: Settings) -> list[str]:
    tokenizer = policy.tokenizer
    ended, _, length = truncate(
        response,
        token=tokenizer.token_id(settings.task.truncate_token),
        after=settings.task.truncate_after,
        pad=tokenizer.pad_id,
    )
    return [tokenizer.decode(row[:size]) for row, size in zip(ended.tolist(), length.tolist(), strict=True)]
