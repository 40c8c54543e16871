"""Normalising a reward model, so that β keeps its meaning over retrainings (Ziegler et al. 2019, section 2)."""

from torch import Tensor


def normalization(scores: Tensor, gain: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
    """New (gain, bias) that give these scores (B,) mean 0 and population std 1, where score = gain * head + bias.

    With m, s the scores' mean and std:  gain' = gain / s,  bias' = (bias - m) / s.
    Raises ValueError where all scores are equal, or not finite.
    """
    mean, std = scores.mean(), scores.std(correction=0)
    if not std.isfinite() or std <= 0:
        raise ValueError(f"scores of {len(scores)} responses cannot be normalised: mean {mean:.3g}, std {std:.3g}")
    return gain / std, (bias - mean) / std
