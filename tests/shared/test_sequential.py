"""The sequential test: numbers by hand, and its law by simulation."""

import random
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.sequential import always_valid, decided, evidence

ALPHA = 0.05


@pytest.mark.parametrize(
    ("wins", "losses", "by_hand"),
    [
        (0, 0, 1),
        (1, 0, 1),  # B(2, 1) / (1/2): one answer says nothing
        (1, 1, 2 / 3),  # 1/6 * 4
        (5, 0, 32 / 6),
        (8, 0, 256 / 9),
        (3, 1, 16 / 20),  # B(4, 2) = 3! 1! / 5!
    ],
)
def test_evidence_by_hand(wins: int, losses: int, by_hand: float) -> None:
    assert evidence(wins, losses) == pytest.approx(by_hand)
    assert evidence(losses, wins) == pytest.approx(by_hand)


def test_evidence_beyond_a_float_is_still_a_number() -> None:
    assert evidence(5000, 0) == evidence(6000, 0) > 1e300


def test_eight_in_a_row_decide_and_seven_do_not() -> None:
    """2^8 / 9 = 28.4 and 2^7 / 8 = 16, on either side of 20."""
    assert not decided(7, 0, alpha=ALPHA)
    assert decided(8, 0, alpha=ALPHA)
    assert decided(0, 8, alpha=ALPHA)


def test_the_interval_by_hand() -> None:
    """Of 8 wins: p^-8 / 9 < 20, so p > (1 / 180)^(1/8)."""
    assert always_valid(8, 0, alpha=ALPHA) == pytest.approx((180 ** (-1 / 8), 1))
    assert always_valid(0, 8, alpha=ALPHA) == pytest.approx((0, 1 - 180 ** (-1 / 8)))
    assert always_valid(0, 0, alpha=ALPHA) == (0, 1)


@given(st.integers(0, 3000), st.integers(0, 3000), st.sampled_from([0.001, 0.05, 0.3]))
def test_the_interval_leaves_out_a_half_when_the_test_decides(wins: int, losses: int, alpha: float) -> None:
    low, high = always_valid(wins, losses, alpha=alpha)
    assert 0 <= low <= high <= 1
    assert wins + losses == 0 or low <= wins / (wins + losses) <= high
    assert (low > 0.5 or high < 0.5) == decided(wins, losses, alpha=alpha)
    mirrored = always_valid(losses, wins, alpha=alpha)
    assert mirrored == pytest.approx((1 - high, 1 - low), abs=1e-9)


@cache
def ends(wins: int, losses: int) -> bool:
    return decided(wins, losses, alpha=ALPHA)


def stopped(rate: float, *, runs: int, answers: int) -> list[int | None]:
    """For each run the answer after which it stops, looking after each; None: never."""
    dice = random.Random(1)
    found: list[int | None] = []
    for _ in range(runs):
        wins = 0
        for n in range(1, answers + 1):
            wins += dice.random() < rate
            if ends(wins, n - wins):
                found.append(n)
                break
        else:
            found.append(None)
    return found


def test_of_equals_hardly_any_run_ever_stops() -> None:
    ever = [n for n in stopped(0.5, runs=2000, answers=400) if n is not None]
    assert 0 < len(ever) <= ALPHA * 2000


def test_a_clear_winner_stops_early() -> None:
    runs = stopped(0.65, runs=300, answers=400)
    ended = sorted(n for n in runs if n is not None)
    assert len(ended) > 0.98 * len(runs)
    assert ended[len(runs) // 2] < 120


def test_the_interval_holds_the_true_rate_at_all_times() -> None:
    dice, missed = random.Random(2), 0
    for _ in range(200):
        wins, held = 0, True
        for n in range(5, 125, 5):
            wins += sum(dice.random() < 0.65 for _ in range(5))
            low, high = always_valid(wins, n - wins, alpha=ALPHA)
            held = held and low <= 0.65 <= high
        missed += not held
    assert missed <= ALPHA * 200
