"""The paired bootstrap over queries: sure where it may be, not before."""

import pytest

from shared.training.gate.bootstrap import upper_bound


def upper(differences: list[int], queries: list[int] | None = None, *, resamples: int = 2000, seed: int = 1) -> float:
    of = list(range(len(differences))) if queries is None else queries
    return upper_bound(differences, of, resamples=resamples, confidence=0.95, seed=seed)


def test_one_query_by_hand() -> None:
    """Two to draw two of: the one given, -1, and the one put in, 1. A quarter of all samples has mean 1."""
    assert upper([-1]) == 1.0
    assert upper_bound([-1], [7], resamples=2000, confidence=0.7, seed=1) == 0.0
    assert upper_bound([-1], [7], resamples=2000, confidence=0.2, seed=1) == -1.0


@pytest.mark.parametrize("n", [1, 5, 200])
def test_identical_models_are_never_worse(n: int) -> None:
    assert upper([0] * n) >= 0


def test_one_that_is_clearly_worse_is_surely_so() -> None:
    assert upper([-1] * 15 + [1] * 2 + [0] * 28) < -0.1
    assert upper([1] * 15 + [-1] * 2 + [0] * 28) > 0.3


def test_three_of_ten_against_it_are_no_proof_and_seven_are() -> None:
    """The sign test says 1/8 of the three, and 1/128 of the seven."""
    assert upper([-1] * 3 + [0] * 7) >= 0
    assert upper([-1] * 7 + [0] * 3) < 0


def test_many_answers_to_one_query_are_one_query() -> None:
    alone = [-1] * 8 + [0] * 8
    assert upper(alone) < 0
    assert upper(alone, [0] * 8 + list(range(1, 9))) >= 0


def test_a_seed_gives_the_same_bound() -> None:
    differences = [-1, 1, 0, 0, -1, 1, -1] * 5
    assert upper(differences, seed=2) == upper(differences, seed=2)
    assert {upper(differences, seed=seed, resamples=100) for seed in range(5)} != {upper(differences, seed=2)}
