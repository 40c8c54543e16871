"""Which checkpoints stay. What is in use is never removed, nor are the newest ones and every n-th.

A prune marks rows first, in one transaction, under the lock that rollbacks hold; then folders go. Where it is cut off
between, the next one removes the folders of all that is marked.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from shared.domain import ComparisonState, Job, JobState, Purpose
from shared.messages import ADAPTER, SampleQueries, TrainPolicy, TrainReward
from shared.settings import KeepSettings
from shared.store import actions, jobs, versions
from shared.store.database import Database
from shared.store.steering import alone
from shared.store.tables import Comparison, JobRow, Policy, Query, Reward

REVIVABLE = (*jobs.UNFINISHED, JobState.FAILED)  # jobs that may yet read what they name: `retry` revives failed ones
Folder = tuple[str, int]  # "policy" or "reward", and the version that it holds


@dataclass(frozen=True, slots=True)
class Versions:
    """Of policies, and of reward models."""

    policies: frozenset[int] = frozenset()
    rewards: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Known:
    """What the store knows of folders.

    paths: those of versions not pruned; given: all versions that a job ever had; busy: those unfinished jobs make.
    """

    paths: Mapping[str, Folder]
    given: frozenset[Folder]
    busy: frozenset[Folder]

    def is_useless(self, folder: Folder, path: str, spare: Versions) -> bool:
        """Whether nothing needs it: a pruned or `spare` version, or the leftover of an attempt that was given up.

        A version that the store never heard of is not ours: an older backup of the store may have been restored.
        """
        if folder not in self.given or folder in self.busy:
            return False
        named = self.paths.get(path)
        return named is None or named[1] in (spare.policies if named[0] == "policy" else spare.rewards)


def staying(
    trained: Mapping[int, int | None], rewards: Collection[int], used: Versions, keep: KeepSettings
) -> Versions:
    """Which stay, of the policies that are there, each with the r that it was trained with, and of the rewards.

    Policy 0, what is used, the newest and every n-th; with each policy its r, so that one can roll back to both.
    """
    policies = {0, *used.policies, *_by_rule(trained, keep)} & trained.keys()
    own = {reward for version, reward in trained.items() if version in policies and reward is not None}
    return Versions(frozenset(policies), frozenset({*used.rewards, *own, *_by_rule(rewards, keep)} & set(rewards)))


def spare(db: Database, keep: KeepSettings) -> Versions:
    """Which a prune would mark now."""
    with db.snapshot() as session:
        return _spare(session, keep)


def mark(db: Database, keep: KeepSettings) -> None:
    """Say of all that are not to stay that they are pruned: from now on nobody may load them, or go back to them."""
    with db.transaction() as session:
        alone(session)
        found = _spare(session, keep)
        now = {"pruned_at": func.clock_timestamp()}
        session.execute(update(Policy).where(Policy.version.in_(found.policies)).values(**now))
        session.execute(update(Reward).where(Reward.version.in_(found.rewards)).values(**now))


def marked_since(db: Database, moment: datetime) -> Versions:
    with db.snapshot() as session:
        return Versions(
            frozenset(session.scalars(select(Policy.version).where(Policy.pruned_at >= moment))),
            frozenset(session.scalars(select(Reward.version).where(Reward.pruned_at >= moment))),
        )


def known(db: Database) -> Known:
    """Ask it after the folders were listed: a folder that was there then belongs to a job that is known here."""
    with db.snapshot() as session:
        there: list[tuple[str, Folder]] = []
        given: set[Folder] = set()
        for kind, table in (("policy", Policy), ("reward", Reward)):
            for version, path, pruned_at in session.execute(select(table.version, table.path, table.pruned_at)):
                given.add((kind, version))
                if pruned_at is None:
                    there.append((path, (kind, version)))
        busy = set()
        trainings = JobRow.queue.in_((TrainPolicy.queue, TrainReward.queue))
        for message, state in session.execute(select(JobRow.message, JobRow.state).where(trainings)):
            made = _makes(message)
            if made is not None:
                given.add(made)
                if state in jobs.UNFINISHED:
                    busy.add(made)
        return Known(dict(there), frozenset(given), frozenset(busy))


def settle(db: Database, job: Job, request: int, result: Mapping[str, object]) -> None:
    """End the job with what came of the action that asked for it. SupersededError where the attempt was given up."""
    with db.transaction() as session:
        jobs.finish(session, job.key, job.attempt)
        actions.settle(session, request, result)


def _spare(session: Session, keep: KeepSettings) -> Versions:
    used = _in_use(session)
    policies = session.scalars(select(Policy).where(Policy.pruned_at.is_(None)))
    trained = {policy.version: policy.reward_version for policy in policies}
    rewards = set(session.scalars(select(Reward.version).where(Reward.pruned_at.is_(None))))
    stay = staying(trained, rewards, used, keep)
    return Versions(frozenset(trained.keys() - stay.policies), frozenset(rewards - stay.rewards))


def _in_use(session: Session) -> Versions:
    """What is live, what jobs name that may still run, and what people are asked about.

    Jobs are read first: one that ends meanwhile has published what is then read as live.
    """
    policies: set[int] = set()
    rewards: set[int] = set()
    for message in session.scalars(select(JobRow.message).where(JobRow.state.in_(REVIVABLE))):
        match ADAPTER.validate_python(message):
            case TrainPolicy(parent=parent, reward_version=reward):
                policies.add(parent)
                rewards.add(reward)
            case SampleQueries(policy_version=version):
                policies.add(version)
    for row in session.scalars(select(Comparison).where(Comparison.state == ComparisonState.OPEN)):
        policies |= {one for one in (row.version, row.against) if one is not None}
    waits = (Query.purpose == Purpose.TRAINING, Query.answers < Query.wanted, ~Query.retired)
    asked = session.scalars(select(Query.policy_version).where(*waits).distinct())
    policies |= {one for one in asked if one is not None}
    policy, scoring = versions.find_live_policy(session), versions.find_live_reward(session)
    policies |= {policy.version} if policy else set()
    rewards |= {scoring.version} if scoring else set()
    return Versions(frozenset(policies), frozenset(rewards))


def _by_rule(there: Collection[int], keep: KeepSettings) -> set[int]:
    newest = sorted(there)[-keep.newest :]
    return {*newest, *(version for version in there if keep.every and version % keep.every == 0)}


def _makes(message: Mapping[str, object]) -> Folder | None:
    """The version that a job makes, if any."""
    match ADAPTER.validate_python(message):
        case TrainPolicy(version=version):
            return "policy", version
        case TrainReward(version=version):
            return "reward", version
    return None
