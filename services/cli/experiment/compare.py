"""What learnt rewards are worth beside the known one: their gains at the same KL, and how sure that is."""

import itertools
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from services.cli.experiment.result import Point, Result
from shared.intervals import Interval

# 97.5 % quantiles of Student's t with 1, 2, ... degrees of freedom (Student 1908); the last serves for more.
T = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131, 2.120)


@dataclass(frozen=True, slots=True)
class Comparison:
    """At `kl` nats the learnt reward gained `gain` over ρ, the known reward `known_gain`."""

    kl: float
    gain: float
    known_gain: float

    @property
    def share(self) -> float:
        return self.gain / self.known_gain


def compare(learned: Sequence[Point], known: Sequence[Point]) -> Comparison | None:
    """The gains in known reward over ρ of two curves, each from ρ on, where both are at the same KL.

    That is the learned run's final KL, or, where the known reward's run never went so far, the largest KL it had: both
    curves are then read off there. None where they have no KL in common or the known reward gained nothing there.
    """
    kl = min(learned[-1].kl, max(point.kl for point in known))
    ours, theirs = gain_at(learned, kl), gain_at(known, kl)
    return None if ours is None or theirs is None or theirs <= 0 else Comparison(kl, ours, theirs)


def gain_at(curve: Sequence[Point], kl: float) -> float | None:
    """Known reward over the curve's first point at `kl`: on the straight line between two neighbours in training.

    Where the curve passes that KL more than once, the last time counts. None where it never does.
    """
    for before, after in reversed(list(itertools.pairwise(curve))):
        if min(before.kl, after.kl) <= kl <= max(before.kl, after.kl):
            apart = after.kl - before.kl
            part = (kl - before.kl) / apart if apart else 1.0
            reward = before.known_reward + part * (after.known_reward - before.known_reward)
            return reward - curve[0].known_reward
    return None


def compare_all(results: Sequence[Result]) -> dict[tuple[str, int], Comparison | None]:
    """By condition and seed: each run beside the known reward's of its own seed. None where there is none."""
    known = {result.seed: result.curve for result in results if result.reward == "known"}
    return {
        (result.condition, result.seed): compare(result.curve, known[result.seed]) if result.seed in known else None
        for result in results
    }


def mean_interval(values: Sequence[float]) -> tuple[float | None, Interval | None]:
    """The mean over seeds and its 95 % interval, mean ± t s / √n with n - 1 degrees of freedom; None where n < 2."""
    if not values:
        return None, None
    mean, n = statistics.fmean(values), len(values)
    if n < 2:
        return mean, None
    half = T[min(n - 2, len(T) - 1)] * statistics.stdev(values) / math.sqrt(n)
    return mean, (mean - half, mean + half)
