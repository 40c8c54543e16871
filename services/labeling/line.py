"""Stopping the line: whoever labels sees first that something is wrong, and may halt training at once."""

from fastapi import APIRouter

from services.labeling.api import INVALID, KEY, REFUSALS, Me
from shared import wire
from shared.domain import Stop
from shared.store import stops
from shared.store.database import Database


def routes(db: Database) -> APIRouter:
    api = APIRouter(prefix="/api", dependencies=[KEY], responses=REFUSALS)

    @api.post("/stop", summary="Stop the line", responses=INVALID)
    def stop(me: Me, body: wire.StopLine) -> Stop:
        """Training halts where it stands until an operator resumes. Where it is stopped already, that stop stands."""
        return stops.stop(db, by=me.name, reason=body.reason)

    return api
