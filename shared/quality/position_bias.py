"""Whether people choose by where a response stands: they are shown in random order, so all places should win alike."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from scipy.stats import chisquare

from shared.quality.labels import StandingLabel

LEAST_EXPECTED = 5  # choices a place, below which the chi-square distribution does not hold (Cochran 1954)


@dataclass(frozen=True, slots=True)
class PositionBias:
    """`p` is the probability of choices at least as uneven from people who do not look at the place.

    `chosen`: by number of responses shown, how often each place was chosen, the first one first.
    """

    chi_square: float
    degrees: int
    p: float
    chosen: dict[int, list[int]]


def position_bias(labels: Iterable[StandingLabel]) -> PositionBias | None:
    """Pearson's chi-square of the chosen places against uniform; undefined with too few choices.

    Queries of 2 and of 4 responses are strata: their chi-squares and their degrees of freedom add up.
    """
    places: dict[int, Counter[int]] = {}
    for label in labels:
        if label.position is not None:
            places.setdefault(label.responses, Counter())[label.position] += 1
    chosen = {
        shown: [counts[place] for place in range(shown)]
        for shown, counts in sorted(places.items())
        if counts.total() / shown >= LEAST_EXPECTED
    }
    if not chosen:
        return None
    observed = [count for counts in chosen.values() for count in counts]
    expected = [sum(counts) / shown for shown, counts in chosen.items() for _ in counts]
    degrees = len(observed) - len(chosen)
    test = chisquare(observed, expected, ddof=len(chosen) - 1)
    return PositionBias(float(test.statistic), degrees, float(test.pvalue), chosen)
