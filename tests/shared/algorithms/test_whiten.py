"""Whitening by hand, and what `keep_mean` keeps."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from shared.algorithms.whiten import whiten

X = torch.tensor([[1.0], [5.0]]).repeat(4, 1)  # 8 rows: mean 3, biased variance 4 (the unbiased one is 32 / 7)


def test_by_hand() -> None:
    torch.testing.assert_close(whiten(X, keep_mean=False), torch.tensor([[-1.0], [1.0]]).repeat(4, 1))
    torch.testing.assert_close(whiten(X, keep_mean=True), torch.tensor([[2.0], [4.0]]).repeat(4, 1))


@given(st.integers(0, 2**16), st.floats(0.01, 100), st.floats(-50, 50))
def test_mean_is_kept_or_removed_and_the_biased_variance_is_1(seed: int, scale: float, shift: float) -> None:
    draw = torch.Generator().manual_seed(seed)
    x = torch.randn(8, 5, generator=draw, dtype=torch.float64) * scale + shift
    for keep_mean, mean in ((False, 0.0), (True, x.mean().item())):
        white = whiten(x, keep_mean=keep_mean)
        assert white.mean().item() == pytest.approx(mean, abs=1e-9)
        assert white.var(correction=0).item() == pytest.approx(1, rel=1e-3)


def test_mean_and_variance_are_of_all_entries_together() -> None:
    x = torch.tensor([[0.0, 10.0]]).repeat(8, 1)  # a column each would whiten to zeros
    torch.testing.assert_close(whiten(x, keep_mean=False), torch.tensor([[-1.0, 1.0]]).repeat(8, 1))


def test_1e_8_stands_inside_the_root() -> None:
    x = torch.tensor([[-1e-4], [1e-4]], dtype=torch.float64).repeat(4, 1)  # variance 1e-8, as large as epsilon
    assert whiten(x, keep_mean=False)[1].item() == pytest.approx(1 / math.sqrt(2))


def test_equal_entries_stay_finite() -> None:
    assert whiten(torch.full((8, 3), 2.0), keep_mean=False).tolist() == [[0.0] * 3] * 8
    assert whiten(torch.full((8, 3), 2.0), keep_mean=True).tolist() == [[2.0] * 3] * 8


def test_fewer_than_8_rows_are_an_error_that_says_so() -> None:
    with pytest.raises(ValueError, match="at least 8 rows, got 7"):
        whiten(torch.randn(7, 100), keep_mean=False)
