"""Stop when r tells no better than guessing what people prefer, where an earlier r surely did.

Fallen means all of: an earlier published r agreed with held-out labels more often than guessing does, for sure; the
live one does not; and it agrees surely less often than that earlier one. The last leaves a chance of error of
α / (j (j + 1) j) for each of the j earlier ones that the live one is compared with, α = 1 - guards.confidence: over all
versions that will ever be it sums to α. Held-out labels of several versions overlap, which makes errors rarer still.
"""

from shared.domain import Cause
from shared.guards.evidence import Evidence, Judged
from shared.guards.exact import at_least, fewer, spent
from shared.guards.guard import Guard
from shared.settings import GuardSettings


def look(evidence: Evidence, settings: GuardSettings) -> str | None:
    if not evidence.reward_is_new or len(evidence.judged) < 2:
        return None
    *earlier, live = evidence.judged
    alpha, chance = 1 - settings.confidence, evidence.reward_chance
    if _above(live, chance, alpha):
        return None
    each = spent(alpha, len(earlier)) / len(earlier)
    for before in reversed(earlier):
        fallen = fewer(live.agreed, live.compared, before.agreed, before.compared) <= each
        if fallen and _above(before, chance, alpha):
            return (
                f"reward model {live.version} agrees with {live.agreed} of {live.compared} held-out labels, no better "
                f"than guessing ({chance:.0%}); reward model {before.version} agreed with {before.agreed} of "
                f"{before.compared}."
            )
    return None


def _above(judged: Judged, chance: float, alpha: float) -> bool:
    return at_least(judged.agreed, judged.compared, chance) <= alpha


GUARD = Guard(
    Cause.REWARD_ACCURACY,
    look,
    "Look at the newest labels: who gave them, and whether they agree. Retract those that are wrong and retrain, or "
    "roll back to the earlier pair of reward model and policy.",
)
