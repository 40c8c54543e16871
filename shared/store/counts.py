"""What /metrics counts, in a few statements: labels, jobs, reward models, and the newest PPO batch."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from shared.domain import JobState, LeaseState, RewardStatus
from shared.store.curves import TimedBatch
from shared.store.database import Database
from shared.store.loop import WAITING
from shared.store.tables import JobRow, LabelRow, LeaseRow, PPOBatch, Query, Reward


@dataclass(frozen=True, slots=True)
class Counts:
    """`labels`: all that people ever gave, retracted ones too, the newest at `labeled_at`.

    failures: of jobs that are not done yet. deaths: of workers, in all. rejected: reward models since the last one that
    passed the gate. newest: the batch that was trained last, of whichever version.
    """

    labels: int
    labeled_at: datetime | None
    leases_open: int
    oldest_open_seconds: float | None
    jobs: Mapping[JobState, int]
    failures: int
    deaths: int
    rewards: Mapping[RewardStatus, int]
    rejected: int
    newest: TimedBatch | None


def read(db: Database) -> Counts:
    now = func.clock_timestamp()
    with db.snapshot() as session:
        labels, labeled_at = session.execute(select(func.count(LabelRow.id), func.max(LabelRow.created_at))).one()
        states = session.execute(select(JobRow.state, func.count()).group_by(JobRow.state)).all()
        unfinished = JobRow.state.in_((JobState.QUEUED, JobState.RUNNING, JobState.FAILED))
        failures, deaths = session.execute(
            select(func.sum(JobRow.failures).filter(unfinished), func.sum(JobRow.deaths))
        ).one()
        oldest = session.scalar(select(func.extract("epoch", now - func.min(Query.created_at))).where(*WAITING))
        lent = (LeaseRow.state == LeaseState.OPEN, LeaseRow.expires_at >= now)
        rewards, rejected = _rewards(session)
        return Counts(
            labels=labels,
            labeled_at=labeled_at,
            leases_open=session.scalars(select(func.count(LeaseRow.id)).where(*lent)).one(),
            oldest_open_seconds=None if oldest is None else float(oldest),
            jobs={JobState(state): count for state, count in states},
            failures=failures or 0,
            deaths=deaths or 0,
            rewards=rewards,
            rejected=rejected,
            newest=_newest(session),
        )


def _rewards(session: Session) -> tuple[Mapping[RewardStatus, int], int]:
    """How many of each status, and how many were rejected since the last that was not."""
    counts = session.execute(select(Reward.status, func.count()).group_by(Reward.status)).all()
    passed = select(func.max(Reward.version)).where(Reward.status == RewardStatus.PUBLISHED).scalar_subquery()
    since = select(func.count()).select_from(Reward).where(Reward.version > func.coalesce(passed, 0))
    return {RewardStatus(status): count for status, count in counts}, session.scalars(since).one()


def _newest(session: Session) -> TimedBatch | None:
    row = session.scalar(
        select(PPOBatch)
        .order_by(PPOBatch.created_at.desc(), PPOBatch.policy_version.desc(), PPOBatch.batch.desc())
        .limit(1)
    )
    return None if row is None else TimedBatch(row.policy_version, row.batch, row.episodes, row.stats, row.created_at)
