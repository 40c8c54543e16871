"""Queries lent to people, and the labels they give: what is acknowledged is in the store, once.

A lease is claimed with a counter, `claims`, raised in the statement that claims the query: counting leases and then
locking would give one query to two people.
"""

import uuid
from datetime import UTC, datetime

from sqlalchemy import func, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from shared.domain import Lease, LeaseState, LoopError, Progress, Receipt
from shared.questions.answers import fault
from shared.questions.shown import shown_order
from shared.store.database import Database
from shared.store.tables import Labeler, LabelRow, LeaseRow, Query, Response

SWEEP = text(
    "WITH due AS (SELECT id FROM leases WHERE state = 'open' AND expires_at < now() FOR UPDATE SKIP LOCKED), "
    "ended AS (UPDATE leases SET state = 'expired', closed_at = now() FROM due WHERE leases.id = due.id "
    "RETURNING query_id), counted AS (SELECT query_id, count(*) AS n FROM ended GROUP BY query_id) "
    "UPDATE queries SET claims = claims - counted.n FROM counted WHERE queries.id = counted.query_id"
)


class LeaseError(LoopError):
    """Why an answer was not taken."""


class UnknownLeaseError(LeaseError):
    pass


class ExpiredLeaseError(LeaseError):
    pass


class ConflictError(LeaseError):
    pass


class AnswerError(LeaseError):
    pass


def take(db: Database, labeler_id: int, *, seconds: int) -> Lease | None:
    """The labeler's open lease again, or the newest query that waits, lent for `seconds`. None where there is none."""
    try:
        with db.transaction() as session:
            session.execute(SWEEP)
            row = _open_lease(session, labeler_id) or _claim(session, labeler_id, seconds)
            return None if row is None else _as_lease(session, row)
    except IntegrityError:  # two requests of one person at once: the other one has the lease
        with db.transaction() as session:
            row = _open_lease(session, labeler_id)
            return None if row is None else _as_lease(session, row)


def answer(
    db: Database,
    labeler_id: int,
    lease_id: str,
    *,
    position: int | None = None,
    rating: int | None = None,
    seconds: float,
) -> Receipt:
    """Store what a person said: the best response was shown at `position`, or the only one has this `rating`.

    It took `seconds`. The same answer again gets the same receipt. Raises UnknownLeaseError, ExpiredLeaseError,
    AnswerError where it does not fit what was shown, and ConflictError where another stands or the query was skipped.
    """
    with db.transaction() as session:
        lease = _locked(session, labeler_id, lease_id)
        wrong = fault(len(lease.shown), position=position, rating=rating)
        if wrong is not None:
            raise AnswerError(wrong)
        if lease.state == LeaseState.DONE:
            return _receipt_again(session, lease, position, rating)
        _require_open(session, lease)
        query = session.get_one(Query, lease.query_id)
        label = LabelRow(
            query_id=query.id,
            labeler_id=labeler_id,
            lease_id=lease.id,
            best=None if position is None else lease.shown[position],
            position=position,
            rating=rating,
            seconds=seconds,
            policy_version=query.policy_version,
        )
        session.add(label)
        lease.state, lease.closed_at = LeaseState.DONE, _now(session)
        session.execute(update(Query).where(Query.id == query.id).values(answers=Query.answers + 1))
        session.flush()
        return _receipt(label)


def skip(db: Database, labeler_id: int, lease_id: str, *, reason: str | None) -> None:
    """Give a query back unanswered. It retires: another query is cheap, another person's time is not.

    Raises UnknownLeaseError, ExpiredLeaseError, and ConflictError where it was answered.
    """
    with db.transaction() as session:
        lease = _locked(session, labeler_id, lease_id)
        if lease.state == LeaseState.SKIPPED:
            return
        if lease.state == LeaseState.DONE:
            raise ConflictError(f"lease {lease_id} was answered already and cannot be skipped: go on with the next one")
        _require_open(session, lease)
        lease.state, lease.reason, lease.closed_at = LeaseState.SKIPPED, reason, _now(session)
        session.execute(update(Query).where(Query.id == lease.query_id).values(claims=Query.claims - 1, retired=True))


