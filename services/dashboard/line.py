"""Stopping the line, or one service of it, and letting it go on: for operators."""

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field

from services.dashboard.guard import Operator
from shared import wire
from shared.domain import Service, Stop
from shared.store import stops
from shared.store.database import Database

INVALID: dict[int | str, dict[str, Any]] = {422: wire.problem("A field is wrong: `detail` names it.")}
Paused = Annotated[Service | None, Field(description="one service; null: the whole line")]


class StopBody(wire.StopLine):
    """Halt training, or one service."""

    service: Paused = None


class ResumeBody(wire.Body):
    """Let it go on."""

    service: Paused = None
    reason: Annotated[str, Field(max_length=2000, pattern=wire.TEXT, description="for the audit trail")] = ""


def routes(db: Database) -> APIRouter:
    api = APIRouter()

    @api.get("/api/stops")
    def standing() -> list[Stop]:
        """All that is stopped now: the line first, then services."""
        return stops.all_standing(db)

    @api.post("/api/stop", responses=INVALID)
    def stop(me: Operator, body: StopBody) -> Stop:
        """Halt training, or one service, where it stands. Where it is stopped already, that stop stands."""
        return stops.stop(db, by=me.name, reason=body.reason, service=body.service)

    @api.post("/api/resume", responses=INVALID)
    def resume(me: Operator, body: ResumeBody | None = None) -> Stop | None:
        """Let the line, or one service, go on. The stop that ended; null where there was none."""
        asked = body or ResumeBody()
        return stops.resume(db, by=me.name, reason=asked.reason, service=asked.service)

    return api
