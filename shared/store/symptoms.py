"""Signs that something is wrong, read from the label store in one snapshot: failed jobs, silence, refused r."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Float, cast, func, select
from sqlalchemy.orm import Session

from shared.domain import Job, JobState, RewardStatus
from shared.store import jobs
from shared.store.database import Database
from shared.store.loop import WAITING
from shared.store.tables import JobRow, LabelRow, Query, Reward


@dataclass(frozen=True, slots=True)
class Trouble:
    """A job and its newest error."""

    job: Job
    since: datetime


@dataclass(frozen=True, slots=True)
class Refused:
    """A trained r that the gate rejected."""

    version: int
    reason: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Symptoms:
    """failed: jobs given up for good. retried: unfinished ones that failed before.

    quiet_seconds: for so long there were questions for people and no answer; None: there is no question.
    refused: reward models since the newest published one, the newest last.
    """

    failed: Sequence[Trouble] = ()
    retried: Sequence[Trouble] = ()
    quiet_seconds: float | None = None
    refused: Sequence[Refused] = ()


def read(db: Database) -> Symptoms:
    with db.snapshot() as session:
        rows = session.scalars(
            select(JobRow)
            .where(JobRow.error.is_not(None), JobRow.state.in_((*jobs.UNFINISHED, JobState.FAILED)))
            .order_by(JobRow.created_at, JobRow.key)
        ).all()
        troubles = [Trouble(jobs.as_job(row), row.heartbeat_at) for row in rows]
        return Symptoms(
            failed=[one for one in troubles if one.job.state is JobState.FAILED],
            retried=[one for one in troubles if one.job.state is not JobState.FAILED],
            quiet_seconds=_quiet_seconds(session),
            refused=_refused(session),
        )


def _quiet_seconds(session: Session) -> float | None:
    """Since the newest label, or since the oldest question that waits where that is less."""
    asked_at = session.scalar(select(func.min(Query.created_at)).where(*WAITING))
    if asked_at is None:
        return None
    newest = select(LabelRow.created_at).order_by(LabelRow.id.desc()).limit(1).scalar_subquery()
    silence = func.clock_timestamp() - func.greatest(newest, asked_at)
    return session.scalar(select(cast(func.extract("epoch", silence), Float)))


def _refused(session: Session) -> list[Refused]:
    published = select(func.coalesce(func.max(Reward.version), 0)).where(Reward.status == RewardStatus.PUBLISHED)
    rows = session.scalars(
        select(Reward).where(Reward.version > published.scalar_subquery()).order_by(Reward.version)
    ).all()
    return [Refused(row.version, row.reason, row.created_at) for row in rows]
