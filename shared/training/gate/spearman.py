"""Rank correlation, and how far it can be trusted."""

import math
from statistics import NormalDist

from torch import Tensor

FEWEST = 10  # pairs from which on the interval holds (Fieller et al. 1957)


def spearman(x: Tensor, y: Tensor) -> float | None:
    """Pearson's correlation of the ranks of x and y, both (n,); equal values share their mean rank. None: no spread.

    Spearman 1904, "The Proof and Measurement of Association between Two Things".
    """
    a, b = (ranks - ranks.mean() for ranks in (average_ranks(x), average_ranks(y)))
    spread = (a.square().sum() * b.square().sum()).sqrt()
    return None if not spread > 0 else float((a * b).sum() / spread)


def average_ranks(values: Tensor) -> Tensor:
    """Ranks from 1, equal values sharing the mean of theirs: (n,) -> (n,), float64."""
    _, which, count = values.unique(return_inverse=True, return_counts=True)
    last = count.cumsum(0)
    mean = last - (count - 1) / 2
    ranks: Tensor = mean.double()[which]
    return ranks


def interval(correlation: float, n: int, confidence: float) -> tuple[float, float]:
    """One-sided confidence bounds of a rank correlation of n independent pairs, lower and upper.

    tanh(artanh(rho) ± z sqrt(1.06 / (n - 3))): Fieller, Hartley and Pearson 1957, "Tests for Rank Correlation
    Coefficients I". (-1, 1) of fewer than FEWEST pairs.
    """
    if n < FEWEST:
        return -1.0, 1.0
    z = NormalDist().inv_cdf(confidence) * math.sqrt(1.06 / (n - 3))
    middle = math.atanh(max(-1 + 1e-12, min(1 - 1e-12, correlation)))
    return math.tanh(middle - z), math.tanh(middle + z)
