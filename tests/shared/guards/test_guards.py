"""Where each guard draws its line, by figures counted by hand. That they stop it: tests/services/orchestrator."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from shared.domain import Cause
from shared.guards import kl, label_age, over_optimisation, reward_accuracy
from shared.guards.evidence import Evaluation, Evidence, Generation, Given, Judged
from shared.guards.guards import GUARDS, first_finding
from shared.settings import GuardSettings

SETTINGS = GuardSettings()
START = datetime(2026, 1, 1, tzinfo=UTC)


def at(hour: float) -> datetime:
    return START + timedelta(hours=hour)


def generations(*scores: float | None) -> list[Generation]:
    """ρ and as many policies, one an hour."""
    return [Generation(version, score, at(version)) for version, score in enumerate([None, *scores])]


def choices(version: int, wins: int, n: int) -> list[Evaluation]:
    return [Evaluation(version, index < wins, 0.5) for index in range(n)]


def test_every_cause_but_a_full_disk_has_a_guard_and_a_way_out() -> None:
    assert set(GUARDS) == set(Cause) - {Cause.DISK_FULL}
    assert all(guard.way_out.endswith(".") for guard in GUARDS.values())
    assert first_finding(Evidence(), SETTINGS) is None


@pytest.mark.parametrize(
    ("scores", "wins", "stops"),
    [((0.5, 1.5), 12, True), ((0.5, 0.4), 12, False), ((0.5, 1.5), 20, False), ((0.5, None), 12, False)],
    ids=["up while people go away", "down with people", "not surely fewer", "no score"],
)
def test_over_optimisation(scores: Sequence[float | None], wins: int, stops: bool) -> None:
    evidence = Evidence(generations=generations(*scores), evaluations=[*choices(1, 27, 30), *choices(2, wins, 30)])
    reason = over_optimisation.look(evidence, SETTINGS)
    assert (reason is not None) == stops
    if reason is not None:
        assert "rose from 0.50 (policy 1) to 1.50 (policy 2)" in reason
        assert "newer ones over the reference in 12 of 30 evaluation labels" in reason
        assert "in 27 of 30" in reason


def test_over_optimisation_of_several_policies_together() -> None:
    """Of each alone there are too few labels."""
    liked = [label for version in (1, 2, 3) for label in choices(version, 18, 20)]
    disliked = [label for version in (4, 5, 6) for label in choices(version, 7, 20)]
    evidence = Evidence(generations=generations(0.2, 0.4, 0.6, 0.8, 1.0, 1.2), evaluations=[*liked, *disliked])
    reason = over_optimisation.look(evidence, SETTINGS)
    assert reason is not None
    assert "from 0.40 (policies 1 to 3) to 1.00 (policies 4 to 6)" in reason
    assert over_optimisation.look(Evidence(generations=evidence.generations, evaluations=liked), SETTINGS) is None


@pytest.mark.parametrize(
    ("kls", "stops"), [([40.0] * 2, False), ([1, 29.0, 30.5, 31.0], True), ([99, 29.0, 30.0, 31.0], False)]
)
def test_kl(kls: list[float], stops: bool) -> None:
    assert (kl.look(Evidence(kls=kls), SETTINGS) is not None) == stops
    assert kl.look(Evidence(kls=kls), GuardSettings(kl=None)) is None


@pytest.mark.parametrize(
    ("live", "stops"),
    [((15, 60), True), ((30, 60), False), ((2, 8), False)],
    ids=["fallen to chance", "lower, and above chance", "too few labels to know"],
)
def test_reward_accuracy(live: tuple[int, int], stops: bool) -> None:
    evidence = Evidence(
        judged=[Judged(1, 36, 60), Judged(2, 34, 60), Judged(4, *live)], reward_is_new=True, reward_chance=0.25
    )
    reason = reward_accuracy.look(evidence, SETTINGS)
    assert (reason is not None) == stops
    if reason is not None:
        assert reason.startswith("reward model 4 agrees with 15 of 60 held-out labels, no better than guessing (25%)")


def test_an_r_that_was_never_better_than_guessing_has_not_fallen() -> None:
    evidence = Evidence(judged=[Judged(1, 20, 60), Judged(2, 15, 60)], reward_is_new=True, reward_chance=0.25)
    assert reward_accuracy.look(evidence, SETTINGS) is None


@pytest.mark.parametrize(("version", "stops"), [(1, True), (2, False), (9, False)])
def test_label_age(version: int, stops: bool) -> None:
    """Policies 1 to 6 were there when people judged what `version` had written; 9 was rolled back from."""
    evidence = Evidence(generations=generations(*[1.0] * 6), given=[Given(version, at(6.5))] * 3)
    reason = label_age.look(evidence, SETTINGS)
    assert (reason is not None) == stops
    if reason is not None:
        assert "were 5 policies old" in reason
    unjudged = Evidence(generations=evidence.generations, given=evidence.given, labels_due=False)
    assert label_age.look(unjudged, SETTINGS) is None
    assert label_age.look(evidence, GuardSettings(label_age=None)) is None


def test_labels_do_not_age_after_they_were_given_and_the_median_counts() -> None:
    fresh, stale = Given(1, at(1.5)), Given(1, at(6.5))
    many = generations(*[1.0] * 6)
    assert label_age.look(Evidence(generations=many, given=[fresh] * 3), SETTINGS) is None
    assert label_age.look(Evidence(generations=many, given=[fresh] * 2 + [stale] * 2), SETTINGS) is None
    assert label_age.look(Evidence(generations=many, given=[fresh] * 2 + [stale] * 3), SETTINGS) is not None
