"""Log-probabilities of tokens under a policy at a temperature."""

from torch import Tensor


def logprobs_of(logits: Tensor, tokens: Tensor, temperature: float) -> Tensor:
    """log softmax(logits / temperature) at `tokens`: (B, T, V), (B, T) -> (B, T) float32.

    Temperature divides the logits everywhere: sampling, π and ρ alike (lm-human-preferences, `policy.py`).
    """
    scaled = logits.float() / temperature  # (B, T, V)
    chosen = scaled.gather(-1, tokens.unsqueeze(-1)).squeeze(-1)  # (B, T)
    return chosen - scaled.logsumexp(-1)
