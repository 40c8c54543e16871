import math
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from shared.domain import RewardStatus
from shared.questions.rating import RATING
from shared.training.gate import binomial_cdf, judge


def training(
    *, correct: int = 30, compared: int = 100, chance: float = 1 / 4, weight: float = 1.0, loss: float = 1.2
) -> Any:
    model = torch.nn.Linear(1, 1)
    torch.nn.init.constant_(model.weight, weight)
    return SimpleNamespace(model=model, correct=correct, compared=compared, chance=chance, losses=(1.4, loss))


def test_binomial_by_hand() -> None:
    # two tosses of a coin: no head 1/4, at most one head 3/4
    assert binomial_cdf(0, 2, 0.5) == pytest.approx(0.25)
    assert binomial_cdf(1, 2, 0.5) == pytest.approx(0.75)
    assert binomial_cdf(2, 2, 0.5) == pytest.approx(1.0)


def test_a_sound_model_is_published() -> None:
    verdict = judge(training(correct=45))
    assert verdict.status is RewardStatus.PUBLISHED
    assert verdict.reason == "45 of 100 held-out labels right, chance 25%"


def test_slightly_below_chance_is_not_yet_evidence() -> None:
    assert judge(training(correct=22)).status is RewardStatus.PUBLISHED


def test_a_flipped_model_is_rejected() -> None:
    # P(X <= 10) for X ~ Binomial(100, 1/4) is 0.00014
    verdict = judge(training(correct=10))
    assert verdict.status is RewardStatus.REJECTED
    assert "below chance" in verdict.reason


def test_what_is_right_by_chance_is_the_trainings_own() -> None:
    assert judge(training(correct=30)).status is RewardStatus.PUBLISHED
    assert judge(training(correct=30, chance=1 / 2)).status is RewardStatus.REJECTED


def test_it_says_what_was_compared() -> None:
    """The one response of a rated query could not be guessed wrong: chance is that of the order of two."""
    rated = judge(training(correct=45, chance=1 / 2), question=RATING)
    assert (rated.status, rated.reason) == (
        RewardStatus.PUBLISHED,
        "45 of 100 pairs of held-out ratings right, chance 50%",
    )
    nothing = judge(training(correct=0, compared=0), question=RATING)
    assert nothing.reason == "finite; no pairs of held-out ratings to measure accuracy"


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_what_is_not_finite_is_rejected(bad: float) -> None:
    assert judge(training(weight=bad)).reason == "a parameter is not finite"
    assert judge(training(loss=bad)).reason == "the loss was not finite"


def test_without_held_out_labels_it_says_so() -> None:
    verdict = judge(training(correct=0, compared=0))
    assert verdict.status is RewardStatus.PUBLISHED
    assert "no held-out labels" in verdict.reason
