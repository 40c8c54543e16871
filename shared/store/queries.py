"""Query tuples on their way to people, and the labels on their way to training."""

from collections.abc import Sequence

from sqlalchemy import func, select, text, update

from shared.domain import LabeledQuery, NewQuery
from shared.store import jobs
from shared.store.database import Database, storable
from shared.store.tables import LabelRow, Query, Response


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
    """Retire the queries that wait, lent to nobody, and that a policy older than version `before` answered.

    Those that wait for more answers too: where there are few people, they would wait for ever.
    """
    lent_to_nobody = Query.claims == Query.answers
    stale = (Query.policy_version < before, lent_to_nobody, Query.claims < Query.wanted, ~Query.retired)
    with db.transaction() as session:
        return len(session.scalars(update(Query).where(*stale).values(retired=True).returning(Query.id)).all())


def label_watermark(db: Database) -> int:
    """The id of the newest label, 0 before the first: what a training read is all labels up to here."""
    with db.transaction() as session:
        # Ids are given out before the commit: wait for the labels under way, or a smaller one may come in later.
        session.execute(text("LOCK TABLE labels IN SHARE MODE"))
        return session.scalar(select(func.max(LabelRow.id))) or 0


def labeled(db: Database, *, upto: int) -> list[LabeledQuery]:
    """All labels up to a watermark, by position of the query: when they were given does not matter."""
    with db.snapshot() as session:
        rows = session.execute(
            select(LabelRow, Query)
            .join(Query, Query.id == LabelRow.query_id)
            .where(LabelRow.id <= upto)
            .order_by(Query.position, LabelRow.labeler_id)
        ).all()
        responses: dict[int, list[tuple[int, ...]]] = {}
        wanted = select(LabelRow.query_id).where(LabelRow.id <= upto)
        for response in session.scalars(
            select(Response).where(Response.query_id.in_(wanted)).order_by(Response.query_id, Response.index)
        ):
            responses.setdefault(response.query_id, []).append(tuple(response.tokens))
    return [
        LabeledQuery(
            position=query.position,
            tokens=tuple(query.tokens),
            responses=tuple(responses[query.id]),
            best=label.best,
            rating=label.rating,
            label_id=label.id,
            policy_version=label.policy_version,
        )
        for label, query in rows
    ]
