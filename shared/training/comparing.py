"""Held-out queries for people to compare on: what two policies answer, or one beside reference texts."""

from collections.abc import Sequence

from shared.domain import Response
from shared.language.policy import Policy
from shared.settings import SamplerSettings, TaskSettings
from shared.tasks.task import Query, Task
from shared.training.evaluate import in_batches
from shared.training.sampling import valid_answers
from shared.training.seeds import generator


def respond(
    policy: Policy,
    version: int,
    task: Task,
    asked: Sequence[Query],
    *,
    settings: TaskSettings,
    sampler: SamplerSettings,
    seed: int,
) -> list[Response | None]:
    """One valid response to each query, as the sampler finds them; None where there is none in `sampler.rounds`.

    The same each time, whatever the policy is compared with.
    """
    draw = generator(policy.device, seed, "compare", version)
    found: list[Response | None] = []
    for batch in in_batches(asked):
        contexts = {i: task.context(query.tokens) for i, query in enumerate(batch)}
        wanted = dict.fromkeys(contexts, 1)
        answers = valid_answers(policy, version, contexts, wanted, settings=settings, rounds=sampler.rounds, draw=draw)
        found += [next(iter(answers[i]), None) for i in contexts]
    return found


def references(asked: Sequence[Query], policy: Policy) -> list[Response | None]:
    """What people wrote for each query; None where the data set has nothing."""
    return [
        None if query.reference is None else Response(query.reference, policy.tokenizer.encode(query.reference), None)
        for query in asked
    ]
