"""The reward losses, one a form of label: a choice of one of N responses, or a rating of the only one."""

import math

import torch.nn.functional as F
from torch import Tensor


def best_of_loss(scores: Tensor, best: Tensor) -> Tensor:
    """-mean log( exp r(x, y_b) / sum_i exp r(x, y_i) ): (B, N), (B,) -> scalar; equal scores give log N.

    Ziegler et al. 2019, arXiv 1909.08593, equation 1. It falls as the chosen response's score rises. N is 4 in the
    paper; any N >= 2 works. N = 2 is the pairwise comparison, -mean log sigmoid(r(x, y_best) - r(x, y_other)).
    """
    return F.cross_entropy(scores, best)


def rating_loss(scores: Tensor, rating: Tensor, *, levels: int = 7) -> Tensor:
    """mean (r(x, y) - z)²,  z = (rating - (levels + 1) / 2) / sqrt((levels² - 1) / 12): (B, 1), (B,) -> scalar.

    z is the rating, 1 to `levels`, standardised by its scale: spread evenly over all levels, ratings have mean 0 and
    std 1, as scores have where a training of r begins. The squared error is least where r(x, y) is the mean of the z
    that people would give (Bishop 2006, section 1.5.5), and a mean is what a policy is to raise. It takes the levels
    as equally far apart. By the scale and not by the labels at hand: r's shift and size are free, as `normalization`
    sets them afterwards, and what a label teaches then does not hang on the others.
    """
    spread = math.sqrt((levels**2 - 1) / 12)
    return F.mse_loss(scores.squeeze(-1), (rating - (levels + 1) / 2) / spread)
