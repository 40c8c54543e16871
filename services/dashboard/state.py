"""Read the loop's state from the label store and shape it for the page."""

from collections.abc import Mapping, Sequence
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
    Rollback,
    Training,
    TrainingCurve,
    View,
)
from shared.descent import descent
from shared.domain import Action, ActionKind, Job, LoopState, PolicyVersion, RewardVersion
from shared.intervals import wilson
from shared.live import current
from shared.plan import thresholds
from shared.questions.kinds import QUESTIONS
from shared.settings import PPOSettings, Settings
from shared.store import actions, loop, stops, versions
from shared.store.database import Database
from shared.store.evaluations import HumanWinRate, human_win_rates
from shared.store.loop import Batch, LiveJob, Overview

POINTS = 400  # of a curve: more than a chart has pixels for is only slower

Point = TypeVar("Point")


def read(db: Database, settings: Settings) -> View:
    """The loop as it is now; `settings`: what it was started with. LoopError where the store does not answer."""
    settings = current(db, settings)
    state, overview, batches, stop = loop.state(db), loop.overview(db), loop.batches(db), stops.standing(db)
    policies, rewards = versions.policies(db), versions.rewards(db)
    rollbacks = actions.listed(db, kind=ActionKind.ROLLBACK)[::-1]
    abandoned = abandoned_versions(policies, rollbacks)
    return View(
        name=settings.name,
        schedule=settings.schedule,
        phase=phase(
            state, settings, [live.job for live in overview.unfinished], leases=overview.leases_open, stop=stop
        ),
        stopped=stop,
        labels=_labels(state, overview, settings),
        reward=_rewards(
            rewards, state.reward_version, chance=QUESTIONS[settings.labels.kind].chance(settings.task.responses)
        ),
        policy=_policies(policies, state.policy_version, abandoned, rollbacks),
        evaluation=_evaluations(human_win_rates(db)),
        training=_training(batches, abandoned, settings.ppo),
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


def abandoned_versions(policies: Sequence[PolicyVersion], rollbacks: Sequence[Action]) -> frozenset[int]:
    """All that an operator rolled back from, unpublished ones too; `rollbacks`: the newest last.

    Of the versions there were at the newest rollback those stay that its policy descends from; newer ones go on there.
    """
    if not rollbacks:
        return frozenset()
    back = rollbacks[-1].detail
    parents = {policy.version: policy.parent for policy in policies}
    kept = descent(parents, back["policy"])
    return frozenset(version for version in range(back["last_policy"] + 1) if version not in kept)


def _rewards(rewards: Sequence[RewardVersion], live: int | None, *, chance: float) -> Rewards:
    views = [_reward(reward) for reward in rewards]
    return Rewards(chance=chance, live=next((view for view in views if view.version == live), None), versions=views)


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
        verdict=list(reward.verdict),
        request_id=reward.request_id,
        pruned=reward.pruned_at is not None,
        created_at=reward.created_at,
    )


def _policies(
    policies: Sequence[PolicyVersion], live: int | None, abandoned: frozenset[int], rollbacks: Sequence[Action]
) -> Policies:
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
            abandoned=policy.version in abandoned,
            pruned=policy.pruned_at is not None,
            created_at=policy.created_at,
        )
        for policy in policies
    ]
    episodes = {policy.version: policy.episodes for policy in policies}
    return Policies(
        live=next((view for view in views if view.version == live), None),
        versions=views,
        rollbacks=[_rollback(back, episodes) for back in rollbacks],
    )


def _rollback(back: Action, episodes: Mapping[int, int]) -> Rollback:
    policy = back.detail["policy"]
    return Rollback(
        policy=policy,
        reward=back.detail["reward"],
        episodes=episodes[policy],
        by=back.by,
        reason=back.reason,
        at=back.created_at,
    )


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


def _training(batches: Sequence[Batch], abandoned: frozenset[int], settings: PPOSettings) -> Training:
    points = _thinned(batches)
    newest = next((batch for batch in reversed(batches) if batch.policy_version not in abandoned), None)
    stats = newest.stats if newest else {}

    def column(name: str) -> list[float | None]:
        return [batch.stats.get(name) for batch in points]

    return Training(
        episodes=newest.episodes if newest else 0,
        planned=settings.episodes,
        score=stats.get("score"),
        kl=stats.get("kl"),
        kl_coef=stats.get("kl_coef"),
        kl_target=settings.kl_target,
        curve=TrainingCurve(
            episodes=[batch.episodes for batch in points],
            abandoned=[batch.policy_version in abandoned for batch in points],
            score=column("score"),
            kl=column("kl"),
            kl_coef=column("kl_coef"),
            clipfrac=column("clipfrac"),
            entropy=column("entropy"),
            value_loss=column("value_loss"),
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
