"""Strengths that can be checked by hand, and by simulation."""

import math
import random

import pytest

from shared.quality.leaderboard import Contest, Standing, leaderboard


def by_name(contests: list[Contest]) -> dict[int | str, Standing]:
    return {one.contestant: one for one in leaderboard(contests)}


def test_nobody_was_compared() -> None:
    assert leaderboard([]) == []
    assert leaderboard([Contest(1, 0, 0, 0)]) == []


def test_one_contest_by_hand() -> None:
    """Odds (30 + 1/2) / (10 + 1/2), and 1 / (n p (1 - p)) is the variance of their logarithm."""
    found = by_name([Contest(1, 0, 30, 10)])
    p = 30.5 / 41
    assert found[1].rate == pytest.approx(p, abs=1e-4)
    spread = 1.96 / math.sqrt(41 * p * (1 - p))
    odds = [math.exp(math.log(p / (1 - p)) + sign * spread) for sign in (-1, 1)]
    assert found[1].interval == pytest.approx([odd / (1 + odd) for odd in odds], abs=1e-3)
    assert found[0] == Standing(0, 40, 0.5, (0.5, 0.5))
    assert by_name([Contest(0, 1, 10, 30)])[1].rate == pytest.approx(p, abs=1e-4)


def test_who_won_always_is_strong_but_not_infinitely_so() -> None:
    found = by_name([Contest(1, 0, 8, 0)])
    assert found[1].rate == pytest.approx(8.5 / 9, abs=1e-4)
    assert found[1].interval is not None
    assert found[1].interval[0] < 0.9


def test_strengths_add_up_along_a_chain() -> None:
    """Odds of 3 over ρ, and of 3 over that: 9 over ρ, known the less the longer the chain."""
    found = leaderboard([Contest(1, 0, 299, 99), Contest(2, 1, 299, 99)])
    assert [one.contestant for one in found] == [2, 1, 0]
    assert [one.rate for one in found] == pytest.approx([0.9, 0.75, 0.5], abs=1e-2)
    widths = [math.log(high / (1 - high)) - math.log(low / (1 - low)) for _, _, _, (low, high) in map(parts, found[:2])]
    assert widths[0] == pytest.approx(math.sqrt(2) * widths[1], rel=1e-2)


def parts(one: Standing) -> tuple[int | str, int, float, tuple[float, float]]:
    assert one.rate is not None
    assert one.interval is not None
    return one.contestant, one.labels, one.rate, one.interval


def test_what_no_chain_connects_with_the_reference_policy_is_undefined_and_last() -> None:
    found = leaderboard([Contest(3, "summaries.jsonl", 5, 1), Contest(1, 0, 2, 8)])
    assert [one.contestant for one in found][:2] == [0, 1]
    assert {(one.contestant, one.labels, one.rate) for one in found[2:]} == {(3, 6, None), ("summaries.jsonl", 6, None)}


def test_choices_among_four_count_by_chance() -> None:
    """Of three responses two are π's: blind choices take one of them two times in three, which is no strength."""
    found = by_name([Contest(1, 0, 400, 200, chance=2 / 3)])
    assert found[1].rate == pytest.approx(0.5, abs=2e-3)


def test_it_finds_the_strengths_that_made_the_labels() -> None:
    dice = random.Random(1)
    truth: dict[int | str, float] = {0: 0.0, 1: 0.6, 2: 1.1, "people": 1.6}

    def met(first: int | str, second: int | str, n: int) -> Contest:
        p = 1 / (1 + math.exp(truth[second] - truth[first]))
        wins = sum(dice.random() < p for _ in range(n))
        return Contest(first, second, wins, n - wins)

    found = leaderboard([met(1, 0, 400), met(2, 0, 400), met(2, 1, 400), met(2, "people", 400)])
    assert [one.contestant for one in found] == ["people", 2, 1, 0]
    for name, _, _, (low, high) in map(parts, found):
        assert low <= 1 / (1 + math.exp(-truth[name])) <= high
