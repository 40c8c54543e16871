"""Exact tests of shares in plain mathematics, and how a chance of error is spread over many looks."""

import math
from collections.abc import Iterator


def spent(alpha: float, look: int) -> float:
    """α / (j (j + 1)) for look j = 1, 2, ...: over all looks there will ever be it sums to α.

    So a test that is made anew whenever more is there errs with probability α at most (Bonferroni).
    """
    return alpha / (look * (look + 1))


def at_least(successes: int, n: int, rate: float) -> float:
    """P(X >= successes), X ~ Binomial(n, rate), 0 < rate < 1: small where the true rate is surely higher."""
    log_odds = math.log(rate) - math.log1p(-rate)
    never = n * math.log1p(-rate)
    return min(1.0, math.fsum(math.exp(_log_choose(n, k) + k * log_odds + never) for k in range(successes, n + 1)))


def fewer(wins: int, n: int, other_wins: int, other_n: int) -> float:
    """Fisher's exact test, one-sided: P(X <= wins) where n + other_n answers have these wins in all, whoever has them.

    Small where the first share is surely the lower one. Fisher 1935, "The Logic of Inductive Inference".
    """
    total = wins + other_wins
    denominator = _log_choose(n + other_n, total)

    def terms() -> Iterator[float]:
        for k in range(max(0, total - other_n), wins + 1):
            yield math.exp(_log_choose(n, k) + _log_choose(other_n, total - k) - denominator)

    return min(1.0, math.fsum(terms()))


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
