"""Stopping the line, or one service of it: whoever labels may halt training with a reason, and operators resume it.

The loop stops itself too, with a cause: then what it saw before the next resume does not stop it again.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, func, select, true, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from shared.domain import Cause, Service, Stop
from shared.store.database import Database, storable
from shared.store.tables import StopRow

COLUMNS = (StopRow.id, StopRow.by, StopRow.reason, StopRow.created_at, StopRow.service, StopRow.cause)


def stop(db: Database, *, by: str, reason: str, service: Service | None = None, cause: Cause | None = None) -> Stop:
    """Halt the line, or one service, until `resume`. Where it is stopped already, that stop stands and is returned."""
    values = {"by": storable(by), "reason": storable(reason), "service": service, "cause": cause}
    with db.transaction() as session:
        session.execute(insert(StopRow).values(**values).on_conflict_do_nothing())
        found = find(session, service)
        assert found is not None
        return found


def resume(db: Database, *, by: str, reason: str = "", service: Service | None = None) -> Stop | None:
    """Let the line, or one service, go on. Returns the stop that ended; None where there was none."""
    with db.transaction() as session:
        ended = find(session, service)
        mine = (StopRow.resumed_at.is_(None), StopRow.service.is_not_distinct_from(service))
        said = {"resumed_by": storable(by), "resumed_reason": storable(reason), "resumed_at": func.now()}
        session.execute(update(StopRow).where(*mine).values(**said))
        return ended


def standing(db: Database) -> Stop | None:
    """The stop of the whole line, if any."""
    with db.glance() as connection:
        return find(connection)


def all_standing(db: Database) -> list[Stop]:
    """That of the line first, then those of services."""
    with db.glance() as connection:
        return [_stop(row) for row in connection.execute(_of(true()))]


def halting(db: Database, service: Service) -> Stop | None:
    """What halts this service now, if anything: the line's stop or its own."""
    with db.glance() as connection:
        row = connection.execute(_of(StopRow.service.is_(None) | (StopRow.service == service)).limit(1)).one_or_none()
        return None if row is None else _stop(row)


def resumed_at(db: Database, cause: Cause) -> datetime | None:
    """When the last stop of this cause was resumed: only what came after it can stop the line again."""
    with db.glance() as connection:
        found: datetime | None = connection.execute(
            select(func.max(StopRow.resumed_at)).where(StopRow.cause == cause)
        ).scalar_one()
        return found


def paused_services(session: Session) -> list[Service]:
    own = select(StopRow.service).where(StopRow.resumed_at.is_(None), StopRow.service.is_not(None))
    return [Service(name) for name in session.scalars(own) if name is not None]


def find(session: Session | Connection, service: Service | None = None) -> Stop | None:
    row = session.execute(_of(StopRow.service.is_not_distinct_from(service))).one_or_none()
    return None if row is None else _stop(row)


def _of(condition: ColumnElement[bool]) -> Select[int, str, str, datetime, str | None, str | None]:
    return select(*COLUMNS).where(StopRow.resumed_at.is_(None), condition).order_by(StopRow.service.nulls_first())


def _stop(row: Any) -> Stop:
    return Stop(
        id=row.id,
        by=row.by,
        reason=row.reason,
        created_at=row.created_at,
        service=None if row.service is None else Service(row.service),
        cause=None if row.cause is None else Cause(row.cause),
    )
