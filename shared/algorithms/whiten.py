"""Whitening of rewards and advantages."""

import torch
from torch import Tensor

EPSILON = 1e-8
LEAST_ROWS = 8


def whiten(x: Tensor, *, keep_mean: bool) -> Tensor:
    """(x - mean) / sqrt(var + 1e-8) over all entries, with the biased variance; `keep_mean` adds the mean again.

    Shape (B, T) with B >= 8 rows, else ValueError: over fewer the variance is mostly noise.
    (lm-human-preferences, `core.whiten`, whose `shift_mean=False` is `keep_mean=True` here.)
    """
    if x.shape[0] < LEAST_ROWS:
        raise ValueError(f"whiten needs at least {LEAST_ROWS} rows, got {x.shape[0]}: raise ppo.batch")
    mean = x.mean()
    white = (x - mean) * torch.rsqrt(x.var(correction=0) + EPSILON)
    return white + mean if keep_mean else white
