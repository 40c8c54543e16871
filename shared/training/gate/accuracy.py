"""Is it right no less often than guessing?"""

import math
from statistics import fmean

from shared.domain import Check
from shared.questions.question import Question
from shared.settings import GateSettings
from shared.training.gate.evidence import Evidence
from shared.training.reward_training import AGREEMENTS


def check_accuracy(evidence: Evidence, question: Question, settings: GateSettings) -> Check:
    """Held-out accuracy is not below chance with confidence: 1 - P(X <= correct) for X ~ Binomial(compared, chance).

    Chance is that of guessing answers to `question`: the mean one where queries differ in their number of responses.
    That errs towards publishing, for the sum of unequal chances spreads less (Hoeffding 1956).
    """
    right = AGREEMENTS[question.agreement](evidence.scores, evidence.labels)
    if not right:
        return Check("accuracy", True, f"no {question.compares} to measure accuracy", {"compared": 0})
    chance = fmean(question.chance(len(label.responses)) for label in evidence.labels)
    unlikely = binomial_cdf(sum(right), len(right), chance)
    passed = unlikely >= 1 - settings.confidence
    said = f"{sum(right)} of {len(right)} {question.compares} right, chance {chance:.0%}"
    if not passed:
        said += f": below chance (p = {unlikely:.2g})"
    return Check("accuracy", passed, said, {"correct": sum(right), "compared": len(right), "chance": chance})


def binomial_cdf(k: int, n: int, p: float) -> float:
    """P(X <= k) for X ~ Binomial(n, p), summed term by term in logarithms."""
    log = [
        math.lgamma(n + 1) - math.lgamma(i + 1) - math.lgamma(n - i + 1) + i * math.log(p) + (n - i) * math.log1p(-p)
        for i in range(k + 1)
    ]
    return math.fsum(map(math.exp, log))
