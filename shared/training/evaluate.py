"""π beside ρ on held-out queries: what each answers, and how far apart they are."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from shared.algorithms.kl import kl_per_response
from shared.algorithms.truncate import truncate
from shared.language.generation import sample
from shared.language.policy import Policy, load_policy
from shared.settings import Settings
from shared.tasks.registry import load_task
from shared.tasks.task import Query, Task
from shared.training import batches
from shared.training.machine import prepare
from shared.training.seeds import generator

BATCH = 64


@dataclass(frozen=True, slots=True)
class Answer:
    """What a policy said, as people see it: truncated where it ends properly; and log π(y|x) - log ρ(y|x), in nats."""

    text: str
    kl: float


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


def compare_policies(policy: Policy, ref_policy: Policy, task: Task, settings: Settings, *, n: int) -> list[Pair]:
    """`compare` for policies that are loaded already."""
    draw = generator(policy.device, settings.seed, "evaluate")
    pairs: list[Pair] = []
    for asked in in_batches(task.evaluation(n)):
        theirs, ours = (
            answer(writer, ref_policy, task, asked, settings, responses=1, draw=draw) for writer in (ref_policy, policy)
        )
        pairs += [
            Pair(query.text, ref.text, response.text, response.kl, query.reference)
            for query, [ref], [response] in zip(asked, theirs, ours, strict=True)
        ]
    return pairs


def in_batches(queries: Sequence[Query]) -> Iterator[Sequence[Query]]:
    """As many as are answered at once."""
    return (queries[start : start + BATCH] for start in range(0, len(queries), BATCH))


@torch.no_grad()
def answer(
    policy: Policy,
    ref_policy: Policy,
    task: Task,
    asked: Sequence[Query],
    settings: Settings,
    *,
    responses: int,
    draw: torch.Generator,
) -> list[list[Answer]]:
    """`responses` answers of `policy` to each query."""
    tokenizer, temperature = policy.tokenizer, settings.task.temperature
    context, mask = batches.queries(
        [task.context(query.tokens) for query in asked],
        pad_id=tokenizer.pad_id,
        length=task.context_tokens,
        device=policy.device,
    )
    response = sample(
        policy,
        context,
        mask,
        length=settings.task.response_tokens,
        temperature=temperature,
        generator=draw,
        repeat=responses,
    )  # (B, N, T)
    logprobs, _ = policy.logprobs(context, mask, response, temperature)
    ref_logprobs, _ = ref_policy.logprobs(context, mask, response, temperature)
    kl = kl_per_response(logprobs, ref_logprobs).tolist()
    ended, _, length = truncate(
        response,
        token=tokenizer.token_id(settings.task.truncate_token),
        after=settings.task.truncate_after,
        pad=tokenizer.pad_id,
    )
    return [
        [Answer(tokenizer.decode(row[:size]), nats) for row, size, nats in zip(*of_query, strict=True)]
        for of_query in zip(ended.tolist(), length.tolist(), kl, strict=True)
    ]
