"""What would it say of what policies answered of late? Nobody uses these scores yet."""

import torch
from torch import Tensor

from shared.domain import Check
from shared.settings import GateSettings
from shared.training.gate.evidence import Evidence, there


def check_shadow(evidence: Evidence, settings: GateSettings) -> Check:
    """Scores of recent responses differ, and their mean is no stranger to ρ's, which have mean 0 and std 1."""
    if not evidence.recent:
        return Check("shadow", True, "no recent responses to score", {"responses": 0})
    given = there(evidence.recent)
    scores = evidence.shadow[given].double()
    figures: dict[str, float | None] = {"responses": len(scores), **_figures(scores)}
    if evidence.live is not None:
        figures |= {f"live_{name}": value for name, value in _figures(evidence.live.shadow[given].double()).items()}
    mean, std = float(scores.mean()), float(scores.std(correction=0))
    said = f"mean score {mean:.2f}, std {std:.2f} on {len(scores)} recent responses"
    if len(scores) > 1 and bool((scores == scores[0]).all()):
        return Check("shadow", False, f"{said}: all are equal", figures)
    if abs(mean) > settings.spread:
        return Check("shadow", False, f"{said}: the mean is beyond {settings.spread:g}", figures)
    return Check("shadow", True, said, figures)


def _figures(scores: Tensor) -> dict[str, float | None]:
    found = {"mean": scores.mean(), "std": scores.std(correction=0), "min": scores.min(), "max": scores.max()}
    return {name: float(value) for name, value in found.items() if torch.isfinite(value)}
