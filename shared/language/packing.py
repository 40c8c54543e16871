"""N responses of one query behind one shared copy of it: what is read once need not be read N times.

A response sees the query and itself, never the other responses, at the positions it would have alone. So hidden states,
and the gradients through them, are those of N rows that each hold the query and one response.
"""

from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from shared.language.tokens import positions

SHARED = -1  # the block that every token may see: the query


@dataclass(frozen=True, slots=True)
class Packed:
    """tokens, position (B, L), L = Q + N * T: the query, then the responses one after another.

    mask: (B, L) where a token is present, if N is 1; else (B, 1, L, L), [b, 0, i, j]: token i sees token j.
    """

    tokens: Tensor
    position: Tensor
    mask: Tensor


def pack(query: Tensor, query_mask: Tensor, response: Tensor) -> Packed:
    """query, query_mask (B, Q), padded on the left; response (B, N, T).

    What a response holds after its end needs no mask: nothing that is read comes after it.
    """
    B, N, T = response.shape
    tokens = torch.cat([query, response.flatten(1)], dim=1)
    present = torch.cat([query_mask, query_mask.new_ones(B, T)], dim=1)
    position = positions(present)  # of the query and of any one response
    if N == 1:
        return Packed(tokens, position, present.long())
    Q = query.shape[1]
    position = torch.cat([position[:, :Q], position[:, Q:].repeat(1, N)], dim=1)
    visible, diagonal = _structure(Q, N, T, query.device)
    key = torch.cat([query_mask, query_mask.new_ones(B, N * T)], dim=1)
    # Pad tokens see themselves: an attention over nothing is not a number.
    return Packed(tokens, position, (visible & key[:, None, :] | diagonal).unsqueeze(1))


@lru_cache(maxsize=8)
def _structure(Q: int, N: int, T: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Who may see whom, (L, L), and the diagonal."""
    block = torch.cat([torch.full((Q,), SHARED), torch.arange(N).repeat_interleave(T)]).to(device)
    causal = torch.ones(len(block), len(block), dtype=torch.bool, device=device).tril()
    visible = causal & ((block == SHARED) | (block == block[:, None]))
    return visible, torch.eye(len(block), dtype=torch.bool, device=device)