def progress(db: Database, labeler_id: int) -> Progress:
    """What the labeler has done so far."""
    median = func.percentile_cont(0.5).within_group(LabelRow.seconds)
    skipped = select(func.count()).where(LeaseRow.labeler_id == labeler_id, LeaseRow.state == LeaseState.SKIPPED)
    with db.snapshot() as session:
        labels, seconds = session.execute(
            select(func.count(), median).select_from(LabelRow).where(LabelRow.labeler_id == labeler_id)
        ).one()
        name = session.get_one(Labeler, labeler_id).name
        return Progress(name=name, labels=labels, skipped=session.scalars(skipped).one(), seconds=seconds)


def _open_lease(session: Session, labeler_id: int) -> LeaseRow | None:
    mine = (LeaseRow.labeler_id == labeler_id, LeaseRow.state == LeaseState.OPEN, LeaseRow.expires_at >= func.now())
    return session.scalar(select(LeaseRow).where(*mine))


def _claim(session: Session, labeler_id: int, seconds: int) -> LeaseRow | None:
    seen = select(LeaseRow.id).where(
        LeaseRow.query_id == Query.id, LeaseRow.labeler_id == labeler_id, LeaseRow.state != LeaseState.EXPIRED
    )
    # Queries that wait for more answers take their turn: after all that have none, they would never have it while the
    # sampler keeps people busy. Nothing waits for them, and whoever cannot give another answer gets the next query.
    waiting = (
        select(Query.id)
        .where(Query.claims < Query.wanted, ~Query.retired, ~seen.exists())
        .order_by(Query.policy_version.desc(), Query.position)
        .limit(1)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )
    claimed = session.execute(
        update(Query).where(Query.id == waiting).values(claims=Query.claims + 1).returning(Query.id, Query.position)
    ).one_or_none()
    if claimed is None:
        return None
    responses = session.scalars(select(func.count()).where(Response.query_id == claimed.id)).one()
    row = LeaseRow(
        id=str(uuid.uuid4()),
        query_id=claimed.id,
        labeler_id=labeler_id,
        shown=shown_order(responses, claimed.position, labeler_id),
        state=LeaseState.OPEN,
        expires_at=func.now() + text(f"interval '{int(seconds)} seconds'"),
    )
    session.add(row)
    session.flush()
    session.refresh(row)
    return row


def _as_lease(session: Session, row: LeaseRow) -> Lease:
    query = session.get_one(Query, row.query_id)
    texts = session.scalars(
        select(Response.text).where(Response.query_id == row.query_id).order_by(Response.index)
    ).all()
    return Lease(row.id, query.text, tuple(texts[index] for index in row.shown), row.expires_at)


def _locked(session: Session, labeler_id: int, lease_id: str) -> LeaseRow:
    row = session.scalar(select(LeaseRow).where(LeaseRow.id == lease_id).with_for_update())
    if row is None or row.labeler_id != labeler_id:  # whose lease it is, is nobody else's business
        raise UnknownLeaseError(f"lease {lease_id} is not one of yours: take the next one")
    return row


def _require_open(session: Session, lease: LeaseRow) -> None:
    if lease.state == LeaseState.SKIPPED:
        raise ConflictError(f"lease {lease.id} was skipped already and cannot be answered: go on with the next one")
    if lease.state == LeaseState.EXPIRED or lease.expires_at < _now(session):
        raise ExpiredLeaseError(
            f"lease {lease.id} expired at {lease.expires_at.astimezone(UTC):%H:%M:%S} UTC, and the query may be with "
            "somebody else: take the next one"
        )


def _receipt_again(session: Session, lease: LeaseRow, position: int | None, rating: int | None) -> Receipt:
    label = session.scalars(select(LabelRow).where(LabelRow.lease_id == lease.id)).one()
    if (label.position, label.rating) != (position, rating):
        raise ConflictError(
            f"lease {lease.id} was answered with {_said(label.position, label.rating)}, which stands: "
            f"{_said(position, rating)} was not taken; go on with the next one"
        )
    return _receipt(label)


def _said(position: int | None, rating: int | None) -> str:
    return f"rating {rating}" if position is None else f"position {position}"


def _receipt(label: LabelRow) -> Receipt:
    return Receipt(label.id, label.lease_id, label.position, label.created_at, label.rating)


def _now(session: Session) -> datetime:
    now: datetime = session.scalars(select(func.clock_timestamp())).one()
    return now
