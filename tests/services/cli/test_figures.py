import pytest

from services.cli.figures import bootstrap, wins


def test_a_tie_is_half_a_win() -> None:
    assert wins([1.0, 0.0, 0.5], [0.0, 1.0, 0.5]) == 1.5
    assert wins([1.0, 2.0], [0.0, 0.0]) == 2.0


def test_bootstrap_covers_what_the_normal_interval_covers() -> None:
    values = [i / 100 for i in range(400)]
    low, high = bootstrap(values)
    half = 1.96 * (sum((x - 1.995) ** 2 for x in values) / 400) ** 0.5 / 20
    assert low == pytest.approx(1.995 - half, abs=0.02)
    assert high == pytest.approx(1.995 + half, abs=0.02)
    assert bootstrap([0.25] * 5) == (0.25, 0.25)
