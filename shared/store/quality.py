"""What people have said so far, as shared/quality measures it."""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, case, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute

from shared.domain import Flag, LeaseState, Purpose, Role
from shared.quality.labels import NONE, Account, Material, Skip, StandingLabel
from shared.store import gold
from shared.store.database import Database
from shared.store.tables import Labeler, LabelRow, LeaseRow, Query, Response

Moment = InstrumentedAttribute[datetime] | InstrumentedAttribute[datetime | None]


def material(db: Database, *, since: datetime | None = None, until: datetime | None = None) -> Material:
    """All standing labels and all skips from `since` on and before `until`, and who labels, in one snapshot.

    Accounts are those of labelers and of all others who ever gave a label.
    """
    skips = (
        select(Labeler.name, Query.policy_version)
        .select_from(LeaseRow)
        .join(Labeler, Labeler.id == LeaseRow.labeler_id)
        .join(Query, Query.id == LeaseRow.query_id)
        .where(LeaseRow.state == LeaseState.SKIPPED, *_within(LeaseRow.closed_at, since, until))
    )
    paused = case((Labeler.paused_at.is_not(None), Labeler.paused_reason))
    retracted = func.count(LabelRow.retraction_id).filter(LabelRow.purpose != Purpose.GOLD)
    accounts = (
        select(Labeler.name, paused, retracted)
        .outerjoin(LabelRow, LabelRow.labeler_id == Labeler.id)
        .group_by(Labeler.id)
        .having(or_(Labeler.role == Role.LABELER, func.count(LabelRow.id) > 0))
    )
    with db.snapshot() as session:
        return Material(
            labels=[_label(row) for row in session.execute(_labels(since, until))],
            skips=[Skip(name, policy_version) for name, policy_version in session.execute(skips)],
            accounts=[Account(name, reason, count) for name, reason, count in session.execute(accounts)],
        )


def _labels(since: datetime | None, until: datetime | None) -> Select[Any]:
    """Standing labels in the order in which they came, as `_label` reads them."""
    responses = select(func.count()).where(Response.query_id == Query.id).scalar_subquery()
    answer = case((LabelRow.none_acceptable, NONE), else_=func.coalesce(LabelRow.best, LabelRow.rating))
    return (
        select(
            LabelRow.query_id,
            Labeler.name,
            LabelRow.purpose,
            responses.label("responses"),
            answer.label("answer"),
            LabelRow.position,
            LabelRow.seconds,
            LabelRow.flag,
            LabelRow.policy_version,
            case((and_(*gold.JUDGING), gold.right())).label("right"),
            LabelRow.created_at,
        )
        .join(Query, Query.id == LabelRow.query_id)
        .join(Labeler, Labeler.id == LabelRow.labeler_id)
        .where(LabelRow.retraction_id.is_(None), *_within(LabelRow.created_at, since, until))
        .order_by(LabelRow.id)
    )


def _label(row: Row[Any]) -> StandingLabel:
    return StandingLabel(
        query_id=row.query_id,
        labeler=row.name,
        purpose=Purpose(row.purpose),
        responses=row.responses,
        answer=row.answer,
        position=row.position,
        seconds=row.seconds,
        flag=row.flag and Flag(row.flag),
        policy_version=row.policy_version,
        right=row.right,
        created_at=row.created_at,
    )


def _within(column: Moment, since: datetime | None, until: datetime | None) -> list[ColumnElement[bool]]:
    return [*([column >= since] if since else []), *([column < until] if until else [])]
