"""Calibration at the best scale, by hand and against what chance makes of few labels."""

import math

import pytest
import torch

from shared.domain import LabeledQuery
from shared.settings import GateSettings
from shared.training.gate import Evidence
from shared.training.gate.calibration import best_scale, calibration_error, check_calibration, probabilities

GATE = GateSettings()


def labels(best: list[int], n: int = 2) -> list[LabeledQuery]:
    return [LabeledQuery(i, (1,), ((2,),) * n, b, label_id=i, policy_version=0) for i, b in enumerate(best)]


def evidence(scores: torch.Tensor, best: list[int]) -> Evidence:
    return Evidence(True, None, (1.0,), labels(best, scores.shape[1]), scores, (), torch.zeros(0, 1), None)


def test_error_of_four_by_hand() -> None:
    # 0.55 and 0.58 lie in one bin: right 1 of 2, |1 - 1.13| / 4; 0.91 and 0.95 in another: |2 - 1.86| / 4
    sure = torch.tensor([0.55, 0.58, 0.91, 0.95], dtype=torch.float64)
    right = torch.tensor([[1.0, 0.0, 1.0, 1.0]], dtype=torch.float64)
    assert calibration_error(right, sure).tolist() == pytest.approx([0.13 / 4 + 0.14 / 4])
    assert calibration_error(sure[None], sure).item() == 0


def test_the_best_scale_of_choices_three_to_one() -> None:
    # all margins are 2, three of four are right: softmax gives 3/4 where 2 s = log 3
    scores, said = torch.tensor([[2.0, 0.0]] * 4), labels([0, 0, 0, 1])
    scale = best_scale(scores, said)
    assert scale == pytest.approx(math.log(3) / 2)
    assert probabilities(scores, scale)[0].tolist() == pytest.approx([0.75, 0.25])
    found = check_calibration(evidence(scores, [0, 0, 0, 1]), GATE, seed=1)
    assert found.figures["error"] == pytest.approx(0, abs=1e-9)


def test_what_is_always_wrong_or_always_right_has_a_scale_too() -> None:
    scores = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    assert best_scale(scores, labels([1, 0])) == 0
    assert best_scale(scores, labels([0, 1])) == 100
    flipped = check_calibration(evidence(scores, [1, 0]), GATE, seed=1)
    assert flipped.figures["nll"] == flipped.figures["nll_of_guessing"] == pytest.approx(math.log(2))


def test_a_response_that_is_not_there_has_probability_0() -> None:
    scores = torch.tensor([[0.0, 0.0, -torch.inf], [0.0, 0.0, 0.0]])
    for scale in (0.0, 3.0):
        assert probabilities(scores, scale)[0].tolist() == pytest.approx([0.5, 0.5, 0])
        assert probabilities(scores, scale)[1].tolist() == pytest.approx([1 / 3] * 3)


def badly_calibrated(n: int) -> Evidence:
    """Nearly sure of half its choices and right by chance there; unsure of the others and always right."""
    scores = torch.tensor([[8.0, 0.0], [0.1, 0.0]] * (n // 2))
    return evidence(scores, [0 if i % 2 or i % 4 == 0 else 1 for i in range(n)])


def test_the_bound_allows_for_the_chance_of_few_labels() -> None:
    """The same kind of model: of many labels it is surely off, of four it may be chance."""
    settings = GateSettings(calibration=0.1)
    many, few = (check_calibration(badly_calibrated(n), settings, seed=1) for n in (200, 4))
    assert (many.passed, few.passed) == (False, True)
    assert many.figures["error"] == pytest.approx(few.figures["error"])
    assert "more than 0.1 above" in many.said


def test_a_model_that_is_calibrated_passes_the_tightest_bound() -> None:
    draw = torch.Generator().manual_seed(1)
    scores = torch.randn(60, 4, generator=draw)
    best = torch.multinomial(scores.softmax(-1), 1, generator=draw).squeeze(-1).tolist()
    assert check_calibration(evidence(scores, best), GateSettings(calibration=0.01), seed=1).passed


def test_without_labels_it_says_so() -> None:
    found = check_calibration(evidence(torch.zeros(0, 1), []), GATE, seed=1)
    assert (found.passed, found.said) == (True, "no held-out labels to measure calibration")
