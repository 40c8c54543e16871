"""What policies answered of late: what a new r scores before it may score an episode."""

from sqlalchemy import select

from shared.domain import AnsweredQuery, Purpose
from shared.store.database import Database
from shared.store.tables import Query, Response


def recent(db: Database, count: int) -> list[AnsweredQuery]:
    """The `count` newest of the sampler's queries, in the order of their positions, labeled or not.

    Positions, not clocks: where nothing is sampled meanwhile, the same are found again. Imported ones are of others.
    """
    ours = (Query.purpose == Purpose.TRAINING, Query.position >= 0)
    with db.snapshot() as session:
        found = session.execute(
            select(Query.id, Query.tokens).where(*ours).order_by(Query.position.desc()).limit(count)
        ).all()
        responses: dict[int, list[tuple[int, ...]]] = {query_id: [] for query_id, _ in found}
        for response in session.scalars(
            select(Response).where(Response.query_id.in_(responses)).order_by(Response.query_id, Response.index)
        ):
            responses[response.query_id].append(tuple(response.tokens))
    return [AnsweredQuery(query_id, tuple(tokens), tuple(responses[query_id])) for query_id, tokens in reversed(found)]
