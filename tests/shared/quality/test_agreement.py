"""Agreement, by hand and by its laws."""

import random

import pytest

from shared.intervals import wilson
from shared.quality.agreement import agreement, alpha, overlap
from shared.quality.labels import NONE
from tests.shared.quality.rows import label, said

X = None
# Krippendorff 2011, "Computing Krippendorff's Alpha-Reliability", section C: four observers, twelve units.
PUBLISHED = (
    (1, 2, 3, 3, 2, 1, 4, 1, 2, X, X, X),
    (1, 2, 3, 3, 2, 2, 4, 1, 2, 5, X, 3),
    (X, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, X),
    (1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, X),
)


def test_alpha_is_that_of_the_published_example() -> None:
    everybody = overlap(said(PUBLISHED))
    assert alpha(everybody, ordinal=False) == pytest.approx(0.743, abs=5e-4)
    assert alpha(everybody, ordinal=True) == pytest.approx(0.815, abs=5e-4)


def test_alpha_by_hand() -> None:
    """Of 8 answers 5 are 0 and 3 are 1: D_expected = 2 * 5 * 3 / (8 * 7); 2 of 8 ordered pairs differ."""
    assert alpha(overlap(said([(0, 0, 1, 0), (0, 0, 1, 1)])), ordinal=False) == pytest.approx(1 - (2 / 8) / (30 / 56))


def test_perfect_agreement_is_1_and_chance_near_0() -> None:
    dice = random.Random(1)
    answers = [dice.randrange(4) for _ in range(3000)]
    assert alpha(overlap(said([answers, answers])), ordinal=False) == pytest.approx(1)
    others = [dice.randrange(4) for _ in answers]
    for ordinal in (False, True):
        assert alpha(overlap(said([answers, others])), ordinal=ordinal) == pytest.approx(0, abs=0.05)


def test_near_ratings_disagree_less_and_none_acceptable_is_below_the_lowest() -> None:
    near, far = ([(1, 4, 7, 4, 1), (1, 4, 7, 4, other)] for other in (NONE, 7))
    found = [alpha(overlap(said(table)), ordinal=True) for table in (near, far)]
    assert found[0] is not None
    assert found[1] is not None
    assert found[1] < found[0] < 1


@pytest.mark.parametrize(
    "table",
    [
        pytest.param([], id="nobody"),
        pytest.param([(0, 1, 2, X), (X, X, X, 3)], id="no query has two answers"),
        pytest.param([(2, 2), (2, 2)], id="no variation"),
        pytest.param([(2, 0), (2, X)], id="no variation where two answered"),
    ],
)
def test_alpha_is_undefined(table: list[tuple[int | None, ...]]) -> None:
    assert alpha(overlap(said(table)), ordinal=False) is None
    assert alpha(overlap(said(table)), ordinal=True) is None


def test_pairs_that_agree_count_by_query() -> None:
    """Three people: all pairs agree, one of three pairs agrees, and a query that only one answered."""
    labels = said([(0, 0, 3), (0, 0, X), (0, 1, X)])
    found = agreement(labels, overlap(labels))
    assert found is not None
    assert found.of == 2
    assert found.rate == pytest.approx((1 + 1 / 3) / 2)
    assert found.interval == wilson(found.count, 2)


def test_one_persons_agreement_is_with_all_others() -> None:
    labels = said([(0, 0), (0, 1), (0, 1)])
    everybody = overlap(labels)
    rates = []
    for name in ("person 0", "person 1"):
        found = agreement([label for label in labels if label.labeler == name], everybody)
        assert found is not None
        rates.append(found.rate)
    assert rates == [0.5, 0.75]  # (2/2 + 0/2) / 2 and (2/2 + 1/2) / 2


def test_agreement_is_undefined_without_others() -> None:
    assert agreement([label(1)], overlap([label(1)])) is None
    assert agreement([], overlap(said(PUBLISHED))) is None
