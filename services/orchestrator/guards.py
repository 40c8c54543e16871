"""The loop stops itself: where a guard finds a cause (shared/guards), the line is stopped with its reason."""

import logging
from typing import Any
from weakref import WeakKeyDictionary

from shared.domain import Stop
from shared.guards.guards import GUARDS, first_finding
from shared.settings import Settings
from shared.store import evidence, stops
from shared.store.database import Database

log = logging.getLogger(__name__)

BY = "prefloop"

_looked_at: WeakKeyDictionary[Database, Any] = WeakKeyDictionary()  # what was looked at last: only news is looked at


def watch(db: Database, settings: Settings) -> Stop | None:
    """Ask the guards if there is anything new, and stop the line if one says so. Nothing while it is stopped already.

    `settings` as operators changed them. Returns the stop it made, if any.
    """
    if stops.standing(db) is not None:
        return None
    looked_at = (evidence.newest(db), settings)
    if _looked_at.get(db) == looked_at:
        return None
    found = first_finding(evidence.read(db, settings), settings.guards)
    stop = None
    if found is not None:
        cause, reason = found
        stop = stops.stop(db, by=BY, reason=reason, cause=cause)
        log.error("the line is stopped: %s %s", reason, GUARDS[cause].way_out)
    _looked_at[db] = looked_at
    return stop
