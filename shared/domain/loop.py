"""The loop: what it is at, its versions, its jobs, and what stops it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

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
    CANCELED = "canceled"


class Service(StrEnum):
    """What can be paused by itself."""

    LABELING = "labeling"
    SAMPLER = "sampler"
    REWARD_TRAINER = "reward_trainer"
    PPO = "ppo"
    WEBHOOKS = "webhooks"


class Cause(StrEnum):
    """Why the loop stopped itself (shared/guards; a full disk stops the service that could not publish)."""

    HUMAN_WIN_RATE = "human_win_rate"
    OVER_OPTIMISATION = "over_optimisation"
    KL = "kl"
    REWARD_ACCURACY = "reward_accuracy"
    LABEL_AGE = "label_age"
    DISK_FULL = "disk_full"


class ActionKind(StrEnum):
    """What operators do to a running loop, beside stopping and resuming it."""

    ROLLBACK = "rollback"
    RETRAIN = "retrain"
    RETRY = "retry"
    SET = "set"
    PRUNE = "prune"


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
    pruned_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """One thing the gate looked at. `said` is a sentence for operators; `figures` are what it was judged by."""

    name: str
    passed: bool
    said: str
    figures: dict[str, float | None]


@dataclass(frozen=True, slots=True)
class RewardVersion:
    """A trained reward model, published or rejected, and what it was trained on.

    `labels` were trained on, `held_out` kept aside by query; `accuracy` is the share of the `compared` held-out labels,
    or pairs of held-out ratings, that the model agrees with (None with none to compare). `verdict`: what the gate
    looked at. `request_id`: the action by which an operator asked for it; None: the plan wanted it.
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
    verdict: tuple[Check, ...] = ()
    request_id: int | None = None
    pruned_at: datetime | None = None


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
    """Who stopped the line, or one service of it, and why. It halts until an operator resumes.

    `cause`: the loop stopped itself; None: somebody did.
    """

    id: int
    by: str
    reason: str
    created_at: datetime
    service: Service | None = None
    cause: Cause | None = None


@dataclass(frozen=True, slots=True)
class Action:
    """What an operator did, or asked for. `result`: what came of it, None while nothing has."""

    id: int
    by: str
    kind: ActionKind
    detail: dict[str, Any]
    reason: str
    created_at: datetime
    result: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class LoopState:
    """All that `plan` looks at, read from the label store in one snapshot.

    labels: answers people gave that r can learn from. open_queries: queries that still wait for their first answer:
    those that wait for more are no work the loop can count on, for one person answers a query once.
    sampling: queries promised by unfinished sampling jobs. next_position: first position no sampling job has taken.
    reward_trainings: reward versions the plan wanted, rejected ones included, those operators asked for left out.
    reward_version: the live one, None before; policy_version: the live one, None before ρ itself is published as
    version 0; episodes: of that version. Live is the newest published, or what was rolled back to since.
    last_reward, last_policy: the highest version numbers ever given to a job.
    training_reward, training_policy: such a job is unfinished. failed: keys of jobs that used up their attempts.
    paused: the whole line is stopped; services: those paused by themselves.
    retrain, prune: the oldest action that asked for it and has no job yet.
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
    services: frozenset[Service] = frozenset()
    last_reward: int = 0
    last_policy: int = -1
    retrain: int | None = None
    prune: int | None = None
