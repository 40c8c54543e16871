"""The share of the known reward's gain, in numbers one can follow."""

import pytest

from services.cli.experiment.compare import compare, gain_at, mean_interval
from services.cli.experiment.result import Point


def curve(*points: tuple[float, float]) -> list[Point]:
    """From (KL, known reward) pairs."""
    return [Point(episodes=i, labels=0, kl=kl, known_reward=reward) for i, (kl, reward) in enumerate(points)]


KNOWN = curve((0, 0.1), (2, 0.3), (6, 0.7))


def test_a_gain_is_read_off_the_line_between_neighbours() -> None:
    assert gain_at(KNOWN, 0) == pytest.approx(0)
    assert gain_at(KNOWN, 1) == pytest.approx(0.1)
    assert gain_at(KNOWN, 4) == pytest.approx(0.4)
    assert gain_at(KNOWN, 6) == pytest.approx(0.6)
    assert gain_at(KNOWN, 6.1) is None


def test_where_a_curve_comes_back_to_a_kl_the_last_time_counts() -> None:
    there_and_back = curve((0, 0), (8, 0.4), (4, 0.6))
    assert gain_at(there_and_back, 6) == pytest.approx(0.5)  # 0.3 on the way there
    assert gain_at(there_and_back, 2) == pytest.approx(0.1)  # passed once
    standing = curve((0, 0), (3, 0.2), (3, 0.3))
    assert gain_at(standing, 3) == pytest.approx(0.3)


def test_the_share_is_taken_at_the_learned_runs_final_kl() -> None:
    found = compare(curve((0, 0.1), (5, 0.9), (4, 0.42)), KNOWN)
    assert found is not None
    assert (found.kl, found.gain, found.known_gain) == pytest.approx((4, 0.32, 0.4))
    assert found.share == pytest.approx(0.8)


def test_beyond_the_known_curve_both_are_read_off_at_its_largest_kl() -> None:
    found = compare(curve((0, 0.1), (4, 0.4), (8, 0.6)), KNOWN)
    assert found is not None
    assert (found.kl, found.gain, found.known_gain) == pytest.approx((6, 0.4, 0.6))


def test_without_a_common_kl_or_a_known_gain_there_is_no_share() -> None:
    assert compare(curve((0, 0.1), (-0.1, 0.2)), KNOWN) is None
    assert compare(curve((0, 0.1), (2, 0.2)), curve((0, 0.1), (3, 0.1))) is None


def test_the_interval_of_a_mean_over_seeds() -> None:
    mean, interval = mean_interval([1.0, 2.0, 3.0])
    assert mean == 2.0
    assert interval == pytest.approx((2 - 4.303 / 3**0.5, 2 + 4.303 / 3**0.5))  # s = 1, two degrees of freedom
    assert mean_interval([1.5]) == (1.5, None)
    assert mean_interval([]) == (None, None)
