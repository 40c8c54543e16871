"""Stopping the line and letting it go on: for operators."""

from fastapi import APIRouter

from services.dashboard.guard import Operator
from shared import wire
from shared.domain import Stop
from shared.store import stops
from shared.store.database import Database


def routes(db: Database) -> APIRouter:
    api = APIRouter()

    @api.post("/api/stop", responses={422: wire.problem("A field is wrong: `detail` names it.")})
    def stop(me: Operator, body: wire.StopLine) -> Stop:
        """Halt training where it stands. Where it is stopped already, that stop stands."""
        return stops.stop(db, by=me.name, reason=body.reason)

    @api.post("/api/resume")
    def resume(me: Operator) -> Stop | None:
        """Let training go on. The stop that ended; null where there was none."""
        return stops.resume(db, by=me.name)

    return api
