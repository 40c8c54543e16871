"""Time per phase: which of the loop's parts worked when, who waited for whom, and how labels came."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from services.dashboard.guard import Me
from services.dashboard.lanes import LaneView, lanes
from shared import wire
from shared.domain import Service
from shared.store.database import Database
from shared.store.timeline import BINS, SpanOfTime, history

Hours = Annotated[float, Query(gt=0, le=24 * 366, description="how far back; less where the loop is younger")]


class Halt(BaseModel):
    service: Service | None = Field(description="null: the whole line")
    span: SpanOfTime


class LabelRate(BaseModel):
    at: list[float] = Field(description="the end of each span of time, in seconds since 1970")
    per_minute: list[float] = Field(description="labels that came in it")
    backlog: list[int] = Field(description="queries that waited for their first answer at its end")


class Timeline(BaseModel):
    """Times are in seconds since 1970."""

    since: float
    until: float
    lanes: list[LaneView]
    halts: list[Halt]
    labels: LabelRate


def routes(db: Database) -> APIRouter:
    api = APIRouter()

    @api.get("/api/timeline", responses={422: wire.problem("A field is wrong: `detail` names it.")})
    def timeline(_me: Me, hours: Hours = 1) -> Timeline:
        """When the sampler, people, the reward trainer and ppo worked, and for whom each waited."""
        found = history(db, hours=hours)
        width = (found.until - found.since) / BINS
        return Timeline(
            since=found.since,
            until=found.until,
            lanes=lanes(found),
            halts=[Halt(service=service, span=span) for service, span in found.halts],
            labels=LabelRate(
                at=[found.since + width * number for number in range(1, BINS + 1)],
                per_minute=[60 * count / width for count in found.labels],
                backlog=list(found.backlog),
            ),
        )

    return api
