"""Probes: the same few held-out queries, answered by each policy version, so that people can read how π changes.

No training and no sampling ever uses these queries, and the answers are drawn by a generator of their own, which starts
anew for each version: publishing a version with probes or without gives the same next version, bit for bit, and what
differs between two versions' answers comes from the policies alone.
"""

import torch

from shared.algorithms.truncate import score_or_invalid, truncate
from shared.language.generation import sample
from shared.language.policy import Policy
from shared.settings import Settings
from shared.store.versions import Probed
from shared.tasks.task import Task
from shared.training import batches
from shared.training.rollout import Scorer
from shared.training.seeds import generator

PROBES = 8


@torch.no_grad()
def probe(policy: Policy, reward_model: Scorer | None, task: Task, settings: Settings) -> list[Probed]:
    """One answer to each of PROBES queries, as people see it, with its score as an episode's would be.

    `reward_model`: the r that the version was trained with; None before the first, and there is no score then.
    """
    asked, tokenizer = task.evaluation(PROBES), policy.tokenizer
    queries = batches.with_context(
        [query.tokens for query in asked], task, settings.task, pad_id=tokenizer.pad_id, device=policy.device
    )
    response = sample(
        policy,
        queries.context,
        queries.context_mask,
        length=settings.task.response_tokens,
        temperature=settings.task.temperature,
        generator=generator(policy.device, settings.seed, "probes"),
    )  # (B, 1, T)
    ended, valid, length = truncate(
        response,
        token=tokenizer.token_id(settings.task.truncate_token),
        after=settings.task.truncate_after,
        pad=tokenizer.pad_id,
    )
    scores: list[float | None] = [None] * len(asked)
    if reward_model is not None:
        score = reward_model.score(queries.query, queries.query_mask, ended, length)
        scores = score_or_invalid(score, valid, settings.ppo.invalid_score).flatten().tolist()
    return [
        Probed(query.text, tokenizer.decode(tokens[:size]), score)
        for query, [tokens], [size], score in zip(asked, ended.tolist(), length.tolist(), scores, strict=True)
    ]
