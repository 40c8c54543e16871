"""The report puts every label where it belongs, and says undefined where it is."""

from datetime import timedelta

import pytest

from shared.domain import Flag, Purpose
from shared.intervals import wilson
from shared.quality.labels import NONE, Account, Material, Skip
from shared.quality.report import Figures, report
from shared.quality.share import share
from tests.shared.quality.rows import NOON, label

GOLD, COMPARISON = Purpose.GOLD, Purpose.COMPARISON


def test_of_nothing_everything_is_undefined() -> None:
    nothing = Figures(0, None, None, None, None, None, None)
    found = report(Material([], [], [Account("ada", None, 0)]))
    assert found.overall == found.people[0].figures == nothing
    assert (found.agreements, found.policies, found.over_time) == ([], [], [])


def test_people_policies_and_times() -> None:
    labels = [
        label(1, 0, policy_version=1, seconds=2),
        label(1, 0, policy_version=1, labeler="ben", seconds=4),
        label(2, NONE, policy_version=2, flag=Flag.BROKEN, created_at=NOON + timedelta(minutes=5)),
        label(3, 1, purpose=GOLD, policy_version=None, right=True),
        label(3, 2, purpose=GOLD, policy_version=None, right=False, labeler="ben"),
    ]
    skips = [Skip("ben", 2), Skip("ben", 3), Skip("ben", None)]
    found = report(
        Material(labels, skips, [Account("cleo", "odd", 7), Account("ben", None, 0), Account("ada", None, 1)])
    )
    ada, ben, cleo = found.people
    assert [person.name for person in found.people] == ["ada", "ben", "cleo"]
    assert (ada.figures.labels, ada.skipped, ada.retracted, ada.paused_reason) == (3, 0, 1, None)
    assert (ben.figures.labels, ben.skipped, ben.figures.gold) == (2, 3, share(0, 1))
    assert (cleo.figures.labels, cleo.retracted, cleo.paused_reason) == (0, 7, "odd")
    assert (ada.figures.none_acceptable, ada.figures.flagged) == (share(1, 3), share(1, 3))
    assert (found.overall.labels, found.skipped, found.overall.gold) == (5, 3, share(1, 2))
    assert [(policy.version, policy.figures.labels, policy.skipped) for policy in found.policies] == [
        (1, 2, 0),
        (2, 1, 1),
        (3, 0, 1),
    ]
    assert found.policies[1].figures.none_acceptable == share(1, 1)
    assert [(span.start, span.figures.labels) for span in found.over_time] == [
        (NOON, 4),
        (NOON + timedelta(minutes=5), 1),
    ]


def test_agreement_leaves_gold_to_its_accuracy() -> None:
    """They agree on the one query for training, and not on the gold one, which is listed beside it."""
    labels = [
        label(query, answer, labeler=name, purpose=purpose)
        for query, purpose, answers in ((1, Purpose.TRAINING, (0, 0)), (2, GOLD, (0, 1)))
        for name, answer in zip(("ada", "ben"), answers, strict=True)
    ]
    found = report(Material(labels, [], []))
    assert found.overall.agreement == share(1, 1)
    assert [(each.purpose, each.pairs) for each in found.agreements] == [
        (Purpose.TRAINING, share(1, 1)),
        (GOLD, share(0, 1)),
    ]


def test_choices_ratings_and_pairs_have_an_alpha_each() -> None:
    """Ratings 1, 1 and 7, 6 hardly differ, which only the ordinal alpha sees."""
    labels = [
        label(query, answer, labeler=name, purpose=purpose, responses=responses)
        for query, purpose, responses, answers in (
            (1, Purpose.TRAINING, 1, (1, 1)),
            (2, Purpose.TRAINING, 1, (7, 6)),
            (3, Purpose.TRAINING, 4, (0, 0)),
            (4, COMPARISON, 2, (0, 0)),
            (5, COMPARISON, 2, (1, 1)),
        )
        for name, answer in zip(("ada", "ben"), answers, strict=True)
    ]
    ratings, fours, pairs = report(Material(labels, [], [])).agreements
    assert (ratings.responses, fours.responses, pairs.responses) == (1, 4, 2)
    assert ratings.alpha is not None
    assert 0.5 < ratings.alpha < 1
    assert fours.alpha is None  # one query, one answer: no variation
    assert pairs.purpose is COMPARISON
    assert pairs.alpha == pytest.approx(1)


def test_surely_below_means_all_of_the_interval() -> None:
    few, many = share(1, 4), share(25, 100)
    assert few is not None
    assert many is not None
    assert few.rate == many.rate == 0.25
    assert not few.surely_below(0.5)
    assert many.surely_below(0.5)
    assert many.interval == wilson(25, 100)
