"""Whether the loop is well, and if not, what is wrong and what to do; its three clocks; who is there."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from shared import health
from shared.checkup import check
from shared.health import Remedy, Severity
from shared.settings import Settings
from shared.store import freshness
from shared.store.database import Database


class View(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class AlarmView(View):
    severity: Severity = Field(description="stop: halted until somebody resumes; notice: the loop goes on by itself")
    what: str = Field(description="what is wrong")
    todo: str = Field(description="what to do about it")
    since: datetime | None
    action: Remedy | None = Field(description="what an operator can do about it here")
    service: str | None


class ArrivalView(View):
    version: int
    at: datetime
    seconds: float = Field(description="that it had waited by then")


class ClockView(View):
    now: float | None = Field(description="seconds that the oldest thing has waited so far; null: nothing waits")
    bound: float = Field(description="seconds; beyond it there is an alarm")
    last: float | None = Field(description="seconds that the last one took")
    history: list[ArrivalView]

    @classmethod
    def of(cls, clock: freshness.Clock, bound: float) -> "ClockView":
        history = [ArrivalView.model_validate(arrival) for arrival in clock.history]
        return cls(now=clock.now, bound=bound, last=clock.last, history=history)


class FreshnessView(BaseModel):
    label_to_reward: ClockView = Field(description="by reward version, from the oldest label that it was the first for")
    reward_to_policy: ClockView = Field(description="by reward version, to the first policy trained with it")
    policy_to_sample: ClockView = Field(description="by policy version, to the first query it answered")


class ProcessView(View):
    service: str
    instance: str = Field(description="host/pid")
    silent_seconds: float = Field(description="since its last sign of life")
    started_at: datetime
    facts: dict[str, Any] = Field(description="what it says of itself")


class HealthView(BaseModel):
    well: bool = Field(description="there is neither a stop nor an alarm")
    alarms: list[AlarmView] = Field(description="the worst first")
    freshness: FreshnessView
    services: list[ProcessView]

    @classmethod
    def of(cls, found: health.Health) -> "HealthView":
        clocks, bounds = found.freshness, found.bounds
        return cls(
            well=found.well,
            alarms=[AlarmView.model_validate(alarm) for alarm in found.alarms],
            freshness=FreshnessView(
                label_to_reward=ClockView.of(clocks.label_to_reward, bounds.label_to_reward),
                reward_to_policy=ClockView.of(clocks.reward_to_policy, bounds.reward_to_policy),
                policy_to_sample=ClockView.of(clocks.policy_to_sample, bounds.policy_to_sample),
            ),
            services=[ProcessView.model_validate(process) for process in found.services],
        )


def routes(db: Database, settings: Settings, redis: Callable[[], object]) -> APIRouter:
    """`redis` asks Redis anything; LoopError where it does not answer."""
    api = APIRouter()

    @api.get("/api/health")
    def well() -> HealthView:
        """Whether the loop is well, and if not, what is wrong and what to do."""
        return HealthView.of(check(db, settings, redis))

    return api
