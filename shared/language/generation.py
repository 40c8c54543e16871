"""Sampling responses: prefill once, then one token a step from the full softmax, never an early stop.

Not transformers' `generate`: it fills what it is not told from the model's own generation settings.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import DynamicCache

from shared.domain import LoopError
from shared.language.policy import Policy
from shared.language.precision import half_linears
from shared.language.tokens import positions


@dataclass(frozen=True, slots=True)
class Sampled:
    """response (B, N, T), and the logprobs (B, N, T) with which its tokens were drawn."""

    response: Tensor
    logprobs: Tensor


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
    """`repeat` responses to each query: (B, Q), (B, Q) -> (B, repeat, length).

    The queries are read once, whatever `repeat` is. The same generator state gives the same tokens.
    Raises LoopError where query and response are longer than the model can read.
    """
    return sample_with_logprobs(
        policy, query, query_mask, length=length, temperature=temperature, generator=generator, repeat=repeat
    ).response


@torch.no_grad()
def sample_with_logprobs(
    policy: Policy,
    query: Tensor,
    query_mask: Tensor,
    *,
    length: int,
    temperature: float,
    generator: torch.Generator,
    repeat: int = 1,
) -> Sampled:
    """`sample`, with the probabilities it drew by."""
    _require_room(policy, query.shape[1], length)
    mask = query_mask
    position = positions(mask)
    tokens, logprobs = [], []
    with (
        half_linears(policy.trunk, enabled=policy.autocast),
        torch.autocast(policy.device.type, torch.bfloat16, enabled=policy.autocast),
    ):
        cache = DynamicCache(config=policy.model.config)  # filled in place
        out = policy.trunk(
            input_ids=query, attention_mask=mask.long(), position_ids=position, cache=cache, use_cache=True
        )
        hidden, position = out.last_hidden_state[:, -1], position[:, -1:]
        if repeat > 1:
            cache.batch_repeat_interleave(repeat)
            hidden, mask, position = (x.repeat_interleave(repeat, 0) for x in (hidden, mask, position))
        present = mask.new_ones((mask.shape[0], 1))
        for step in range(1, length + 1):
            with torch.autocast(policy.device.type, enabled=False):
                token, logprob = draw(policy.logits(hidden.float()), temperature, generator)
            tokens.append(token)
            logprobs.append(logprob)
            if step == length:
                break
            mask = torch.cat([mask, present], dim=1)
            out = policy.trunk(
                input_ids=token.unsqueeze(1),
                attention_mask=mask[:, None, None],  # (B, 1, 1, S): what is seen, ready made
                position_ids=position + step,
                cache=cache,
                use_cache=True,
            )
            hidden = out.last_hidden_state[:, -1]
    shape = (query.shape[0], repeat, length)
    return Sampled(torch.stack(tokens, dim=1).view(shape), torch.stack(logprobs, dim=1).view(shape))


def draw(logits: Tensor, temperature: float, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """One token a row from softmax(logits / temperature), by inverting its distribution function.

    (B, V) -> token (B,), its logprob (B,).
    """
    p = (logits / temperature).softmax(-1)  # (B, V)
    cdf = p.cumsum(-1)
    total = cdf[:, -1:].contiguous()
    u = torch.rand(total.shape, generator=generator, device=logits.device) * total
    # u can round up to the total: the last token with any mass is the furthest that may be drawn
    token = torch.minimum(torch.searchsorted(cdf, u, right=True), torch.searchsorted(cdf, total))
    return token.squeeze(1), p.gather(1, token).squeeze(1).log()


def _require_room(policy: Policy, query: int, length: int) -> None:
    """A sliding window bounds it too: the masks that prefloop makes know of none."""
    config = policy.model.config
    rooms = [getattr(config, name, None) for name in ("max_position_embeddings", "sliding_window")]
    room = min((room for room in rooms if room is not None), default=query + length)
    if query + length > room:
        raise LoopError(
            f"task.query_tokens ({query}) and task.response_tokens ({length}) are more than the {room} tokens this "
            "model reads; lower them or choose another model"
        )
