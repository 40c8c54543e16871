"""Are its probabilities those of people's choices?

The normalisation sets the scale of the scores, so they are judged at the scale that suits them best.
"""

import math
from collections.abc import Sequence
from statistics import fmean

import torch
from torch import Tensor

from shared.domain import Check, LabeledQuery
from shared.settings import GateSettings
from shared.training.agreement import chosen_highest
from shared.training.gate.evidence import Evidence

BINS = 10
LARGEST = 100.0  # scale at which the least certain choice is certain: scores have a standard deviation of about 1
HALVINGS = 40
CHUNK = 100  # resamples drawn at once


def check_calibration(evidence: Evidence, settings: GateSettings, *, seed: int) -> Check:
    """The expected calibration error exceeds what chance makes it for so few labels by no more than its bound.

    What chance makes it: the `confidence` quantile of the error of a model that is right just as often as these very
    probabilities say (consistency resampling: Bröcker and Smith 2007, "Increasing the Reliability of Reliability
    Diagrams").
    """
    if not evidence.labels:
        return Check("calibration", True, "no held-out labels to measure calibration", {"labels": 0})
    scale = best_scale(evidence.scores, evidence.labels)
    p = probabilities(evidence.scores, scale)
    sure = p.amax(-1)
    right = torch.tensor(chosen_highest(evidence.scores, evidence.labels), dtype=torch.float64)
    error = float(calibration_error(right[None], sure))
    by_chance = float(_errors_by_chance(sure, settings.resamples, seed).quantile(settings.confidence))
    nll = -float(p.gather(-1, _chosen(evidence.labels)[:, None]).log().mean())
    guessing = fmean(math.log(len(label.responses)) for label in evidence.labels)
    passed = error - by_chance <= settings.calibration
    said = f"calibration error {error:.2f} at scale {scale:.2g}, NLL {nll:.2f}, of guessing {guessing:.2f}"
    if not passed:
        said += f": more than {settings.calibration:g} above the {by_chance:.2f} that chance may make it"
    figures = {"error": error, "by_chance": by_chance, "scale": scale, "nll": nll, "nll_of_guessing": guessing}
    return Check("calibration", passed, said, {**figures, "labels": len(evidence.labels)})


def probabilities(scores: Tensor, scale: float) -> Tensor:
    """p_i = softmax(scale * score)_i, 0 for responses that are not there (-inf): (L, N) -> (L, N), float64."""
    there = ~scores.isneginf()
    return (scale * _zeroed(scores)).masked_fill(~there, -torch.inf).softmax(-1)


def best_scale(scores: Tensor, labels: Sequence[LabeledQuery]) -> float:
    """The scale s >= 0 of least NLL = -mean log softmax(s * score)_best, up to LARGEST.

    The NLL is convex in s: where its slope, mean(sum_i p_i score_i - score_best), changes sign is found by halving.
    Guo et al. 2017, "On Calibration of Modern Neural Networks", section 4.2: temperature scaling, s = 1 / T.
    """
    plain = _zeroed(scores)
    said = plain.gather(-1, _chosen(labels)[:, None]).squeeze(-1)

    def slope(scale: float) -> float:
        return float(((probabilities(scores, scale) * plain).sum(-1) - said).mean())

    low, high = 0.0, LARGEST
    if slope(low) >= 0 or slope(high) <= 0:
        return low if slope(low) >= 0 else high
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if slope(middle) > 0 else (middle, high)
    return low


def calibration_error(right: Tensor, sure: Tensor) -> Tensor:
    """ECE = sum_m |B_m| / L * |accuracy(B_m) - confidence(B_m)| over BINS equal bins B_m: (R, L), (L,) -> (R,).

    `right` is 1 where the likeliest response was chosen, else 0, in each of R samples; `sure` is its probability.
    Naeini et al. 2015, "Obtaining Well Calibrated Probabilities Using Bayesian Binning"; Guo et al. 2017, equation 3.
    """
    bins = ((sure * BINS).ceil().long() - 1).clamp(0, BINS - 1)  # bin m holds (m / BINS, (m + 1) / BINS]
    member = torch.nn.functional.one_hot(bins, BINS).to(sure.dtype)  # (L, BINS)
    return ((right - sure) @ member).abs().sum(-1) / len(sure)


def _errors_by_chance(sure: Tensor, resamples: int, seed: int) -> Tensor:
    draw = torch.Generator().manual_seed(seed)
    errors = []
    for start in range(0, resamples, CHUNK):
        drawn = torch.rand(min(CHUNK, resamples - start), len(sure), generator=draw, dtype=sure.dtype)
        errors.append(calibration_error((drawn < sure).to(sure.dtype), sure))
    return torch.cat(errors)


def _chosen(labels: Sequence[LabeledQuery]) -> Tensor:
    return torch.tensor([label.best for label in labels])


def _zeroed(scores: Tensor) -> Tensor:
    """0 in place of -inf: probability 0 times -inf is no number."""
    return scores.double().masked_fill(scores.isneginf(), 0.0)
