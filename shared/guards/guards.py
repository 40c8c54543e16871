"""All guards, in the order in which they are asked."""

from shared.domain import Cause
from shared.guards import human_win_rate, kl, label_age, over_optimisation, reward_accuracy
from shared.guards.evidence import Evidence
from shared.guards.guard import Guard
from shared.settings import GuardSettings

GUARDS: dict[Cause, Guard] = {
    guard.cause: guard
    for guard in (
        human_win_rate.GUARD,
        over_optimisation.GUARD,
        kl.GUARD,
        reward_accuracy.GUARD,
        label_age.GUARD,
    )
}


def first_finding(evidence: Evidence, settings: GuardSettings) -> tuple[Cause, str] | None:
    """The first cause to stop, and why; None where all is well."""
    for guard in GUARDS.values():
        reason = guard.look(evidence, settings)
        if reason is not None:
            return guard.cause, reason
    return None
