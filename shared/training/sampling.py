"""The sampler's work: answer queries with a policy, keep what people may see.

Most queries are answered by π alone. Of an evaluation query's N responses ρ writes N // 2 and π the others, shown
blind: how often people choose one of π's is its human win rate (algorithm.md, Online collection).
"""

import random
from collections.abc import Mapping, Sequence

import torch

from shared.algorithms.truncate import truncate
from shared.domain import NewQuery, Response
from shared.language.generation import sample
from shared.language.policy import Policy
from shared.settings import LabelSettings, SamplerSettings, TaskSettings
from shared.tasks.task import Task
from shared.training import batches
from shared.training.seeds import generator, is_evaluation, is_overlapped, seed_of


def sample_queries(
    policy: Policy,
    ref_policy: Policy | None,
    task: Task,
    *,
    first: int,
    count: int,
    policy_version: int,
    settings: TaskSettings,
    sampler: SamplerSettings,
    labels: LabelSettings,
    seed: int,
) -> list[NewQuery]:
    """Query tuples for positions `first` .. `first + count - 1`, each with `settings.responses` valid responses.

    `ref_policy` is ρ, for the evaluation queries; None: no query is one, as long as π is ρ itself.
    A response is valid when it has a truncate token at index >= truncate_after; it ends there. A query for which a
    policy has too few after `sampler.rounds` rounds is passed over. The same arguments give the same queries.
    """
    asked = {position: task.query(position) for position in range(first, first + count)}
    contexts = {position: task.context(query.tokens) for position, query in asked.items()}
    by_ref = {
        position: settings.responses // 2
        for position in asked
        if ref_policy is not None and is_evaluation(position, seed=seed, share=labels.evaluation_share)
    }
    by_policy = {position: settings.responses - by_ref.get(position, 0) for position in asked}
    writers = [(policy, policy_version, by_policy)]
    if ref_policy is not None:
        writers.append((ref_policy, 0, by_ref))
    responses: dict[int, list[Response]] = {position: [] for position in asked}
    for writer, version, wanted in writers:
        draw = generator(writer.device, seed, "sample", version, first)
        found = valid_answers(writer, version, contexts, wanted, settings=settings, rounds=sampler.rounds, draw=draw)
        for position, more in found.items():
            responses[position] += more
    for position in by_ref:  # who wrote a response must not show in where it stands
        random.Random(seed_of(seed, "order", position)).shuffle(responses[position])
    return [
        NewQuery(
            position=position,
            text=query.text,
            tokens=query.tokens,
            responses=tuple(responses[position]),
            wanted=labels.overlap if is_overlapped(position, seed=seed, share=labels.overlap_share) else 1,
        )
        for position, query in asked.items()
        if len(responses[position]) == settings.responses
    ]


def valid_answers(
    policy: Policy,
    version: int,
    contexts: Mapping[int, tuple[int, ...]],
    wanted: Mapping[int, int],
    *,
    settings: TaskSettings,
    rounds: int,
    draw: torch.Generator,
) -> dict[int, list[Response]]:
    """Valid responses by position, at most as many as `wanted` there, after at most `rounds` rounds."""
    found: dict[int, list[Response]] = {position: [] for position in wanted}
    for _ in range(rounds):
        missing = [position for position in wanted if len(found[position]) < wanted[position]]
        if not missing:
            break
        rows = [contexts[position] for position in missing]
        answers = _valid_responses(policy, version, rows, settings=settings, draw=draw)
        for position, more in zip(missing, answers, strict=True):
            found[position] = [*found[position], *more][: wanted[position]]
    return found


def _valid_responses(
    policy: Policy,
    version: int,
    rows: Sequence[tuple[int, ...]],
    *,
    settings: TaskSettings,
    draw: torch.Generator,
) -> list[list[Response]]:
    """One round: `settings.responses` responses to each context, those that end properly, in the order drawn."""
    tokenizer = policy.tokenizer
    query, mask = batches.queries(rows, pad_id=tokenizer.pad_id, length=max(map(len, rows)), device=policy.device)
    response = sample(
        policy,
        query,
        mask,
        length=settings.response_tokens,
        temperature=settings.temperature,
        generator=draw,
        repeat=settings.responses,
    )
    ended, valid, length = truncate(
        response,
        token=tokenizer.token_id(settings.truncate_token),
        after=settings.truncate_after,
        pad=tokenizer.pad_id,
    )  # (B, N, T), (B, N), (B, N)
    return [
        [
            Response(tokenizer.decode(tokens[:size]), tuple(tokens[:size]), policy_version=version)
            for tokens, ok, size in zip(*answers, strict=True)
            if ok
        ]
        for answers in zip(ended.tolist(), valid.tolist(), length.tolist(), strict=True)
    ]
