"""Rows of tokens as tensors: queries padded on the left, responses on the right."""

from collections.abc import Sequence

import torch
from torch import Tensor

from shared.language.tokens import left_pad


def queries(rows: Sequence[Sequence[int]], *, pad_id: int, length: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Queries as (tokens (B, Q), mask (B, Q)), padded on the left to `length`."""
    tokens, mask = left_pad(rows, pad_id=pad_id, length=length)
    return tokens.to(device), mask.to(device)


def responses(
    rows: Sequence[Sequence[int]], *, pad_id: int, length: int, device: torch.device
) -> tuple[Tensor, Tensor]:
    """Responses as (tokens (B, T), length (B,)), padded on the right to `length`."""
    tokens = torch.full((len(rows), length), pad_id, dtype=torch.long)
    for i, row in enumerate(rows):
        tokens[i, : len(row)] = torch.tensor(row, dtype=torch.long)
    return tokens.to(device), torch.tensor([len(row) for row in rows], device=device)
