"""Where responses end."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from shared.algorithms.truncate import score_or_invalid, truncate

DOT, PAD = 9, 0


@pytest.mark.parametrize(
    ("response", "ended", "valid", "length"),
    [
        ([1, 2, 3, DOT, 5], [1, 2, 3, DOT, PAD], True, 4),
        ([1, 2, DOT, DOT, 5], [1, 2, DOT, PAD, PAD], True, 3),  # at `after` itself, and the first of two
        ([1, DOT, 3, 4, DOT], [1, DOT, 3, 4, DOT], True, 5),  # one too early does not count; one at the end does
        ([DOT, DOT, 3, 4, 5], [DOT, DOT, 3, 4, 5], False, 5),  # only too early
        ([1, 2, 3, 4, 5], [1, 2, 3, 4, 5], False, 5),  # none
    ],
)
def test_by_hand(response: list[int], ended: list[int], valid: bool, length: int) -> None:
    got = truncate(torch.tensor([response]), token=DOT, after=2, pad=PAD)
    assert [part.tolist() for part in got] == [[ended], [valid], [length]]


def test_after_0_may_end_at_once() -> None:
    ended, valid, length = truncate(torch.tensor([[DOT, 1, DOT]]), token=DOT, after=0, pad=PAD)
    assert (ended.tolist(), valid.tolist(), length.tolist()) == ([[DOT, PAD, PAD]], [True], [1])


def test_nothing_is_valid_where_after_is_beyond_the_end() -> None:
    assert not truncate(torch.full((2, 4), DOT), token=DOT, after=4, pad=PAD)[1].any()


@given(st.lists(st.lists(st.integers(1, DOT), min_size=6, max_size=6), min_size=1, max_size=5), st.integers(0, 7))
def test_as_plain_python_says_it(rows: list[list[int]], after: int) -> None:
    response = torch.tensor(rows)
    ended, valid, length = truncate(response, token=DOT, after=after, pad=PAD)
    for i, row in enumerate(rows):
        ends = [t for t, token in enumerate(row) if token == DOT and t >= after]
        size = ends[0] + 1 if ends else len(row)
        assert ended[i].tolist() == row[:size] + [PAD] * (len(row) - size)
        assert (valid[i].item(), length[i].item()) == (bool(ends), size)
    assert response.tolist() == rows  # the response as it was drawn is left alone: its logprobs are still needed


def test_the_score_of_an_invalid_response_is_replaced() -> None:
    score = torch.tensor([0.5, 7.0, float("nan")])
    assert score_or_invalid(score, torch.tensor([True, False, False]), -1.0).tolist() == [0.5, -1.0, -1.0]
