"""The figures of a report: shares and means with 95 % intervals. Plain Python: a few hundred numbers."""

import math
import random
import statistics
from collections.abc import Sequence

from shared.intervals import Interval

RESAMPLES = 2000


def bootstrap(values: Sequence[float], *, seed: int = 1) -> Interval:
    """The percentile interval of the mean under resampling (Efron 1979). NaN for no values."""
    if not values:
        return math.nan, math.nan
    draw = random.Random(seed)
    means = sorted(statistics.fmean(draw.choices(values, k=len(values))) for _ in range(RESAMPLES))
    return means[round(0.025 * (RESAMPLES - 1))], means[round(0.975 * (RESAMPLES - 1))]


def wins(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """How often `ours` is higher, pair by pair; a tie is half a win."""
    return sum(1.0 if a > b else 0.5 if a == b else 0.0 for a, b in zip(ours, theirs, strict=True))
