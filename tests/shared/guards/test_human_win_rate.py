"""The guard for a flipped sign: how soon it stops, and how seldom without cause."""

import random

import pytest

from shared.guards.evidence import Evaluation, Evidence
from shared.guards.human_win_rate import look, running_tests
from shared.settings import GuardSettings

WON, LOST = (Evaluation(1, won, 0.5) for won in (True, False))


def stopped_after(labels: list[Evaluation], settings: GuardSettings) -> int | None:
    """Looked at after every label: how many there were when it stopped."""
    looks = (n for n in range(1, len(labels) + 1) if look(Evidence(evaluations=labels[:n]), settings) is not None)
    return next(looks, None)


def drawn(rate: float, n: int, dice: random.Random) -> list[Evaluation]:
    return [WON if dice.random() < rate else LOST for _ in range(n)]


def test_one_win_in_ten_is_caught_within_a_third_of_a_window() -> None:
    labels = [WON if n % 10 == 3 else LOST for n in range(60)]
    assert stopped_after(labels, GuardSettings()) == 20
    reason = look(Evidence(evaluations=labels[:20]), GuardSettings())
    assert reason is not None
    assert "in 2 of the newest 20 evaluation labels: surely below the 50% of blind choice" in reason


def test_a_change_late_in_a_long_run_is_caught_within_a_window_of_it() -> None:
    good = [WON, LOST] * 300  # by them alone the next window would hardly matter
    for before in range(600, 660, 7):
        labels = [*good, *good][:before] + [WON if n % 10 == 3 else LOST for n in range(60)]
        at = stopped_after(labels, GuardSettings())
        assert at is not None
        assert before < at <= before + 60


@pytest.mark.parametrize("labels", [[], [WON] * 200, [WON, LOST] * 200, [LOST] * 5])
def test_no_stop_without_cause(labels: list[Evaluation]) -> None:
    assert stopped_after(labels, GuardSettings()) is None


def test_chance_is_that_of_what_was_shown() -> None:
    of_three = [Evaluation(1, n % 3 == 0, 1 / 3) for n in range(60)]  # two of three responses were the reference's
    assert stopped_after(of_three, GuardSettings()) is None


def test_two_tests_run_at_a_time_and_each_lasts_a_window() -> None:
    labels = [WON] * 100
    assert [(number, len(theirs)) for number, theirs in running_tests(labels[:60], 60)] == [(2, 30), (1, 60)]
    assert [(number, len(theirs)) for number, theirs in running_tests(labels[:61], 60)] == [(3, 1), (2, 31)]
    assert [(number, len(theirs)) for number, theirs in running_tests(labels[:3], 1)] == [(3, 1)]


def test_an_honest_policy_is_stopped_in_no_more_runs_than_the_confidence_says() -> None:
    """150 policies that people choose as often as the reference, looked at after each of 400 labels."""
    dice, settings = random.Random(5), GuardSettings(confidence=0.9, window=40)
    stopped = [stopped_after(drawn(0.5, 400, dice), settings) for _ in range(150)]
    assert sum(at is not None for at in stopped) <= 0.1 * len(stopped)
    flipped = [stopped_after(drawn(0.1, 40, dice), settings) for _ in range(50)]
    assert sum(at is not None for at in flipped) == 50  # and that is not for being blind
