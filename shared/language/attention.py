"""Attention as the machine computes it best.

PyTorch's fused attention, but for bfloat16 on a CPU, where its backward pass takes about four times as long as plain
matrix products do, and one token's a third longer.
"""

from typing import Any

import torch
from torch import Tensor, nn
from transformers import AttentionInterface, AttentionMaskInterface, PreTrainedModel
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

NAME = "prefloop"
BEYOND = ("softcap", "position_bias", "s_aux")  # what some architectures ask for and plain products do not do
LONGEST = 1024  # tokens; beyond, the (L, L) weights that the products hold cost more than they save


def use_attention(model: PreTrainedModel) -> None:
    """Let the model attend by `attention`, where its architecture allows a choice."""
    if model._supports_attention_backend and model.config._attn_implementation == "sdpa":
        model.set_attn_implementation(NAME)


def attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    *,
    scaling: float | None = None,
    **others: Any,
) -> tuple[Tensor, None]:
    """softmax(query key^T scaling + mask) value: query (B, H, L, D); key, value (B, G, S, D) -> (B, L, H, D).

    G divides H. The mask is of booleans, (B, 1, L, S), True where a token is seen; None: the tokens before and itself.
    Which way is taken depends on type, device and shape alone, so that π's passes with a graph and ρ's without agree.
    """
    L, S = query.shape[2], key.shape[2]
    # Llama's rotation makes float32 of query and key, which autocast would round again within the fused attention.
    half = query.dtype is torch.bfloat16 or torch.is_autocast_enabled(query.device.type)
    plain = all(others.get(name) is None for name in BEYOND)
    if half and plain and query.device.type == "cpu" and L <= LONGEST:
        query, key, value = query.bfloat16(), key.bfloat16(), value.bfloat16()
        return _by_products(query, key, value, attention_mask, scaling or query.shape[-1] ** -0.5), None
    if attention_mask is not None and attention_mask.dtype is not torch.bool:
        raise TypeError(f"an attention mask of {attention_mask.dtype} for {L} x {S} tokens: expected booleans")
    output: tuple[Tensor, None] = sdpa_attention_forward(
        module, query, key, value, attention_mask, scaling=scaling, **others
    )
    return output


def _by_products(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, scaling: float) -> Tensor:
    B, H, L, D = query.shape
    S, groups = key.shape[2], H // key.shape[1]
    if groups > 1:
        key, value = key.repeat_interleave(groups, dim=1), value.repeat_interleave(groups, dim=1)
    if mask is None:
        mask = torch.ones(L, S, dtype=torch.bool).tril(S - L)[None, None]
    # The least finite number, not -inf: a pad token that sees nothing shall give numbers, which nobody reads.
    bias = torch.zeros(mask.shape, dtype=query.dtype).masked_fill_(~mask, torch.finfo(query.dtype).min)
    bias = bias.expand(B, H, L, S).reshape(B * H, L, S)
    weights = torch.baddbmm(
        bias, query.reshape(B * H, L, D), key.reshape(B * H, S, D).transpose(1, 2), alpha=scaling
    ).softmax(-1)
    return torch.bmm(weights, value.reshape(B * H, S, D)).view(B, H, L, D).transpose(1, 2)


AttentionInterface.register(NAME, attention)
AttentionMaskInterface.register(NAME, sdpa_mask)
