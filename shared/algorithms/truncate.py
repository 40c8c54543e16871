"""Where a response ends, and what one without a proper end scores (lm-human-preferences, `lm_tasks.py`)."""

import torch
from torch import Tensor


def truncate(response: Tensor, *, token: int, after: int, pad: int) -> tuple[Tensor, Tensor, Tensor]:
    """End each response after its first `token` at index >= `after`.

    (..., T) -> response (..., T), valid (...), length (...), the end token counted.
    What follows becomes `pad`. valid: there is such a token; where there is none the response stays whole and its
    length is T.
    """
    index = torch.arange(response.shape[-1], device=response.device)  # (T,)
    ends = (response == token) & (index >= after)  # (..., T)
    valid = ends.any(-1)
    length = torch.where(valid, ends.int().argmax(-1) + 1, response.shape[-1])
    return response.masked_fill(index >= length.unsqueeze(-1), pad), valid, length


def score_or_invalid(score: Tensor, valid: Tensor, invalid_score: float) -> Tensor:
    """The score *becomes* `invalid_score` where a response is not valid (replaced, not subtracted): (...) -> (...)."""
    return torch.where(valid, score, torch.full_like(score, invalid_score))
