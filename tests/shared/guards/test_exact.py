"""Exact tests against scipy's, and the chance of error spread over looks."""

import pytest
from scipy.stats import binomtest, fisher_exact

from shared.guards.exact import at_least, fewer, spent


@pytest.mark.parametrize(("successes", "n", "rate"), [(0, 0, 0.5), (0, 5, 0.25), (31, 60, 0.25), (12, 60, 0.25)])
def test_more_than_guessing(successes: int, n: int, rate: float) -> None:
    expected = binomtest(successes, n, rate, alternative="greater").pvalue if n else 1.0
    assert at_least(successes, n, rate) == pytest.approx(expected)


@pytest.mark.parametrize("table", [(8, 40, 25, 35), (0, 3, 3, 3), (5, 5, 1, 9), (0, 0, 4, 9), (700, 2000, 900, 2000)])
def test_a_lower_share(table: tuple[int, int, int, int]) -> None:
    wins, n, other_wins, other_n = table
    expected = fisher_exact([[wins, n - wins], [other_wins, other_n - other_wins]], alternative="less").pvalue
    assert fewer(*table) == pytest.approx(expected)


def test_all_looks_together_spend_no_more_than_alpha() -> None:
    assert sum(spent(0.01, look) for look in range(1, 100_000)) == pytest.approx(0.01, rel=1e-4)
