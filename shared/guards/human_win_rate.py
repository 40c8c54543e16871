"""Stop when people choose π over ρ less often than chance, for sure: the guard for a sign flipped anywhere.

It looks after every label, so its test is one that may be looked at at any time (shared/sequential.py). A test that
began long ago would hardly notice that π has got worse since. So a new one begins with every half window of labels and
lasts one window: two run at a time, and a change shows within a window of it. Test j may err with probability
α / (j (j + 1)), α = 1 - guards.confidence, which over all tests that will ever be sums to α.
"""

import math
from collections.abc import Iterator, Sequence

from shared.domain import Cause
from shared.guards.evidence import Evaluation, Evidence
from shared.guards.exact import spent
from shared.guards.guard import Guard
from shared.sequential import log_evidence
from shared.settings import GuardSettings


def look(evidence: Evidence, settings: GuardSettings) -> str | None:
    for number, labels in running_tests(evidence.evaluations, settings.window):
        wins, chance = sum(label.won for label in labels), sum(label.chance for label in labels) / len(labels)
        if surely_below(wins, len(labels), chance, alpha=spent(1 - settings.confidence, number)):
            return (
                f"people chose the policy over the reference in {wins} of the newest {len(labels)} evaluation labels: "
                f"surely below the {chance:.0%} of blind choice."
            )
    return None


def running_tests(labels: Sequence[Evaluation], window: int) -> Iterator[tuple[int, Sequence[Evaluation]]]:
    """The tests that run after the last label, the youngest first: which one it is, from 1, and its labels."""
    half = max(1, window // 2)
    for index in range((len(labels) - 1) // half, -1, -1):
        begun = labels[index * half :]
        if len(begun) > window:
            return
        yield index + 1, begun


def surely_below(wins: int, n: int, chance: float, *, alpha: float) -> bool:
    """Whether e >= 1 / α for the rate `chance`, and the share of wins is below it.

    With a true rate of `chance` that happens at any time with probability α at most (Ville); with a higher one, where
    every prefix has at least as many wins, more rarely still.
    """
    return wins < chance * n and log_evidence(wins, n - wins, chance) >= -math.log(alpha)


GUARD = Guard(
    Cause.HUMAN_WIN_RATE,
    look,
    "Look at what the policy says now, and for a sign that is flipped. Roll back to a policy people liked, or resume "
    "to go on with this one.",
)
