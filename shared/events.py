"""What webhooks tell, declared once: ids, versions and figures, never the text of a query, a response or a critique.

The form is that of Standard Webhooks (standardwebhooks.com): {"type": ..., "timestamp": ..., "data": {...}}. A receiver
may parse a verified body with `ADAPTER.validate_json`.
"""

from datetime import datetime
from typing import Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from shared.domain import Cause, Flag, Purpose

EventType = Literal[
    "label.created",
    "label.retracted",
    "reward.published",
    "reward.rejected",
    "policy.published",
    "line.stopped",
    "line.resumed",
]
TYPES: tuple[EventType, ...] = get_args(EventType)


class Data(BaseModel):
    model_config = ConfigDict(frozen=True)


class LabelData(Data):
    """One person's answer. `best`: index of the response as the policy wrote them, whatever was shown where.

    `lease_id` is None for an imported label, `policy_version` where no policy of this loop wrote the responses.
    """

    label_id: int
    query_id: int
    lease_id: str | None
    labeler: str
    purpose: Purpose
    best: int | None
    rating: int | None
    none_acceptable: bool
    flag: Flag | None
    policy_version: int | None


class RetractedData(LabelData):
    """The same label, and who took it back: the labeler (undo) or an operator."""

    retraction_id: int
    by: str


class RewardData(Data):
    """A trained reward model. `reason`: why the gate let it pass, or not."""

    version: int
    reason: str
    labels: int
    held_out: int
    accuracy: float | None
    compared: int


class PolicyData(Data):
    version: int
    parent: int | None
    reward_version: int | None
    episodes: int
    kl: float | None
    kl_coef: float
    score: float | None


class StopData(Data):
    """Who stopped the line, and the reason they gave to operators. `cause`: the loop stopped itself."""

    stop_id: int
    by: str
    reason: str
    cause: Cause | None = None


class ResumeData(Data):
    stop_id: int
    by: str


class Event(BaseModel):
    model_config = ConfigDict(frozen=True)
    timestamp: Annotated[datetime, Field(description="when it happened, not when it was told")]


class LabelCreated(Event):
    type: Literal["label.created"] = "label.created"
    data: LabelData


class LabelRetracted(Event):
    type: Literal["label.retracted"] = "label.retracted"
    data: RetractedData


class RewardPublished(Event):
    type: Literal["reward.published"] = "reward.published"
    data: RewardData


class RewardRejected(Event):
    type: Literal["reward.rejected"] = "reward.rejected"
    data: RewardData


class PolicyPublished(Event):
    type: Literal["policy.published"] = "policy.published"
    data: PolicyData


class LineStopped(Event):
    type: Literal["line.stopped"] = "line.stopped"
    data: StopData


class LineResumed(Event):
    type: Literal["line.resumed"] = "line.resumed"
    data: ResumeData


AnyEvent = Annotated[
    LabelCreated | LabelRetracted | RewardPublished | RewardRejected | PolicyPublished | LineStopped | LineResumed,
    Field(discriminator="type"),
]
ADAPTER: TypeAdapter[AnyEvent] = TypeAdapter(AnyEvent)
