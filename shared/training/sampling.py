"""The sampler's work: answer queries with a policy, keep what people may see."""

from collections.abc import Sequence

import torch

from shared.algorithms.truncate import truncate
from shared.domain import NewQuery, Response
from shared.language.generation import sample
from shared.language.policy import Policy
from shared.settings import SamplerSettings, TaskSettings
from shared.tasks.continuation import Task
from shared.training import batches
from shared.training.seeds import generator


def sample_queries(
    policy: Policy,
    task: Task,
    *,
    first: int,
    count: int,
    settings: TaskSettings,
    sampler: SamplerSettings,
    seed: int,
) -> list[NewQuery]:
    """Query tuples for positions `first` .. `first + count - 1`, each with `settings.responses` valid responses.

    A response is valid when it has a truncate token at index >= truncate_after; it ends there. A query that has too
    few after `sampler.rounds` rounds is passed over. The result depends on policy, task, settings, seed and `first`.
    """
    device = policy.device
    draw = generator(device, seed, "sample", first)
    asked = {position: task.query(position) for position in range(first, first + count)}
    kept: dict[int, list[Response]] = {position: [] for position in asked}
    for _ in range(sampler.rounds):
        missing = [position for position in asked if len(kept[position]) < settings.responses]
        if not missing:
            break
        rows = [asked[position][1] for position in missing]
        answers = _valid_responses(policy, rows, settings=settings, draw=draw)
        for position, found in zip(missing, answers, strict=True):
            kept[position] = [*kept[position], *found][: settings.responses]
    return [
        NewQuery(position=position, text=asked[position][0], tokens=tuple(asked[position][1]), responses=tuple(found))
        for position, found in kept.items()
        if len(found) == settings.responses
    ]


def _valid_responses(
    policy: Policy, rows: Sequence[Sequence[int]], *, settings: TaskSettings, draw: torch.Generator
) -> list[list[Response]]:
    """One round: `settings.responses` responses a query, those that end properly, in the order they were drawn."""
    tokenizer = policy.tokenizer
    n = settings.responses
    query, mask = batches.queries(rows, pad_id=tokenizer.pad_id, length=settings.query_tokens, device=policy.device)
    response = sample(
        policy,
        query,
        mask,
        length=settings.response_tokens,
        temperature=settings.temperature,
        generator=draw,
        repeat=n,
    )
    ended, valid, length = truncate(
        response,
        token=tokenizer.token_id(settings.truncate_token),
        after=settings.truncate_after,
        pad=tokenizer.pad_id,
    )
    found: list[list[Response]] = [[] for _ in rows]
    for i, (tokens, ok, size) in enumerate(zip(ended.tolist(), valid.tolist(), length.tolist(), strict=True)):
        if ok:
            found[i // n].append(Response(text=tokenizer.decode(tokens[:size]), tokens=tuple(tokens[:size])))
    return found
