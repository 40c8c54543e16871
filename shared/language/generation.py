"""Sampling responses: prefill once, then one token a step from the full softmax, never an early stop.

Not transformers' `generate`: it fills what it is not told from the model's own generation settings.
"""

import torch
from torch import Tensor
from transformers import DynamicCache

from shared.domain import LoopError
from shared.language.policy import Policy
from shared.language.tokens import positions


@torch.no_grad()
def sample(
    policy: Policy,
    query: Tensor,
    query_mask: Tensor,
    *,
    length: int,
    temperature: float,
    generator: torch.Generator,
    repeat: int = 1,
) -> Tensor:
    """`repeat` responses to each query: (B, Q), (B, Q) -> (B * repeat, length); row i * repeat + j answers query i.

    The queries are read once, whatever `repeat` is. The same generator state gives the same tokens.
    Raises LoopError where query and response are longer than the model can read.
    """
    _require_room(policy, query.shape[1], length)
    mask = query_mask
    position = positions(mask)
    cache = DynamicCache(config=policy.model.config)  # filled in place
    with torch.autocast(policy.device.type, torch.bfloat16, enabled=policy.autocast):
        out = policy.trunk(
            input_ids=query,
            attention_mask=mask.long(),
            position_ids=position,
            cache=cache,
            use_cache=True,
        )
    hidden = out.last_hidden_state[:, -1].float()  # (B, d)
    next_position = position[:, -1:] + 1
    if repeat > 1:
        cache.batch_repeat_interleave(repeat)
        hidden, mask, next_position = (x.repeat_interleave(repeat, 0) for x in (hidden, mask, next_position))
    present = mask.new_ones((mask.shape[0], 1))
    response = []
    for step in range(length):
        token = draw(policy.logits(hidden), temperature, generator)
        response.append(token)
        if step == length - 1:
            break
        mask = torch.cat([mask, present], dim=1)
        with torch.autocast(policy.device.type, torch.bfloat16, enabled=policy.autocast):
            out = policy.trunk(
                input_ids=token.unsqueeze(1),
                attention_mask=mask.long(),
                position_ids=next_position + step,
                cache=cache,
                use_cache=True,
            )
        hidden = out.last_hidden_state[:, -1].float()
    return torch.stack(response, dim=1)


def draw(logits: Tensor, temperature: float, generator: torch.Generator) -> Tensor:
    """One token a row from softmax(logits / temperature), by inverting its distribution function: (B, V) -> (B,)."""
    cdf = (logits / temperature).softmax(-1).cumsum(-1)  # (B, V)
    total = cdf[:, -1:].contiguous()
    u = torch.rand(total.shape, generator=generator, device=logits.device) * total
    # u can round up to the total: the last token with any mass is the furthest that may be drawn
    token = torch.minimum(torch.searchsorted(cdf, u, right=True), torch.searchsorted(cdf, total))
    return token.squeeze(1)


def _require_room(policy: Policy, query: int, length: int) -> None:
    room = getattr(policy.model.config, "max_position_embeddings", None)
    if room is not None and query + length > room:
        raise LoopError(
            f"task.query_tokens ({query}) and task.response_tokens ({length}) are more than the {room} tokens this "
            "model reads; lower them or choose another model"
        )
