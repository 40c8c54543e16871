"""Read the loop's state from the label store and shape it for the page."""

from collections.abc import Sequence
from typing import TypeVar

from services.dashboard.phase import phase
from services.dashboard.view import (
    Evaluations,
    EvaluationView,
    JobView,
    LabelCurve,
    Labeler,
    Labels,
    Policies,
    PolicyView,
    Rewards,
    RewardView,
    Training,
    TrainingCurve,
    View,
)
from shared.domain import Job, LoopState, PolicyVersion, RewardStatus, RewardVersion
from shared.intervals import wilson
from shared.plan import thresholds
from shared.questions.kinds import QUESTIONS
from shared.settings import PPOSettings, Settings
from shared.store import loop, stops, versions
from shared.store.database import Database
from shared.store.evaluations import HumanWinRate, human_win_rates
from shared.store.loop import Batch, LiveJob, Overview

POINTS = 400  # of a curve: more than a chart has pixels for is only slower

Point = TypeVar("Point")


def read(db: Database, settings: Settings) -> View:
    """The loop as it is now. Raises LoopError where the store does not answer."""
    state, overview, batches, stop = loop.state(db), loop.overview(db), loop.batches(db), stops.standing(db)
    policies, rewards = versions.policies(db), versions.rewards(db)
    return View(
        name=settings.name,
        schedule=settings.schedule,
        phase=phase(
            state, settings, [live.job for live in overview.unfinished], leases=overview.leases_open, stop=stop
        ),
        stopped=stop,
        labels=_labels(state, overview, settings),
        reward=_rewards(rewards, chance=QUESTIONS[settings.labels.kind].chance(settings.task.responses)),
        policy=_policies(policies),
        evaluation=_evaluations(human_win_rates(db)),
        training=_training(batches, settings.ppo),
        jobs=[*map(_unfinished, overview.unfinished), *map(_failed, overview.failed)],
    )


def _labels(state: LoopState, overview: Overview, settings: Settings) -> Labels:
    points = _thinned(overview.labels_over_time)
    return Labels(
        count=state.labels,
        budget=settings.labels.budget,
        next_training=next(iter(thresholds(settings)[state.reward_trainings :]), None),
        open_queries=state.open_queries,
        leases_open=overview.leases_open,
        skipped=overview.skipped,
        oldest_open_seconds=overview.oldest_open_seconds,
        labelers=[Labeler(name=name, labels=labels) for name, labels in overview.labelers],
        curve=LabelCurve(at=[at.timestamp() for at, _ in points], count=[count for _, count in points]),
    )


def _rewards(rewards: Sequence[RewardVersion], *, chance: float) -> Rewards:
    views = [_reward(reward) for reward in rewards]
    published = [view for view in views if view.status is RewardStatus.PUBLISHED]
    return Rewards(chance=chance, newest=published[-1] if published else None, versions=views)


def _reward(reward: RewardVersion) -> RewardView:
    accuracy, compared = reward.accuracy, reward.compared
    return RewardView(
        version=reward.version,
        status=reward.status,
        reason=reward.reason,
        labels=reward.labels,
        held_out=reward.held_out,
        accuracy=accuracy,
        compared=compared,
        interval=None if accuracy is None else wilson(accuracy * compared, compared),
        created_at=reward.created_at,
    )


def _policies(policies: Sequence[PolicyVersion]) -> Policies:
    views = [
        PolicyView(
            version=policy.version,
            parent=policy.parent,
            reward_version=policy.reward_version,
            episodes=policy.episodes,
            kl=policy.kl,
            kl_coef=policy.kl_coef,
            score=policy.score,
            sha256=policy.sha256,
            created_at=policy.created_at,
        )
        for policy in policies
    ]
    return Policies(newest=views[-1] if views else None, versions=views)


def _evaluations(found: Sequence[HumanWinRate]) -> Evaluations:
    views = [
        EvaluationView(
            policy_version=human.policy_version,
            labels=human.labels,
            rate=human.rate,
            interval=human.interval,
            chance=human.chance,
        )
        for human in found
    ]
    return Evaluations(newest=views[-1] if views else None, versions=views)


def _training(batches: Sequence[Batch], settings: PPOSettings) -> Training:
    points = _thinned(batches)
    newest = batches[-1].stats if batches else {}
    return Training(
        episodes=batches[-1].episodes if batches else 0,
        planned=settings.episodes,
        score=newest.get("score"),
        kl=newest.get("kl"),
        kl_coef=newest.get("kl_coef"),
        kl_target=settings.kl_target,
        curve=TrainingCurve(
            episodes=[batch.episodes for batch in points],
            score=[batch.stats.get("score") for batch in points],
            kl=[batch.stats.get("kl") for batch in points],
            kl_coef=[batch.stats.get("kl_coef") for batch in points],
        ),
    )


def _unfinished(live: LiveJob) -> JobView:
    return _job(live.job, silent_seconds=live.silent_seconds)


def _failed(job: Job) -> JobView:
    return _job(job, silent_seconds=None)


def _job(job: Job, *, silent_seconds: float | None) -> JobView:
    return JobView(
        key=job.key,
        queue=job.queue,
        attempt=job.attempt,
        state=job.state,
        silent_seconds=silent_seconds,
        error=job.error,
    )


def _thinned(points: Sequence[Point]) -> list[Point]:
    """At most POINTS of them, evenly spaced, first and last included."""
    if len(points) <= POINTS:
        return list(points)
    return [points[i * (len(points) - 1) // (POINTS - 1)] for i in range(POINTS)]
