"""The figures of a report: shares and means with 95 % intervals. Plain Python: a few hundred numbers."""

import math
import random
import statistics
from collections.abc import Sequence

Z = 1.959963984540054  # 97.5 % quantile of the normal distribution
RESAMPLES = 2000

Interval = tuple[float, float]


def wilson(successes: float, n: int) -> Interval:
    """Wilson's score interval of a share: (p + z²/2n ± z √(p(1-p)/n + z²/4n²)) / (1 + z²/n), with p = successes / n.

    Wilson 1927, "Probable Inference, the Law of Succession, and Statistical Inference". (0, 1) for n = 0.
    """
    if n == 0:
        return 0.0, 1.0
    p = successes / n
    middle = p + Z * Z / (2 * n)
    half = Z * math.sqrt(p * (1 - p) / n + Z * Z / (4 * n * n))
    scale = 1 + Z * Z / n
    return max(0.0, (middle - half) / scale), min(1.0, (middle + half) / scale)


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
