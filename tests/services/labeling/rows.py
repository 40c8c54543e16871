"""Queries written straight into the tables, and what became of them."""

from collections.abc import Sequence

from sqlalchemy import func, select

from shared.store.database import Database
from shared.store.tables import LabelRow, LeaseRow, Policy, Query, Response

EVIL = "<img src=x onerror=alert(1)>"


def add_queries(db: Database, texts: Sequence[str], *, responses: int = 4) -> None:
    """One query a text; response i of it is `answer i to TEXT.`"""
    with db.transaction() as session:
        if session.get(Policy, 0) is None:
            session.add(Policy(version=0, path="policy/0", sha256="0" * 64, episodes=0, kl_coef=0.15))
            session.flush()
        first = session.scalars(select(func.count()).select_from(Query)).one()
        for position, text in enumerate(texts, start=first):
            query = Query(position=position, policy_version=0, text=text, tokens=[1])
            session.add(query)
            session.flush()
            session.add_all(
                Response(query_id=query.id, index=i, policy_version=0, text=f"answer {i} to {text}.", tokens=[i])
                for i in range(responses)
            )


def chosen(db: Database) -> dict[str, list[str]]:
    """The texts that were chosen and not taken back, by query; a list each: none must be answered twice."""
    standing = LabelRow.retraction_id.is_(None)
    best = (Response.query_id == LabelRow.query_id) & (Response.index == LabelRow.best) & standing
    found: dict[str, list[str]] = {}
    with db.transaction() as session:
        statement = select(Query.text, Response.text).join(LabelRow, LabelRow.query_id == Query.id)
        for query, response in session.execute(statement.join(Response, best)):
            found.setdefault(query, []).append(response)
    return found


def ratings(db: Database) -> dict[str, int | None]:
    """The ratings given, by query."""
    with db.transaction() as session:
        statement = select(Query.text, LabelRow.rating).join(LabelRow, LabelRow.query_id == Query.id)
        return dict(session.execute(statement).all())


def seconds_taken(db: Database) -> list[float]:
    with db.transaction() as session:
        return list(session.scalars(select(LabelRow.seconds).order_by(LabelRow.id)))


def lease_states(db: Database) -> list[str]:
    with db.transaction() as session:
        return list(session.scalars(select(LeaseRow.state).order_by(LeaseRow.state)))


def remarks(db: Database) -> dict[str, tuple[str | None, str | None]]:
    """Flag and critique that went with the answers that stand, by query."""
    standing = (LabelRow.query_id == Query.id) & LabelRow.retraction_id.is_(None)
    with db.transaction() as session:
        rows = session.execute(select(Query.text, LabelRow.flag, LabelRow.critique).join(LabelRow, standing))
        return {text: (flag, critique) for text, flag, critique in rows}


def skips(db: Database) -> dict[str, tuple[str | None, str | None]]:
    """Reason and note of the skips that stand, by query."""
    skipped = (LeaseRow.query_id == Query.id) & (LeaseRow.state == "skipped")
    with db.transaction() as session:
        rows = session.execute(select(Query.text, LeaseRow.reason, LeaseRow.note).join(LeaseRow, skipped))
        return {text: (reason, note) for text, reason, note in rows}
