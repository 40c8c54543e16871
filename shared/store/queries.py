"""Query tuples on their way to people, and the labels on their way to training."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, or_, select, text, update
from sqlalchemy.orm import InstrumentedAttribute

from shared.domain import LabeledQuery, NewQuery, Purpose
from shared.store import jobs
from shared.store.database import Database, storable
from shared.store.tables import LabelRow, Query, Response, Retraction

Watermarks = InstrumentedAttribute[int]

# What r learns from: gold and comparisons measure, and of an answer that none is acceptable there is nothing to learn.
LEARNABLE = (LabelRow.purpose == Purpose.TRAINING, ~LabelRow.none_acceptable, LabelRow.retraction_id.is_(None))


@dataclass(frozen=True, slots=True)
class Watermark:
    """The labels a training reads: those up to id `label` that no retraction up to id `retraction` took out.

    So what a reward version was trained on can be read again, whatever was retracted later.
    """

    label: int
    retraction: int


def add(db: Database, key: str, attempt: int, found: Sequence[NewQuery], *, policy_version: int) -> int:
    """Store the result of a sampling job, all of it or nothing. Returns the number of queries.

    Raises SupersededError where the attempt was given up.
    """
    with db.transaction() as session:
        jobs.finish(session, key, attempt)
        for new in found:
            query = Query(
                position=new.position,
                policy_version=policy_version,
                text=storable(new.text),
                tokens=list(new.tokens),
                wanted=new.wanted,
                priority=new.priority,
            )
            session.add(query)
            session.flush()
            session.add_all(
                Response(
                    query_id=query.id,
                    index=index,
                    policy_version=response.policy_version,
                    text=storable(response.text),
                    tokens=list(response.tokens),
                )
                for index, response in enumerate(new.responses)
            )
    return len(found)


def retire(db: Database, *, before: int) -> int:
    """Retire the queries for training that wait, lent to nobody, and that a policy older than `before` answered.

    Those that wait for more answers too: where there are few people, they would wait for ever.
    """
    lent_to_nobody = Query.claims == Query.answers
    stale = (Query.purpose == Purpose.TRAINING, Query.policy_version < before)
    waiting = (lent_to_nobody, Query.claims < Query.wanted, ~Query.retired)
    with db.transaction() as session:
        gone = update(Query).where(*stale, *waiting).values(retired=True).returning(Query.id)
        return len(session.scalars(gone).all())


def watermark(db: Database) -> Watermark:
    """Up to the newest label and the newest retraction, 0 before the first."""
    with db.transaction() as session:
        # Ids are given out before the commit: wait for those under way, or a smaller one may come in later.
        # Who takes labels back writes to both tables in this order.
        session.execute(text("LOCK TABLE retractions, labels IN SHARE MODE"))
        label, retraction = (session.scalar(select(func.max(table.id))) for table in (LabelRow, Retraction))
        return Watermark(label or 0, retraction or 0)


def learnable_upto(label: int | Watermarks, retraction: int | Watermarks) -> tuple[ColumnElement[bool], ...]:
    """LEARNABLE as it was at a watermark, whose two parts may be columns of the rewards' table."""
    in_force = or_(LabelRow.retraction_id.is_(None), LabelRow.retraction_id > retraction)
    return LabelRow.id <= label, LabelRow.purpose == Purpose.TRAINING, ~LabelRow.none_acceptable, in_force


def labeled(db: Database, *, upto: Watermark) -> list[LabeledQuery]:
    """What r learns from, up to a watermark, by position of the query: when labels were given does not matter."""
    learnable = learnable_upto(upto.label, upto.retraction)
    with db.snapshot() as session:
        rows = session.execute(
            select(LabelRow, Query)
            .join(Query, Query.id == LabelRow.query_id)
            .where(*learnable)
            .order_by(Query.position, LabelRow.labeler_id, LabelRow.id)
        ).all()
        responses: dict[int, list[tuple[int, ...]]] = {}
        wanted = select(LabelRow.query_id).where(*learnable)
        for response in session.scalars(
            select(Response).where(Response.query_id.in_(wanted)).order_by(Response.query_id, Response.index)
        ):
            responses.setdefault(response.query_id, []).append(tuple(response.tokens))
    found = []
    for label, query in rows:
        assert query.position is not None  # a check of the table's: all queries for training have one
        found.append(
            LabeledQuery(
                position=query.position,
                tokens=tuple(query.tokens),
                responses=tuple(responses[query.id]),
                best=label.best,
                rating=label.rating,
                label_id=label.id,
                policy_version=label.policy_version,
            )
        )
    return found
