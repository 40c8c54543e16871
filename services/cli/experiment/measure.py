"""Where a policy stands: the known reward of what it answers, and how far it is from ρ."""

import statistics

import torch

from services.cli.experiment.models import Models
from services.cli.known_reward import known_reward
from shared.algorithms.kl import kl_per_response
from shared.algorithms.truncate import truncate
from shared.language.generation import sample
from shared.settings import Settings
from shared.training import batches
from shared.training.seeds import generator

BATCH = 64


@torch.no_grad()
def measure(models: Models, settings: Settings, *, queries: int, responses: int) -> tuple[float, float]:
    """Mean known reward of the shown texts, and KL(π, ρ) in nats a response, on held-out queries.

    `responses` answers to each of up to `queries` queries; the same seed draws at every call.
    """
    policy, task = models.policy, models.task
    draw = generator(policy.device, settings.seed, "measure")
    temperature, tokenizer = settings.task.temperature, policy.tokenizer
    rewards: list[float] = []
    nats: list[float] = []
    asked = task.evaluation(queries)
    for start in range(0, len(asked), BATCH):
        rows = [task.context(query.tokens) for query in asked[start : start + BATCH]]
        context, mask = batches.queries(rows, pad_id=tokenizer.pad_id, length=task.context_tokens, device=policy.device)
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
        ref_logprobs, _ = models.ref_policy.logprobs(context, mask, response, temperature)
        nats += kl_per_response(logprobs, ref_logprobs).flatten().tolist()
        ended, _, length = truncate(
            response,
            token=tokenizer.token_id(settings.task.truncate_token),
            after=settings.task.truncate_after,
            pad=tokenizer.pad_id,
        )
        shown = zip(ended.flatten(0, 1).tolist(), length.flatten().tolist(), strict=True)
        rewards += [known_reward(tokenizer.decode(tokens[:size])) for tokens, size in shown]
    return statistics.fmean(rewards), statistics.fmean(nats)
