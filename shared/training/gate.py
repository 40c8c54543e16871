"""Whether a trained reward model may score episodes. (Comparison with the live one is not made here.)"""

import math
from dataclasses import dataclass

import torch

from shared.domain import RewardStatus
from shared.questions.best_of import BEST_OF
from shared.questions.question import Question
from shared.training.reward_training import RewardTraining

CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Verdict:
    status: RewardStatus
    reason: str


def judge(training: RewardTraining, *, question: Question = BEST_OF) -> Verdict:
    """Reject a model that is not finite, or whose held-out accuracy is below chance with confidence.

    Chance is that of guessing answers to `question`: the mean one where queries differ in their number of responses.
    That errs towards publishing, for the sum of unequal chances spreads less (Hoeffding 1956).
    """
    if not all(bool(torch.isfinite(p).all()) for p in training.model.parameters()):
        return Verdict(RewardStatus.REJECTED, "a parameter is not finite")
    if not all(map(math.isfinite, training.losses)):
        return Verdict(RewardStatus.REJECTED, "the loss was not finite")
    if training.compared == 0 or training.chance is None:
        return Verdict(RewardStatus.PUBLISHED, f"finite; no {question.compares} to measure accuracy")
    unlikely = binomial_cdf(training.correct, training.compared, training.chance)
    said = f"{training.correct} of {training.compared} {question.compares} right, chance {training.chance:.0%}"
    if unlikely < 1 - CONFIDENCE:
        return Verdict(RewardStatus.REJECTED, f"{said}: below chance (p = {unlikely:.2g})")
    return Verdict(RewardStatus.PUBLISHED, said)


def binomial_cdf(k: int, n: int, p: float) -> float:
    """P(X <= k) for X ~ Binomial(n, p), summed term by term in logarithms."""
    log = [
        math.lgamma(n + 1) - math.lgamma(i + 1) - math.lgamma(n - i + 1) + i * math.log(p) + (n - i) * math.log1p(-p)
        for i in range(k + 1)
    ]
    return math.fsum(map(math.exp, log))
