"""The audit trail: who did what to the loop, stops and resumes included, from the tables that tell of them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from shared.store import actions
from shared.store.database import Database
from shared.store.tables import StopRow


@dataclass(frozen=True, slots=True)
class Entry:
    """`kind`: an ActionKind, "stop" or "resume"; `id` is one of the actions, or of the stop that began or ended.

    `result`: what came of it, None while nothing has.
    """

    id: int
    by: str
    kind: str
    detail: dict[str, Any]
    reason: str
    created_at: datetime
    result: dict[str, Any] | None


def trail(db: Database, *, limit: int = 100) -> list[Entry]:
    """The newest first."""
    asked = [
        Entry(a.id, a.by, a.kind, a.detail, a.reason, a.created_at, a.result) for a in actions.listed(db, limit=limit)
    ]
    newest = sorted([*asked, *_stops(db, limit)], key=lambda entry: entry.created_at, reverse=True)
    return newest[:limit]


def _stops(db: Database, limit: int) -> list[Entry]:
    found = []
    newest = (StopRow.resumed_at.desc().nulls_first(), StopRow.id.desc())
    with db.snapshot() as session:
        for row in session.scalars(select(StopRow).order_by(*newest).limit(limit)):
            about = {"service": row.service, "cause": row.cause}
            found.append(Entry(row.id, row.by, "stop", about, row.reason, row.created_at, None))
            if row.resumed_at is not None:
                found.append(
                    Entry(row.id, row.resumed_by or "", "resume", about, row.resumed_reason or "", row.resumed_at, None)
                )
    return found
