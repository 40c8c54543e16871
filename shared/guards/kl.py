"""Stop when π has gone further from ρ than the bound: r learnt from no such texts, and they may be broken."""

from shared.domain import Cause
from shared.guards.evidence import Evidence
from shared.guards.guard import Guard
from shared.settings import GuardSettings

BATCHES = 3  # their mean: the KL of one is noisy


def look(evidence: Evidence, settings: GuardSettings) -> str | None:
    newest = evidence.kls[-BATCHES:]
    if settings.kl is None or len(newest) < BATCHES:
        return None
    kl = sum(newest) / BATCHES
    if kl <= settings.kl:
        return None
    return f"KL is {kl:.1f} nats a response over the newest {BATCHES} batches: beyond guards.kl, {settings.kl:g}."


GUARD = Guard(
    Cause.KL,
    look,
    "Roll back to a nearer policy and lower ppo.lr or ppo.kl_target, or raise guards.kl and resume.",
)
