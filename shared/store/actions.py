"""What operators do to the loop, each written down with who and why. Rollbacks and changed settings are read from here.

An action is its own audit trail: nothing of it is ever changed, but that its result is added.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from shared.domain import Action, ActionKind
from shared.store.database import Database, storable
from shared.store.tables import ActionRow, JobRow


def note(session: Session, kind: ActionKind, *, by: str, reason: str, detail: Mapping[str, Any]) -> Action:
    """Write one down, in the transaction that does it."""
    row = ActionRow(by=storable(by), kind=kind, detail=dict(detail), reason=storable(reason))
    session.add(row)
    session.flush()
    session.refresh(row)
    return _action(row)


def settle(session: Session, action_id: int, result: Mapping[str, Any]) -> Action:
    """Say what came of one, in the transaction in which it came."""
    row = session.get_one(ActionRow, action_id)
    row.result = dict(result)
    return _action(row)


def asked(db: Database, action_id: int) -> Action:
    """The one that a message's `request` names."""
    with db.snapshot() as session:
        return _action(session.get_one(ActionRow, action_id))


def listed(db: Database, *, kind: ActionKind | None = None, limit: int = 100) -> list[Action]:
    """The newest first, of all kinds or of one."""
    wanted = () if kind is None else (ActionRow.kind == kind,)
    newest_first = select(ActionRow).where(*wanted).order_by(ActionRow.id.desc()).limit(limit)
    with db.snapshot() as session:
        return [_action(row) for row in session.scalars(newest_first)]


def newest(session: Session | Connection, kind: ActionKind) -> Mapping[str, Any] | None:
    """The detail of the newest one of a kind, if any."""
    newest_first = select(ActionRow.detail).where(ActionRow.kind == kind).order_by(ActionRow.id.desc()).limit(1)
    found: Mapping[str, Any] | None = session.execute(newest_first).scalar_one_or_none()
    return found


def waiting(session: Session, kind: ActionKind) -> int | None:
    """The oldest one that asks for a job of its own (`message.request`) and has none yet."""
    asked = select(JobRow.message["request"].as_integer()).where(JobRow.message["request"].as_integer().is_not(None))
    unserved = select(ActionRow.id).where(
        ActionRow.kind == kind, ActionRow.result.is_(None), ActionRow.id.not_in(asked)
    )
    return session.scalar(unserved.order_by(ActionRow.id).limit(1))


def overrides(db: Database) -> dict[str, Any]:
    """The settings that operators changed since the loop began, by dotted key: the newest change of each counts.

    The detail of such an action is {"key": ..., "value": ..., "was": ...}, or {"key": ..., "reset": true, "was": ...}.
    """
    key = ActionRow.detail["key"].as_string()
    changes = (
        select(ActionRow.detail)
        .where(ActionRow.kind == ActionKind.SET)
        .ext(distinct_on(key))
        .order_by(key, ActionRow.id.desc())
    )
    with db.glance() as connection:
        found = connection.execute(changes).scalars().all()
    return {change["key"]: change["value"] for change in found if not change.get("reset")}


def _action(row: ActionRow) -> Action:
    return Action(row.id, row.by, ActionKind(row.kind), row.detail, row.reason, row.created_at, row.result)
