"""Stop when r likes the newer policies better and people like them less: π has learnt to please r, not people.

Policies are parted into earlier and newer ones at each version in turn, and their human win rates compared by Fisher's
exact test. It looks at every half window of labels, at all labels up to there: look j with s places to part may err
with probability α / (j (j + 1) s) at each, which over all looks sums to α = 1 - guards.confidence.
Gao, Schulman and Hilton 2023, "Scaling Laws for Reward Model Overoptimization".
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from shared.domain import Cause
from shared.guards.evidence import Evaluation, Evidence
from shared.guards.exact import fewer, spent
from shared.guards.guard import Guard
from shared.settings import GuardSettings


@dataclass(frozen=True, slots=True)
class Side:
    """Some policies in a row: their mean score by r, and how often people chose them over ρ."""

    versions: Sequence[int]
    score: float
    wins: int
    labels: int

    def __str__(self) -> str:
        first, last = self.versions[0], self.versions[-1]
        return f"policy {first}" if first == last else f"policies {first} to {last}"


def look(evidence: Evidence, settings: GuardSettings) -> str | None:
    half = max(1, settings.window // 2)
    looks = len(evidence.evaluations) // half
    parted = list(_parted(evidence, evidence.evaluations[: looks * half]))
    chances = {
        fewer(after.wins, after.labels, before.wins, before.labels): (before, after)
        for before, after in parted
        if after.score > before.score
    }
    if not chances or min(chances) > spent(1 - settings.confidence, looks) / len(parted):
        return None
    before, after = chances[min(chances)]
    return (
        f"the mean score by the reward model rose from {before.score:.2f} ({before}) to {after.score:.2f} ({after}), "
        f"but people chose the newer ones over the reference in {after.wins} of {after.labels} evaluation labels, "
        f"surely less often than the earlier ones, in {before.wins} of {before.labels}."
    )


def _parted(evidence: Evidence, labels: Sequence[Evaluation]) -> Iterator[tuple[Side, Side]]:
    """Earlier and newer policies: of those that people judged and that have a score, at each version in turn."""
    judged = {label.policy_version for label in labels}
    scores = {one.version: one.score for one in evidence.generations if one.score is not None and one.version in judged}
    versions = list(scores)
    for place in range(1, len(versions)):
        yield _side(versions[:place], scores, labels), _side(versions[place:], scores, labels)


def _side(versions: Sequence[int], scores: dict[int, float], labels: Sequence[Evaluation]) -> Side:
    theirs = [label.won for label in labels if label.policy_version in versions]
    return Side(versions, sum(scores[version] for version in versions) / len(versions), sum(theirs), len(theirs))


GUARD = Guard(
    Cause.OVER_OPTIMISATION,
    look,
    "Roll back to a policy people liked better, then collect labels on it and retrain the reward model, or keep the "
    "policy nearer to the reference with a lower ppo.kl_target.",
)
