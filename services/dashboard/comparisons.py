"""Which policy people prefer: comparisons as they stand, and the leaderboard; for reviewers and above."""

from datetime import datetime

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from shared.domain import ComparisonState
from shared.quality.leaderboard import Standing, leaderboard
from shared.store import comparisons
from shared.store.comparisons import Tally
from shared.store.contests import contests
from shared.store.database import Database


class ComparisonView(BaseModel):
    """Policy `version` beside policy `against`, or beside the texts named `reference`."""

    model_config = ConfigDict(from_attributes=True)
    id: int
    version: int
    against: int | None
    reference: str | None
    state: ComparisonState
    tally: Tally
    rate: float | None = Field(description="the version's share of the preferences")
    interval: tuple[float, float] = Field(description="of the rate; at all times with probability 1 - alpha")
    alpha: float
    evidence: float = Field(description="the test decides where it is 1 / alpha")
    created_at: datetime
    ended_at: datetime | None


class ComparisonsView(BaseModel):
    comparisons: list[ComparisonView] = Field(description="the newest first")
    leaderboard: list[Standing] = Field(description="the strongest first; a contestant is a version or reference texts")


def routes(db: Database) -> APIRouter:
    api = APIRouter()

    @api.get("/api/comparisons")
    def compared() -> ComparisonsView:
        """All comparisons, and all versions by what people prefer. What is undefined is null."""
        return ComparisonsView(
            comparisons=[ComparisonView.model_validate(one) for one in comparisons.listed(db)],
            leaderboard=leaderboard(contests(db)),
        )

    return api
