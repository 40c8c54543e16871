"""All versions in one order, from whatever was compared with whatever: strengths after Bradley and Terry 1952."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit, logit

from shared.intervals import Interval, Z

Contestant = int | str  # a policy version, or the name of reference texts
REF_POLICY = 0  # ρ, whose strength is 0
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Contest:
    """How often `first` was preferred to `second`, and the other way. `chance`: how often where both are as good."""

    first: Contestant
    second: Contestant
    wins: int
    losses: int
    chance: float = 0.5


@dataclass(frozen=True, slots=True)
class Standing:
    """How often people would prefer it to ρ, with a 95 % interval, by `labels` of it and others; 1/2 for ρ itself.

    None where no chain of comparisons leads to ρ.
    """

    contestant: Contestant
    labels: int
    rate: float | None
    interval: Interval | None


def leaderboard(contests: Sequence[Contest]) -> list[Standing]:
    """Everyone who was compared, the strongest first, those without a rate last.

    P(i is preferred to j) = sigmoid(s_i - s_j + logit chance): Bradley and Terry 1952, "Rank Analysis of Incomplete
    Block Designs", and for m responses of i beside k of j, where chance is m / (m + k), Luce 1959, "Individual Choice
    Behavior". The strengths s are the likeliest, with that of ρ 0 and half a win more for either side of each contest
    (Haldane 1956, Anscombe 1956): who won always is strong, not infinitely so. The intervals are Wald's, of the
    strength. They are those of one look: a comparison that stopped when it was sure looks a little surer than it is.
    """
    met = [contest for contest in contests if contest.wins + contest.losses]
    labels: Counter[Contestant] = Counter()
    for contest in met:
        for one in (contest.first, contest.second):
            labels[one] += contest.wins + contest.losses
    reached: set[Contestant] = {REF_POLICY}
    while more := {one for c in met if {c.first, c.second} & reached for one in (c.first, c.second)} - reached:
        reached |= more
    rated = _fit([contest for contest in met if contest.first in reached], sorted(reached - {REF_POLICY}, key=str))
    rated[REF_POLICY] = 0.5, (0.5, 0.5)
    found = [Standing(one, count, *rated.get(one, (None, None))) for one, count in labels.items()]
    return sorted(found, key=lambda one: -1.0 if one.rate is None else one.rate, reverse=True)


def _fit(contests: Sequence[Contest], known: Sequence[Contestant]) -> dict[Contestant, tuple[float, Interval]]:
    """Rates against ρ with their intervals, of all who are `known`."""
    if not known:
        return {}
    sides = np.array([[(one == c.first) - float(one == c.second) for one in known] for c in contests])  # (M, K)
    wins, losses = (np.array([getattr(c, name) + 0.5 for c in contests]) for name in ("wins", "losses"))
    offset = logit([contest.chance for contest in contests])

    def loss(strength: Floats) -> float:
        odds = sides @ strength + offset
        return float(wins @ np.logaddexp(0, -odds) + losses @ np.logaddexp(0, odds))

    def slope(strength: Floats) -> Floats:
        found: Floats = sides.T @ ((wins + losses) * expit(sides @ strength + offset) - wins)
        return found

    def curvature(strength: Floats) -> Floats:
        p = expit(sides @ strength + offset)
        found: Floats = sides.T @ (((wins + losses) * p * (1 - p))[:, None] * sides)
        return found

    strength = minimize(loss, np.zeros(len(known)), jac=slope, hess=curvature, method="trust-exact").x
    spread = np.sqrt(np.diag(np.linalg.inv(curvature(strength))))
    low, rate, high = (expit(strength + z * spread).tolist() for z in (-Z, 0, Z))
    return {one: (rate[i], (low[i], high[i])) for i, one in enumerate(known)}
