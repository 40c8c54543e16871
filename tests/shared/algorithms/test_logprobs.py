"""Log-probabilities by hand and against torch's own log_softmax."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from shared.algorithms import logprobs as module
from shared.algorithms.logprobs import head_logprobs, logprobs_of

LOGITS = torch.tensor([[[0.0, 0.0], [3.0, 1.0]]]).log1p()  # log of [1, 1] and [4, 2]: odds 1:1 and 2:1


def test_by_hand() -> None:
    logprobs = logprobs_of(LOGITS, torch.tensor([[0, 1]]), 1.0)
    torch.testing.assert_close(logprobs.exp(), torch.tensor([[1 / 2, 1 / 3]]))


def test_temperature_divides_the_logits() -> None:
    # at temperature 0.5 odds are squared: 2:1 becomes 4:1
    logprobs = logprobs_of(LOGITS, torch.tensor([[0, 1]]), 0.5)
    torch.testing.assert_close(logprobs.exp(), torch.tensor([[1 / 2, 1 / 5]]))


@given(st.integers(0, 2**16), st.floats(0.1, 3))
def test_is_log_softmax(seed: int, temperature: float) -> None:
    draw = torch.Generator().manual_seed(seed)
    logits, tokens = torch.randn(2, 3, 11, generator=draw), torch.randint(11, (2, 3), generator=draw)
    expected = (logits / temperature).log_softmax(-1).gather(-1, tokens[..., None])[..., 0]
    torch.testing.assert_close(logprobs_of(logits, tokens, temperature), expected, rtol=1e-4, atol=1e-5)


def test_half_precision_logits_give_float32() -> None:
    logprobs = logprobs_of(
        torch.full((1, 1, 1000), 8.0, dtype=torch.bfloat16), torch.zeros(1, 1, dtype=torch.long), 1.0
    )
    assert logprobs.dtype == torch.float32
    assert logprobs.item() == pytest.approx(-6.9078, abs=1e-4)  # -log 1000


def test_a_token_that_cannot_be_drawn_leaves_gradients_finite() -> None:
    logits = torch.tensor([[[0.5, -0.5, -torch.inf]]], requires_grad=True)  # as the pad token's logit is
    logprobs_of(logits, torch.tensor([[0]]), 0.7).sum().backward()
    assert logits.grad is not None
    assert logits.grad.isfinite().all()
    assert logits.grad[0, 0, 0] > 0 > logits.grad[0, 0, 1]


def test_a_head_by_hand() -> None:
    """d = 1, hidden log 2, weights 0, 1, 5 with token 2 banned: odds 1:2 at temperature 1, 1:4 at a half."""
    hidden, weight = torch.tensor([[2.0]]).log(), torch.tensor([[0.0], [1.0], [5.0]])
    for temperature, probability in ((1.0, 2 / 3), (0.5, 4 / 5)):
        found = head_logprobs(hidden, weight, torch.tensor([1]), temperature, banned=2)
        assert found.exp().item() == pytest.approx(probability)


@pytest.mark.parametrize("half", [False, True])
@pytest.mark.parametrize("chunk", [2**23, 30])  # all rows at once, or two rows of the 13 tokens
def test_a_heads_gradients_are_autograds(monkeypatch: pytest.MonkeyPatch, half: bool, chunk: int) -> None:
    monkeypatch.setattr(module, "CHUNK", chunk)
    draw = torch.Generator().manual_seed(1)
    hidden = torch.randn(2, 5, 8, generator=draw, requires_grad=True)
    weight = torch.randn(13, 8, generator=draw, requires_grad=True)
    tokens, outer = torch.randint(12, (2, 5), generator=draw), torch.randn(2, 5, generator=draw)
    logits = (hidden @ weight.t()).index_fill(-1, torch.tensor([12]), -torch.inf)
    expected = logprobs_of(logits, tokens, 0.7)
    found = head_logprobs(hidden, weight, tokens, 0.7, banned=12, half=half)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)
    ours = torch.autograd.grad((outer * found).sum(), [hidden, weight])
    theirs = torch.autograd.grad((outer * expected).sum(), [hidden, weight])
    tolerance = 0.05 if half else 1e-5
    for one, two in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, two, atol=tolerance, rtol=tolerance)
