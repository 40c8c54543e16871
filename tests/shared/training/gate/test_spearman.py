import pytest
import torch

from shared.training.gate.spearman import average_ranks, interval, spearman


def test_equal_values_share_their_mean_rank() -> None:
    assert average_ranks(torch.tensor([10.0, 30.0, 20.0, 20.0])).tolist() == [1, 4, 2.5, 2.5]
    assert average_ranks(torch.tensor([5.0, 5.0, 5.0])).tolist() == [2, 2, 2]


def test_correlation_by_hand() -> None:
    # ranks (1, 2, 3, 4) and (1, 2.5, 2.5, 4), less 2.5: 4.5 / sqrt(5 * 4.5)
    x = torch.tensor([0.1, 0.2, 0.3, 0.4])
    assert spearman(x, torch.tensor([1.0, 7.0, 7.0, 90.0])) == pytest.approx(4.5 / (5 * 4.5) ** 0.5)
    assert spearman(x, x.exp()) == pytest.approx(1)
    assert spearman(x, -x) == pytest.approx(-1)


def test_without_spread_there_is_none() -> None:
    assert spearman(torch.tensor([1.0, 2.0]), torch.tensor([3.0, 3.0])) is None
    assert spearman(torch.zeros(0), torch.zeros(0)) is None


def test_bounds_close_in_as_pairs_come() -> None:
    # tanh(0 ± 1.645 sqrt(1.06 / 100))
    assert interval(0.0, 103, 0.95) == pytest.approx((-0.168, 0.168), abs=1e-3)
    assert interval(1.0, 20, 0.95)[0] > 0.999
    assert interval(1.0, 9, 0.95) == (-1, 1)  # too few
