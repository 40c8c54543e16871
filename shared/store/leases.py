"""Queries lent to people: taking one, keeping it for longer, and what a person has done so far."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, bindparam, func, select, text, update

from shared.domain import Lease, LeaseState, LoopError, Nothing, Progress, Role
from shared.settings import LabelSettings
from shared.store import claims
from shared.store.database import Database
from shared.store.tables import Labeler, LabelRow, LeaseRow

RENEW = (
    update(LeaseRow)
    .where(LeaseRow.id == bindparam("lease_id"), LeaseRow.labeler_id == bindparam("labeler"))
    .where(LeaseRow.state == LeaseState.OPEN)
    .values(expires_at=claims.EXPIRY)
    .returning(LeaseRow.expires_at, claims.SECONDS_LEFT)
)
MIDNIGHT: ColumnElement[datetime] = text("date_trunc('day', now(), 'UTC')")  # type: ignore[assignment]


class LeaseError(LoopError):
    """Why something was not done with a lease."""


class UnknownLeaseError(LeaseError):
    pass


class ConflictError(LeaseError):
    pass


class AnswerError(LeaseError):
    pass


@dataclass(frozen=True, slots=True)
class Renewal:
    """Until when a lease lasts now."""

    expires_at: datetime
    seconds_left: float


def take(db: Database, labeler_id: int, labels: LabelSettings) -> Lease | Nothing:
    """The labeler's open lease again, or the first query that waits; or why there is none.

    First come gold, comparisons or training, as a draw says that is the same whenever it is made, and of each the
    newest policy's, of these those of the highest priority, of these the lowest position.
    """
    with db.connection() as connection:
        return claims.lend(connection, claims.lock(connection, labeler_id), labels)


def renew(db: Database, labeler_id: int, lease_id: str, *, seconds: float) -> Renewal:
    """The lease lasts `seconds` from now on. Raises UnknownLeaseError, and ConflictError where it is closed or lost."""
    told = {"lease_id": lease_id, "labeler": labeler_id, "seconds": timedelta(seconds=seconds)}
    with db.connection() as connection:
        row = connection.execute(RENEW, told).one_or_none()
        if row is not None:
            return Renewal(row.expires_at, float(row.seconds_left))
        mine = (LeaseRow.id == lease_id, LeaseRow.labeler_id == labeler_id)
        state = connection.scalar(select(LeaseRow.state).where(*mine))
    if state is None:
        raise unknown(lease_id)
    raise ConflictError(f"this question is {state} and cannot be kept for longer: go on with the next one")


def progress(db: Database, labeler_id: int) -> Progress:
    """What the labeler has done so far."""
    median = func.percentile_cont(0.5).within_group(LabelRow.seconds)
    today = func.count().filter(LabelRow.created_at >= MIDNIGHT)
    standing = (LabelRow.labeler_id == labeler_id, LabelRow.retraction_id.is_(None))
    skipped = select(func.count()).where(LeaseRow.labeler_id == labeler_id, LeaseRow.state == LeaseState.SKIPPED)
    with db.connection() as connection:
        name, role = connection.execute(select(Labeler.name, Labeler.role).where(Labeler.id == labeler_id)).one()
        labels, since, seconds = connection.execute(select(func.count(), today, median).where(*standing)).one()
        return Progress(
            name=name,
            role=Role(role),
            labels=labels,
            today=since,
            skipped=connection.scalars(skipped).one(),
            seconds=seconds,
            undoable=last_closed(connection, labeler_id),
        )


def why_paused(db: Database, labeler_id: int) -> str | None:
    """Why the labeler is lent nothing new; None where they are."""
    account = select(Labeler.paused_at, Labeler.paused_reason).where(Labeler.id == labeler_id)
    with db.connection() as connection:
        paused_at, reason = connection.execute(account).one()
        return None if paused_at is None else reason or "paused by an operator"


def last_closed(connection: Connection, labeler_id: int) -> str | None:
    """The lease that the labeler answered or skipped last; None where its label was retracted, or before the first."""
    last = (
        select(LeaseRow.id, LeaseRow.state)
        .where(LeaseRow.labeler_id == labeler_id, LeaseRow.state.in_((LeaseState.DONE, LeaseState.SKIPPED)))
        .order_by(LeaseRow.closed_at.desc())
        .limit(1)
        .subquery()
    )
    label = select(LabelRow.id).where(LabelRow.lease_id == last.c.id, LabelRow.retraction_id.is_(None)).exists()
    return connection.scalar(select(last.c.id).where((last.c.state == LeaseState.SKIPPED) | label))


def unknown(lease_id: str) -> UnknownLeaseError:
    """Whose lease it is, is nobody else's business."""
    return UnknownLeaseError(f"lease {lease_id} is not one of yours: take the next one")
