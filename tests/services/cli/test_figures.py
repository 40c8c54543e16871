import pytest

from services.cli.figures import bootstrap, wilson, wins


def test_wilson_against_published_numbers() -> None:
    # Newcombe 1998, table I, method 3: 81 of 263 and 15 of 148
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson(15, 148) == pytest.approx((0.0624, 0.1605), abs=5e-5)


def test_wilson_at_the_ends() -> None:
    assert wilson(0, 0) == (0.0, 1.0)
    low, high = wilson(10, 10)
    assert low == pytest.approx(10 / (10 + 1.959963984540054**2))
    assert high == pytest.approx(1.0)


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
