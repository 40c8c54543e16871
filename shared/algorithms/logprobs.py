"""Log-probabilities of tokens under a policy at a temperature.

Temperature divides the logits everywhere: sampling, π and ρ alike (lm-human-preferences, `policy.py`).
"""

from typing import Any

import torch
from torch import Tensor

CHUNK = 2**23  # logits made at once: large enough for one matrix product, small enough to stay in a cache


def logprobs_of(logits: Tensor, tokens: Tensor, temperature: float) -> Tensor:
    """log softmax(logits / temperature) at `tokens`: (..., V), (...) -> (...) float32."""
    scaled = logits.float() / temperature  # (..., V)
    chosen = scaled.gather(-1, tokens.unsqueeze(-1)).squeeze(-1)  # (...)
    return chosen - scaled.logsumexp(-1)


def head_logprobs(
    hidden: Tensor, weight: Tensor, tokens: Tensor, temperature: float, *, banned: int, half: bool = False
) -> Tensor:
    """`logprobs_of` for logits = hidden @ weight.T, where token `banned` has none: (..., d), (V, d), (...) -> (...).

    The same numbers without the copies of the logits, the largest tensors there are: of them only
    p = softmax(logits / temperature) is kept, for the gradient. With g = dL / dlogprob of a row,
        dL/dhidden = g (weight[token] - p @ weight) / temperature
        dL/dweight = sum over rows of (onehot(token) - p)^T (g hidden) / temperature
    Forward in float32; `half` keeps p and multiplies the gradient in bfloat16.
    """
    rows: Tensor = _HeadLogprobs.apply(  # type: ignore[no-untyped-call]  # torch does not type it
        hidden.flatten(0, -2), weight, tokens.flatten(), temperature, banned, half
    )
    return rows.view(tokens.shape)


class _HeadLogprobs(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, hidden: Tensor, weight: Tensor, tokens: Tensor, temperature: float, banned: int, half: bool
    ) -> Tensor:
        needed = ctx.needs_input_grad[0] or ctx.needs_input_grad[1]
        kept, logprobs = [], []
        size = max(1, CHUNK // weight.shape[0])
        for h, chosen in zip(hidden.split(size), tokens.split(size), strict=True):
            z = (h / temperature) @ weight.t()  # (rows, V)
            z[:, banned] = -torch.inf
            z -= z.amax(-1, keepdim=True)
            logits = z.gather(-1, chosen.unsqueeze(-1)).squeeze(-1)
            total = z.exp_().sum(-1, keepdim=True)
            logprobs.append(logits - total.log().squeeze(-1))
            if needed:
                p = z.div_(total)
                kept.append(p.bfloat16() if half else p)
        ctx.temperature = temperature
        if needed:
            ctx.save_for_backward(hidden, weight, tokens, torch.cat(kept))
        return torch.cat(logprobs)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, None, None, None, None]:
        hidden, weight, tokens, p = ctx.saved_tensors
        g = (gradients[0] / ctx.temperature).unsqueeze(-1)  # (rows, 1)
        weighted = g * hidden
        to_hidden = g * (weight[tokens] - (p @ weight.to(p.dtype)).float())
        to_weight = -(p.t() @ weighted.to(p.dtype)).float()  # (V, d)
        to_weight.index_add_(0, tokens, weighted)
        return to_hidden, to_weight, None, None, None, None
