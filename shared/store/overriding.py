"""Settings that operators change while the loop runs: each change is checked with all others, and written down."""

import math
from typing import Any

from sqlalchemy.orm import Session

from shared.domain import Action, ActionKind, LoopError
from shared.settings import CHANGEABLE, Settings
from shared.store import actions
from shared.store.database import Database
from shared.store.steering import RefusedError, alone


def set_setting(db: Database, started: Settings, key: str, value: Any, *, by: str, reason: str) -> Action:
    """Change one, by its dotted key, from the next job, tick or lease on. `started`: what the loop was started with.

    `value` may be text, as on a command line. RefusedError names keys that may not change, and values that do not fit.
    """
    with db.transaction() as session:
        alone(session)
        before = actions.overrides(db)
        try:
            changed = started.changed({**before, key: value})
        except LoopError as error:
            raise RefusedError(str(error)) from None
        now = setting(changed, key)
        if isinstance(now, float) and not math.isfinite(now):
            raise RefusedError(f"{key}: {now} is no number to train with; give a finite one")
        detail = {"key": key, "value": now, "was": before.get(key, setting(started, key))}
        return _noted(session, detail, by=by, reason=reason)


def reset_setting(db: Database, started: Settings, key: str, *, by: str, reason: str) -> Action:
    """Let one be again as the loop was started with it. RefusedError where it is."""
    with db.transaction() as session:
        alone(session)
        before = actions.overrides(db)
        if key not in CHANGEABLE:
            raise RefusedError(f"{key} may not change while the loop runs: one of {', '.join(CHANGEABLE)} may")
        if key not in before:
            raise RefusedError(f"{key} is {setting(started, key)}, as the loop was started: there is nothing to reset")
        return _noted(session, {"key": key, "reset": True, "was": before[key]}, by=by, reason=reason)


def setting(settings: Settings, key: str) -> Any:
    """One of CHANGEABLE, as JSON knows it."""
    section, name = key.split(".")
    return getattr(getattr(settings, section), name)


def _noted(session: Session, detail: dict[str, Any], *, by: str, reason: str) -> Action:
    return actions.note(session, ActionKind.SET, by=by, reason=reason, detail=detail)
