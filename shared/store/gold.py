"""Gold queries: their answer is known, people are not told which they are, and theirs is measured by it."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Integer, cast, false, func, select, update
from sqlalchemy.orm import Session

from shared.domain import Answer, LoopError, Purpose
from shared.quality.share import Share, share
from shared.questions.answers import fault
from shared.store.database import Database, storable
from shared.store.tables import Labeler, LabelRow, Query, Response, Retraction

EVERYBODY = 1_000_000  # how many people shall answer one
NEAR = 1  # a rating as near as this to the known one is right: people use a scale differently


@dataclass(frozen=True, slots=True)
class GoldQuery:
    """`answer`: the index of the best response, from 0, or the rating where there is one response."""

    text: str
    responses: tuple[str, ...]
    answer: int


@dataclass(frozen=True, slots=True)
class AskedGold:
    """A gold query with how often people were right about it. A retired one is not asked and counts for nothing."""

    id: int
    query: GoldQuery
    accuracy: Share | None
    retired: bool


def right() -> ColumnElement[bool]:
    """Whether a label on a gold query is right: that response, or a rating NEAR the known one. Never: none will do."""
    near = func.abs(LabelRow.rating - Query.gold_answer) <= NEAR
    return func.coalesce(LabelRow.best == Query.gold_answer, near, false())


# Where the known answer turns out wrong, the query is retired, and whoever answered it is not judged by it.
JUDGING = (Query.purpose == Purpose.GOLD, ~Query.retired, LabelRow.retraction_id.is_(None))


def add(db: Database, queries: Sequence[GoldQuery], *, responses: int) -> list[int]:
    """Store them, all or none. Returns their ids.

    LoopError where an answer does not fit, or a query has not as many responses as all others: it would stand out.
    """
    for query in queries:
        if len(query.responses) != responses:
            raise LoopError(
                f"gold query {query.text[:40]!r} has {len(query.responses)} responses: give it {responses} as all "
                "queries of this loop have (task.responses), or people see that it is another"
            )
        said = Answer(rating=query.answer) if responses == 1 else Answer(position=query.answer)
        if wrong := fault(responses, said):
            raise LoopError(f"gold query {query.text[:40]!r}: the known answer does not fit: {wrong}")
    with db.transaction() as session:
        return [_store(session, query) for query in queries]


def promote(db: Database, query_id: int, answer: int) -> int:
    """Make a gold query like a query that people were asked; that one stays as it is. Returns the new one's id."""
    with db.snapshot() as session:
        original = session.get(Query, query_id)
        if original is None or original.purpose != Purpose.TRAINING:
            raise LoopError(f"query {query_id} is none for training: name one that people were asked")
        texts = _texts(session, [query_id])[query_id]
    [made] = add(db, [GoldQuery(original.text, texts, answer)], responses=len(texts))
    return made


def retire(db: Database, query_id: int) -> None:
    """Ask it no more, and judge nobody by it. Does no harm twice. LoopError where there is no such gold query."""
    mine = (Query.id == query_id, Query.purpose == Purpose.GOLD)
    with db.transaction() as session:
        if session.scalar(update(Query).where(*mine).values(retired=True).returning(Query.id)) is None:
            raise LoopError(f"query {query_id} is no gold query: `prefloop gold list` shows them")


def listed(db: Database) -> list[AskedGold]:
    """All gold queries, in the order in which they were added."""
    asked = (
        select(LabelRow.query_id, func.count(), func.sum(cast(right(), Integer)))
        .join(Query, Query.id == LabelRow.query_id)
        .where(Query.purpose == Purpose.GOLD, LabelRow.retraction_id.is_(None))
        .group_by(LabelRow.query_id)
    )
    with db.snapshot() as session:
        rows = session.scalars(select(Query).where(Query.purpose == Purpose.GOLD).order_by(Query.id)).all()
        texts = _texts(session, [row.id for row in rows])
        counts = {query_id: share(correct, of) for query_id, of, correct in session.execute(asked)}
    return [
        AskedGold(row.id, GoldQuery(row.text, texts[row.id], row.gold_answer or 0), counts.get(row.id), row.retired)
        for row in rows
    ]


def surely_below(db: Database, bound: float, *, least: int = 1, at_work: bool = False) -> dict[str, Share]:
    """Whose share of right answers is below the bound with confidence, of those who gave `least` of them; by name.

    `at_work` leaves out who is paused.
    """
    who = (Labeler.paused_at.is_(None),) if at_work else ()
    rows = (
        select(Labeler.name, func.count(), func.sum(cast(right(), Integer)))
        .select_from(Query)
        .join(LabelRow, LabelRow.query_id == Query.id)
        .join(Labeler, Labeler.id == LabelRow.labeler_id)
        .where(*JUDGING, *who)
        .group_by(Labeler.name)
        .having(func.count() >= least)
        .order_by(Labeler.name)
    )
    with db.snapshot() as session:
        shares = {name: share(correct, of) for name, of, correct in session.execute(rows)}
    return {name: found for name, found in shares.items() if found is not None and found.surely_below(bound)}


def forget(session: Session, labeler_id: int) -> None:
    """Judge an account by new answers alone: it was paused for the ones so far, and somebody lets it go on."""
    theirs = (
        LabelRow.labeler_id == labeler_id,
        LabelRow.purpose == Purpose.GOLD,
        LabelRow.retraction_id.is_(None),
    )
    if session.scalar(select(LabelRow.id).where(*theirs).limit(1)) is None:
        return
    forgotten = Retraction(by="an operator", reason="goes on after a pause: judged by new gold answers alone")
    session.add(forgotten)
    session.flush()
    session.execute(update(LabelRow).where(*theirs).values(retraction_id=forgotten.id))


def _store(session: Session, query: GoldQuery) -> int:
    row = Query(purpose=Purpose.GOLD, gold_answer=query.answer, text=storable(query.text), tokens=[], wanted=EVERYBODY)
    session.add(row)
    session.flush()
    session.add_all(
        Response(query_id=row.id, index=index, policy_version=None, text=storable(text), tokens=[])
        for index, text in enumerate(query.responses)
    )
    return row.id


def _texts(session: Session, query_ids: Sequence[int]) -> dict[int, tuple[str, ...]]:
    texts: dict[int, tuple[str, ...]] = {}
    rows = select(Response).where(Response.query_id.in_(query_ids)).order_by(Response.query_id, Response.index)
    for response in session.scalars(rows):
        texts[response.query_id] = (*texts.get(response.query_id, ()), response.text)
    return texts
