"""The reward loss: people chose the best of N responses (Ziegler et al. 2019, arXiv 1909.08593, equation 1)."""

import torch.nn.functional as F
from torch import Tensor


def best_of_loss(scores: Tensor, best: Tensor) -> Tensor:
    """-mean log( exp r(x, y_b) / sum_i exp r(x, y_i) ): (B, N), (B,) -> scalar; equal scores give log N.

    It falls as the chosen response's score rises. N is 4 in the paper; any N >= 2 works.
    """
    return F.cross_entropy(scores, best)


def accuracy(scores: Tensor, best: Tensor) -> float:
    """Share of queries whose chosen response has the highest score; of equal scores the first counts as highest."""
    return (scores.argmax(-1) == best).float().mean().item()
