"""Labels on their way out of the store, one after the other, by a cursor of the server's."""

from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import Session

from shared.domain import LoopError, Purpose
from shared.exchange.records import Passage, Record
from shared.store.database import Database
from shared.store.queries import learnable_upto
from shared.store.tables import Labeler, LabelRow, Query, Response, Reward

BATCH = 500  # rows fetched at once: what is held in memory


@dataclass(frozen=True, slots=True)
class Selection:
    """Which labels. Policy versions are those that answered the query, both ends included; `until` is not.

    reward: all that this reward version read, by its watermarks: to train on, and held out. What was retracted before
    is not among it, what was retracted since is, whatever `include_retracted` says.
    """

    purpose: Purpose = Purpose.TRAINING
    from_policy: int | None = None
    to_policy: int | None = None
    reward: int | None = None
    labelers: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None
    include_retracted: bool = False


def count(db: Database, selection: Selection) -> int:
    with db.snapshot() as session:
        return session.scalars(select(func.count()).select_from(_chosen(session, selection).subquery())).one()


def labels(db: Database, selection: Selection) -> Generator[Record, None, None]:
    """By id, as of one moment; BATCH of them are fetched at a time. LoopError: no such reward version."""
    with db.snapshot() as session:
        yield from stream(session, selection)


def stream(session: Session, selection: Selection) -> Generator[Record, None, None]:
    """As `labels`, in a transaction that is there: the cursor is the server's."""
    part = func.jsonb_build_object(
        "text", Response.text, "tokens", Response.tokens, "policy_version", Response.policy_version
    )
    responses = (
        select(func.jsonb_agg(aggregate_order_by(part, Response.index)))
        .where(Response.query_id == Query.id)
        .scalar_subquery()
    )
    rows = session.execute(
        _chosen(session, selection).with_only_columns(LabelRow, Query, Labeler.name, responses).order_by(LabelRow.id),
        execution_options={"yield_per": BATCH},
    )
    with closing(rows):
        for label, query, labeler, written in rows:
            yield Record(
                label_id=label.id,
                query_id=query.id,
                query_position=query.position,
                policy_version=label.policy_version,
                purpose=label.purpose,
                query=Passage(text=query.text, tokens=tuple(query.tokens)),
                responses=written,
                best=label.best,
                rating=label.rating,
                none_acceptable=label.none_acceptable,
                shown=label.position,
                flag=label.flag,
                critique=label.critique,
                seconds=label.seconds,
                labeler=labeler,
                retracted=label.retraction_id is not None,
                created_at=label.created_at,
            )


def _chosen(session: Session, wanted: Selection) -> Select[Any]:
    """Labels with their queries and labelers."""
    return (
        select(LabelRow.id)
        .join(Query, Query.id == LabelRow.query_id)
        .join(Labeler, Labeler.id == LabelRow.labeler_id)
        .where(*_conditions(session, wanted))
    )


def _conditions(session: Session, wanted: Selection) -> list[ColumnElement[bool]]:
    conditions = [LabelRow.purpose == wanted.purpose]
    if wanted.reward is not None:
        reward = session.get(Reward, wanted.reward)
        if reward is None:
            raise LoopError(f"--reward {wanted.reward}: there is no such version; `prefloop status` names the newest")
        conditions += learnable_upto(reward.label_watermark, reward.retraction_watermark)
    elif not wanted.include_retracted:
        conditions.append(LabelRow.retraction_id.is_(None))
    if wanted.from_policy is not None:
        conditions.append(LabelRow.policy_version >= wanted.from_policy)
    if wanted.to_policy is not None:
        conditions.append(LabelRow.policy_version <= wanted.to_policy)
    if wanted.labelers:
        unknown = set(wanted.labelers) - set(session.scalars(select(Labeler.name)))
        if unknown:
            raise LoopError(f"--labeler {', '.join(sorted(unknown))}: there is no such account; name one that is there")
        conditions.append(Labeler.name.in_(wanted.labelers))
    if wanted.since is not None:
        conditions.append(LabelRow.created_at >= wanted.since)
    if wanted.until is not None:
        conditions.append(LabelRow.created_at < wanted.until)
    return conditions
