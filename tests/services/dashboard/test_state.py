"""What GET /api/state answers, from a loop in the store."""

from datetime import UTC, datetime
from itertools import pairwise

import pytest
from sqlalchemy import update

from services.dashboard import state
from services.dashboard.state import read
from shared.domain import JobState, RewardStatus
from shared.intervals import wilson
from shared.plan import thresholds
from shared.settings import Settings
from shared.store import loop, overriding, steering
from shared.store.database import Database
from shared.store.tables import JobRow, Reward
from tests.services.dashboard.rows import EVIL, LABELS, OPEN, fill


@pytest.fixture
def full(db: Database, settings: Settings) -> Database:
    loop.start(db, settings)
    fill(db)
    return db


def test_an_empty_loop(db: Database, settings: Settings) -> None:
    loop.start(db, settings)
    view = read(db, settings)
    assert (view.labels.count, view.labels.budget, view.labels.next_training) == (0, 1200, 300)
    assert view.labels.curve.count == view.training.curve.episodes == []
    assert view.jobs == []
    assert (view.reward.live, view.policy.live, view.training.score) == (None, None, None)
    assert (view.evaluation.newest, view.evaluation.versions) == (None, [])
    assert (view.training.episodes, view.training.planned, view.reward.chance) == (0, 4608, 0.25)


def test_labels_and_who_gave_them(full: Database, settings: Settings) -> None:
    labels = read(full, settings).labels
    assert (labels.count, labels.open_queries, labels.leases_open, labels.skipped) == (LABELS, OPEN, 2, 0)
    assert {labeler.name for labeler in labels.labelers} == {"ada", "grace", "alan", EVIL}
    assert sum(labeler.labels for labeler in labels.labelers) == LABELS
    assert labels.oldest_open_seconds is not None
    assert 0 < labels.oldest_open_seconds < 120
    assert labels.curve.count == list(range(1, LABELS + 1))
    assert labels.curve.at == sorted(labels.curve.at)
    assert 0 < datetime.now(UTC).timestamp() - labels.curve.at[0] < 600


def test_the_next_training_is_the_first_not_yet_tried(full: Database, settings: Settings) -> None:
    counts = thresholds(settings)  # three of six were tried, the rejected one included
    assert read(full, settings).labels.next_training == counts[3]
    last = settings.model_copy(update={"labels": settings.labels.model_copy(update={"retrainings": 3})})
    assert read(full, last).labels.next_training is None


def test_a_rejected_reward_model_is_shown_but_never_live(full: Database, settings: Settings) -> None:
    with full.transaction() as session:
        session.execute(update(Reward).where(Reward.version == 3).values(status="rejected"))
    reward = read(full, settings).reward
    assert [view.status for view in reward.versions] == [
        RewardStatus.REJECTED,
        RewardStatus.PUBLISHED,
        RewardStatus.REJECTED,
    ]
    assert reward.live == reward.versions[1]
    assert reward.live.interval == wilson(0.35 * 24, 24)


def test_without_held_out_labels_there_is_no_interval(full: Database, settings: Settings) -> None:
    with full.transaction() as session:
        session.execute(update(Reward).where(Reward.version == 3).values(accuracy=None, held_out=0, compared=0))
    live = read(full, settings).reward.live
    assert live is not None
    assert (live.version, live.accuracy, live.interval) == (3, None, None)


def test_people_between_the_policy_and_the_reference(full: Database, settings: Settings) -> None:
    evaluation = read(full, settings).evaluation
    assert [(view.policy_version, view.labels) for view in evaluation.versions] == [(1, 5), (2, 5)]
    assert evaluation.newest == evaluation.versions[-1]
    assert (evaluation.newest.rate, evaluation.newest.chance) == (0.4, 0.5)  # queries 176 and 208 of 160 to 224
    assert evaluation.newest.interval == wilson(2, 5)


def test_training_shows_batches_that_are_not_yet_published(full: Database, settings: Settings) -> None:
    view = read(full, settings)
    assert view.policy.live is not None
    assert (view.policy.live.version, view.policy.live.episodes) == (2, 2560)
    assert view.training.episodes == 3200
    assert view.training.curve.episodes == list(range(64, 3201, 64))
    assert view.training.kl == view.training.curve.kl[-1]
    assert view.training.kl_coef == pytest.approx(0.15 - 0.0002 * 49)


def test_long_curves_are_thinned_to_their_ends(
    full: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state, "POINTS", 20)
    view = read(full, settings)
    labels, training = view.labels.curve, view.training.curve
    for curve in (labels.count, labels.at, training.episodes, training.kl, training.kl_coef, training.score):
        assert len(curve) == 20
    assert (labels.count[0], labels.count[-1]) == (1, LABELS)
    assert {b - a for a, b in pairwise(labels.count)} == {12, 13}  # 239 steps in 19
    assert (training.episodes[0], training.episodes[-1]) == (64, 3200)


def test_jobs_that_run_wait_or_failed(full: Database, settings: Settings) -> None:
    with full.transaction() as session:
        session.execute(update(JobRow).where(JobRow.key == "reward-4").values(state="failed"))
    jobs = {job.key: job for job in read(full, settings).jobs}
    assert set(jobs) == {"policy-3", "sample-252", "reward-4"}
    assert list(jobs)[-1] == "reward-4"
    failed, running = jobs["reward-4"], jobs["policy-3"]
    assert (failed.state, failed.attempt, failed.silent_seconds) == (JobState.FAILED, 2, None)
    assert failed.error == f"OSError: {EVIL}"
    assert (running.state, running.queue, running.error) == (JobState.RUNNING, "ppo", None)
    assert running.silent_seconds is not None
    assert 0 <= running.silent_seconds < 60


def test_after_a_rollback_another_version_is_live(full: Database, settings: Settings) -> None:
    steering.rollback(full, policy=1, reward=2, by="ada", reason="odd texts")
    view = read(full, settings)
    assert view.policy.live is not None
    assert view.reward.live is not None
    assert (view.policy.live.version, view.reward.live.version) == (1, 2)
    assert [policy.abandoned for policy in view.policy.versions] == [False, False, True]
    (back,) = view.policy.rollbacks
    assert (back.policy, back.reward, back.episodes, back.by) == (1, 2, 1280, "ada")
    assert view.training.curve.abandoned == [False] * 20 + [True] * 30  # those of policy 3, under way, too
    assert view.training.episodes == 1280


def test_it_shows_the_settings_as_they_are_now(full: Database, settings: Settings) -> None:
    overriding.set_setting(full, settings, "labels.budget", 1500, by="ada", reason="")
    assert read(full, settings).labels.budget == 1500
