"""How far K reward heads are from agreeing on what people will answer: the questions with most are asked first."""

import torch
from torch import Tensor


def choice_disagreement(scores: Tensor) -> Tensor:
    """H[mean_k p_k] - mean_k H[p_k],  p_k = softmax of head k's scores,  H[p] = -sum_i p_i log p_i: (K, B, N) -> (B,).

    The information in nats that the answer to a query has about which head is right: Houlsby et al. 2011, "Bayesian
    Active Learning for Classification and Preference Learning", arXiv 1112.5745, equation 2, with the heads as samples
    of the posterior. 0 where all heads agree, be they sure or not: of a query that every head calls even, an answer
    says something of people's taste for chance only. At most log min(K, N).
    """
    log_p = scores.log_softmax(-1)
    p = log_p.exp()
    of_mean = torch.special.entr(p.mean(0)).sum(-1)
    information: Tensor = of_mean - torch.special.entr(p).sum(-1).mean(0)
    return information.clamp(min=0)


def rating_disagreement(scores: Tensor) -> Tensor:
    """mean_k (r_k - mean_k r_k)²: (K, B, 1) -> (B,), 0 where all heads agree.

    The choice's counterpart for a rating taken as Gaussian about the score, with one spread for all heads: then the
    information grows with the variance of the heads' scores, and orders queries as the variance does (MacKay 1992,
    "Information-Based Objective Functions for Active Data Selection").
    """
    return scores.squeeze(-1).var(0, correction=0)
