"""Stopping the line: anybody who labels may halt training with a reason, and an operator resumes it."""

from sqlalchemy import Connection, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from shared.domain import Stop
from shared.store.database import Database, storable
from shared.store.tables import StopRow

STANDING = select(StopRow.id, StopRow.by, StopRow.reason, StopRow.created_at).where(StopRow.resumed_at.is_(None))


def stop(db: Database, *, by: str, reason: str) -> Stop:
    """Halt training until `resume`. Where the line is stopped already, that stop stands and is returned."""
    new = insert(StopRow).values(by=storable(by), reason=storable(reason)).on_conflict_do_nothing()
    with db.transaction() as session:
        session.execute(new)
        standing = find(session)
        assert standing is not None
        return standing


def resume(db: Database, *, by: str) -> Stop | None:
    """Let training go on. Returns the stop that ended; None where there was none."""
    with db.transaction() as session:
        ended = find(session)
        mine = StopRow.resumed_at.is_(None)
        session.execute(update(StopRow).where(mine).values(resumed_by=storable(by), resumed_at=func.now()))
        return ended


def standing(db: Database) -> Stop | None:
    """The stop that halts training now, if any."""
    with db.glance() as connection:
        return find(connection)


def find(session: Session | Connection) -> Stop | None:
    row = session.execute(STANDING).one_or_none()
    return None if row is None else Stop(*row)
