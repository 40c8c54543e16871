"""What policies said, what r and people think of it, and where a version comes from; for reviewers and above."""

import math
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from shared import wire
from shared.domain import Check, Flag, Purpose, RewardStatus
from shared.store import lineage, samples
from shared.store.database import Database

MOST = 100
Version = Annotated[int, Path(ge=0, lt=2**31)]
Refusals = dict[int | str, dict[str, Any]]
UNKNOWN: Refusals = {404: wire.problem("There is no such version: `detail` names it.")}
WRONG: Refusals = {422: wire.problem("A parameter is wrong: `detail` names it.")}


def _finite(score: object) -> object:
    return score if not isinstance(score, float) or math.isfinite(score) else None


Score = Annotated[float | None, BeforeValidator(_finite)]


class View(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class ResponseView(View):
    index: int
    policy_version: int | None = Field(description="who wrote it; null: none of this loop's policies")
    text: str
    scores: dict[int, Score] = Field(description="by the reward versions that were asked; null: not a finite number")


class LabelView(View):
    labeler: str
    best: int | None = Field(description="the index of a response")
    rating: int | None
    none_acceptable: bool
    flag: Flag | None
    critique: str | None
    created_at: datetime
    retracted: bool = Field(description="it was taken back since")


class QueryView(View):
    id: int
    position: int | None = Field(
        description="among the queries for training; below 0: imported; null: not for training"
    )
    purpose: Purpose
    policy_version: int | None = Field(description="for which it was sampled; null: gold, comparisons, imports")
    text: str
    created_at: datetime
    responses: list[ResponseView] = Field(description="by index")
    labels: list[LabelView] = Field(description="in the order in which they came")


class SamplesView(BaseModel):
    queries: list[QueryView] = Field(description="the newest first")
    next: int | None = Field(description="ask for those `before` it next; null: there are no more")


class AnswerView(View):
    policy_version: int
    response: str
    score: Score = Field(description="by the r that the version was trained with; null for policy 0, which had none")
    reward_version: int | None = Field(description="that r")


class ProbeView(View):
    index: int
    query: str
    answers: list[AnswerView] = Field(description="of the policy versions, the oldest first")


class ProbesView(BaseModel):
    probes: list[ProbeView]


class LearntView(View):
    version: int
    status: RewardStatus
    reason: str = Field(description="of the status")
    labels: dict[str, int] = Field(description="it was made with, by labeler: trained on, or held out")
    retracted: int = Field(description="of these, taken back since")
    verdict: list[Check] = Field(description="what the gate looked at")


class MovedView(View):
    version: int
    parent: int | None = Field(description="the policy it was trained from; null: it is the reference policy")
    reward_version: int | None = Field(description="the r it was trained with; null: it is the reference policy")
    abandoned: bool = Field(description="a rollback left it behind")


class LineageView(View):
    rewards: list[LearntView] = Field(description="by version")
    policies: list[MovedView] = Field(description="by version")


def routes(db: Database) -> APIRouter:
    api = APIRouter()

    @api.get("/api/samples", responses=WRONG)
    def sampled(
        version: Annotated[int | None, Query(ge=0, lt=2**31, description="it wrote a response")] = None,
        labeled: Annotated[bool | None, Query(description="with a label that stands, or without")] = None,
        purpose: Annotated[Purpose | None, Query(description="why people are asked")] = None,
        before: Annotated[int | None, Query(ge=0, lt=2**63, description="`next` of the page before")] = None,
        limit: Annotated[int, Query(ge=1, le=MOST)] = 20,
    ) -> SamplesView:
        """Queries with what was answered to them, how it is scored and what people said; the newest first."""
        found = samples.newest(
            db, limit=limit + 1, before=before, version=version, labeled=labeled, purpose=purpose
        )  # one more than asked for tells whether there are more
        page = found[:limit]
        return SamplesView(
            queries=[QueryView.model_validate(query) for query in page],
            next=page[-1].id if len(found) > limit else None,
        )

    @api.get("/api/probes")
    def probes() -> ProbesView:
        """The same few held-out queries, answered by each policy version."""
        return ProbesView(probes=[ProbeView.model_validate(probe) for probe in samples.probes(db)])

    @api.get("/api/lineage/policy/{version}", responses={**UNKNOWN, **WRONG})
    def policy(version: Version) -> LineageView:
        """A policy version with those it descends from, and the reward versions that they were trained with."""
        return LineageView.model_validate(lineage.of_policy(db, version))

    @api.get("/api/lineage/reward/{version}", responses={**UNKNOWN, **WRONG})
    def reward(version: Version) -> LineageView:
        """A reward version, whose labels it was made with, and the policies that it moved."""
        return LineageView.model_validate(lineage.of_reward(db, version))

    return api
