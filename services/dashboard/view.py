"""What GET /api/state answers, and the page shows. Times are ISO 8601, curves are columns of equal length."""

from datetime import datetime

from pydantic import BaseModel, Field

from services.dashboard.phase import Phase
from shared.domain import Check, JobState, RewardStatus, Schedule, Stop


class LabelCurve(BaseModel):
    at: list[float] = Field(description="seconds since 1970")
    count: list[int] = Field(description="labels by then")


class Labeler(BaseModel):
    name: str
    labels: int


class Labels(BaseModel):
    count: int
    budget: int
    next_training: int | None = Field(description="label count of the next reward training; null after the last")
    open_queries: int = Field(description="queries that wait for their first answer")
    leases_open: int = Field(description="queries lent to somebody right now")
    skipped: int
    oldest_open_seconds: float | None
    labelers: list[Labeler]
    curve: LabelCurve


class RewardView(BaseModel):
    version: int
    status: RewardStatus
    reason: str
    labels: int = Field(description="labels trained on")
    held_out: int = Field(description="labels that only measured accuracy")
    accuracy: float | None
    compared: int = Field(description="held-out labels, or pairs of held-out ratings, that accuracy is a share of")
    interval: tuple[float, float] | None = Field(description="95 % of the accuracy (Wilson)")
    verdict: list[Check] = Field(description="what the gate looked at, each with its figures")
    request_id: int | None = Field(description="the action by which an operator asked for it; null: the plan did")
    pruned: bool = Field(description="its weights are gone")
    created_at: datetime


class Rewards(BaseModel):
    chance: float = Field(description="accuracy of guessing: 1/N, for ratings 1/2")
    live: RewardView | None = Field(description="newest published, or what was rolled back to since")
    versions: list[RewardView] = Field(description="rejected ones included")


class PolicyView(BaseModel):
    version: int
    parent: int | None
    reward_version: int | None
    episodes: int
    kl: float | None
    kl_coef: float
    score: float | None
    sha256: str
    abandoned: bool = Field(description="the live policy does not descend from it, since a rollback")
    pruned: bool = Field(description="its weights are gone")
    created_at: datetime


class Rollback(BaseModel):
    """An operator went back to this pair; `episodes` are the policy's."""

    policy: int
    reward: int | None
    episodes: int
    by: str
    reason: str
    at: datetime


class Policies(BaseModel):
    live: PolicyView | None = Field(description="the newest, or what was rolled back to since")
    versions: list[PolicyView]
    rollbacks: list[Rollback] = Field(description="the oldest first")


class EvaluationView(BaseModel):
    """People's choice between responses of this policy and of ρ, shown blind."""

    policy_version: int
    labels: int
    rate: float = Field(description="share of the labels that chose the policy's: its human win rate")
    interval: tuple[float, float] = Field(description="95 % of the rate (Wilson)")
    chance: float = Field(description="the rate of choosing blindly")


class Evaluations(BaseModel):
    newest: EvaluationView | None = Field(description="of the newest policy with such a label")
    versions: list[EvaluationView]


class TrainingCurve(BaseModel):
    episodes: list[int]
    abandoned: list[bool] = Field(description="of a policy that was rolled back from")
    score: list[float | None]
    kl: list[float | None]
    kl_coef: list[float | None]
    clipfrac: list[float | None]
    entropy: list[float | None]
    value_loss: list[float | None]


class Training(BaseModel):
    """The newest PPO batch, published or not, of the policy that trains now."""

    episodes: int
    planned: int
    score: float | None
    kl: float | None = Field(description="nats a response")
    kl_coef: float | None
    kl_target: float | None = Field(description="null: kl_coef is fixed")
    curve: TrainingCurve


class JobView(BaseModel):
    key: str
    queue: str
    attempt: int
    state: JobState
    silent_seconds: float | None = Field(description="since the job's last sign of life")
    error: str | None


class View(BaseModel):
    name: str
    schedule: Schedule
    phase: Phase
    stopped: Stop | None = Field(description="who stopped the line, and why; null: nobody")
    labels: Labels
    reward: Rewards
    policy: Policies
    evaluation: Evaluations
    training: Training
    jobs: list[JobView] = Field(description="unfinished and failed ones")
