"""A test that may be looked at after every answer: whether wins are as likely as losses, with an interval always valid.

Under p = 1/2 the likelihood ratio of "p is anything" to "p is 1/2" is a martingale that begins at 1. So it reaches
1 / alpha with probability alpha at most, however often one looks (Ville 1939, "Étude critique de la notion de
collectif"), and whoever stops when it does is wrong no more often. The mixture over p is that of Robbins 1970,
"Statistical Methods Related to the Law of the Iterated Logarithm".
"""

import math

from shared.intervals import Interval

A = B = 1.0  # the mixture, Beta(a, b): no rate is likelier than another


def log_evidence(wins: int, losses: int, rate: float = 0.5) -> float:
    """log e,  e = B(a + w, b + l) / (B(a, b) p^w (1 - p)^l),  p = `rate` in (0, 1).

    How many times likelier the answers are where the rate of wins is drawn from Beta(a, b) than where it is p.
    """
    mixture = _log_beta(A + wins, B + losses) - _log_beta(A, B)
    return mixture - wins * math.log(rate) - losses * math.log1p(-rate)


def evidence(wins: int, losses: int) -> float:
    """e for p = 1/2, or e^700 where it is more than a float holds."""
    return math.exp(min(log_evidence(wins, losses), 700.0))


def decided(wins: int, losses: int, *, alpha: float) -> bool:
    """Whether e >= 1 / alpha for p = 1/2: both are not equally good."""
    return log_evidence(wins, losses) >= -math.log(alpha)


def always_valid(wins: int, losses: int, *, alpha: float) -> Interval:
    """The rates p that e does not reject, e < 1 / alpha: with probability 1 - alpha the true one at all times.

    log e is convex in p and least at w / (w + l), so each end is found by bisection between there and 0 or 1.
    (0, 1) before the first answer.
    """
    n, limit = wins + losses, -math.log(alpha)
    if n == 0:
        return 0.0, 1.0
    share = wins / n

    def end(outside: float) -> float:
        inside = share
        for _ in range(60):
            middle = (inside + outside) / 2
            if log_evidence(wins, losses, middle) < limit:
                inside = middle
            else:
                outside = middle
        return inside

    return 0.0 if wins == 0 else end(0.0), 1.0 if losses == 0 else end(1.0)


def _log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)
