"""The loop: what it is at, its versions, its jobs, and what stops it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal

TaskName = Literal["sentiment", "descriptiveness", "tldr", "cnndm"]


class LoopError(Exception):
    """What an operator can mend: the message names the thing that is wrong and the way out."""


class Schedule(StrEnum):
    """When labels are asked for: `online` by l(n); `batched`: collect, retrain, train, repeat; `offline`: all first."""

    ONLINE = "online"
    BATCHED = "batched"
    OFFLINE = "offline"


class RewardStatus(StrEnum):
    PUBLISHED = "published"
    REJECTED = "rejected"


class JobState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class PolicyVersion:
    """A published policy. `path` is relative to the checkpoint root; `episodes` counts from the start of the loop."""

    version: int
    parent: int | None
    reward_version: int | None
    path: str
    sha256: str
    episodes: int
    kl: float | None
    kl_coef: float
    score: float | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class RewardVersion:
    """A trained reward model, published or rejected, and what it was trained on.

    `labels` were trained on, `held_out` kept aside by query; `accuracy` is the share of the `compared` held-out labels,
    or pairs of held-out ratings, that the model agrees with (None with none to compare).
    """

    version: int
    status: RewardStatus
    reason: str
    path: str
    sha256: str
    labels: int
    held_out: int
    label_watermark: int
    retraction_watermark: int
    accuracy: float | None
    compared: int
    gain: float
    bias: float
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Job:
    """A message to a worker, as the store remembers it. `attempt` fences: an older attempt cannot publish."""

    key: str
    attempt: int
    state: JobState
    queue: str
    message: dict[str, object]
    error: str | None


@dataclass(frozen=True, slots=True)
class Stop:
    """Who stopped the line, and why. Training halts until an operator resumes."""

    id: int
    by: str
    reason: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class LoopState:
    """All that `plan` looks at, read from the label store in one snapshot.

    labels: answers people gave that r can learn from. open_queries: queries that still wait for their first answer:
    those that wait for more are no work the loop can count on, for one person answers a query once.
    sampling: queries promised by unfinished sampling jobs. next_position: first position no sampling job has taken.
    reward_trainings: reward versions tried, rejected ones included; reward_version: newest published, None before.
    policy_version: newest published, None before ρ itself is published as version 0; episodes: of that version.
    training_reward, training_policy: such a job is unfinished. failed: keys of jobs that used up their attempts.
    """

    labels: int
    open_queries: int
    sampling: int
    next_position: int
    reward_trainings: int
    reward_version: int | None
    policy_version: int | None
    episodes: int
    training_reward: bool
    training_policy: bool
    paused: bool
    failed: tuple[str, ...] = ()
