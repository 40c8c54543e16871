"""Rows of tokens as tensors: queries padded on the left, responses on the right."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from shared.language.tokens import left_pad
from shared.settings import TaskSettings
from shared.tasks.task import Task


@dataclass(frozen=True, slots=True)
class Queries:
    """B queries, padded on the left: what r reads, (B, Q), and what π and ρ read, (B, C): the task's context."""

    query: Tensor
    query_mask: Tensor
    context: Tensor
    context_mask: Tensor


def queries(rows: Sequence[Sequence[int]], *, pad_id: int, length: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Queries as (tokens (B, Q), mask (B, Q)), padded on the left to the longest of them, at most `length`."""
    tokens, mask = left_pad(rows, pad_id=pad_id, length=min(length, max(map(len, rows))))
    return tokens.to(device), mask.to(device)


def with_context(
    rows: Sequence[tuple[int, ...]], task: Task, settings: TaskSettings, *, pad_id: int, device: torch.device
) -> Queries:
    """Queries as r reads them, and as π and ρ do."""
    query, mask = queries(rows, pad_id=pad_id, length=settings.query_tokens, device=device)
    contexts = [task.context(row) for row in rows]
    if contexts == list(rows):
        return Queries(query, mask, query, mask)
    return Queries(query, mask, *queries(contexts, pad_id=pad_id, length=task.context_tokens, device=device))


def responses(
    rows: Sequence[Sequence[int]], *, pad_id: int, length: int, device: torch.device
) -> tuple[Tensor, Tensor]:
    """Responses as (tokens (B, T), length (B,)), padded on the right to `length`."""
    tokens = torch.full((len(rows), length), pad_id, dtype=torch.long)
    for i, row in enumerate(rows):
        tokens[i, : len(row)] = torch.tensor(row, dtype=torch.long)
    return tokens.to(device), torch.tensor([len(row) for row in rows], device=device)
