"""Is every number a number?"""

import math

import torch

from shared.domain import Check
from shared.training.gate.evidence import Evidence, there


def check_finite(evidence: Evidence) -> Check:
    """Parameters, losses and all scores are finite, and the scores could be normalised: they differ."""
    bad = sum(
        int((~torch.isfinite(scores[there(answered)])).sum())
        for scores, answered in ((evidence.scores, evidence.labels), (evidence.shadow, evidence.recent))
        if answered
    )
    faults = []
    if not evidence.finite:
        faults.append("a parameter is not finite")
    if not all(map(math.isfinite, evidence.losses)):
        faults.append("the loss was not finite")
    if bad:
        faults.append(f"{bad} scores are not finite")
    if evidence.fault is not None:
        faults.append(evidence.fault)
    said = "; ".join(faults) or "parameters, losses and scores are finite"
    return Check("finite", not faults, said, {"scores_not_finite": bad})
