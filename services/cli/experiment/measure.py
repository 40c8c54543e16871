"""Where a policy stands: the known reward of what it answers, and how far it is from ρ."""

from statistics import fmean

from services.cli.experiment.models import Models
from services.cli.known_reward import known_reward
from shared.settings import Settings
from shared.training.evaluate import answer, in_batches
from shared.training.seeds import generator


def measure(models: Models, settings: Settings, *, queries: int, responses: int) -> tuple[float, float]:
    """Mean known reward of the shown texts, and KL(π, ρ) in nats a response, on held-out queries.

    `responses` answers to each of up to `queries` queries; the same seed draws at every call.
    """
    draw = generator(models.policy.device, settings.seed, "measure")
    said = [
        given
        for asked in in_batches(models.task.evaluation(queries))
        for to_query in answer(
            models.policy, models.ref_policy, models.task, asked, settings, responses=responses, draw=draw
        )
        for given in to_query
    ]
    return fmean(known_reward(given.text) for given in said), fmean(given.kl for given in said)
