"""The nouns every service shares: plain frozen types, standard library only."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal

TaskName = Literal["sentiment", "descriptiveness", "tldr", "cnndm"]


class LoopError(Exception):
    """What an operator can mend: the message names the thing that is wrong and the way out."""


class LeaseState(StrEnum):
    OPEN = "open"
    DONE = "done"
    SKIPPED = "skipped"
    EXPIRED = "expired"


class RewardStatus(StrEnum):
    PUBLISHED = "published"
    REJECTED = "rejected"


class JobState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class Role(StrEnum):
    LABELER = "labeler"
    OPERATOR = "operator"


class Schedule(StrEnum):
    """When labels are asked for: `online` by l(n); `batched`: collect, retrain, train, repeat; `offline`: all first."""

    ONLINE = "online"
    BATCHED = "batched"
    OFFLINE = "offline"


class LabelKind(StrEnum):
    """What people are asked; shared/questions declares each."""

    BEST_OF = "best_of"
    PAIRWISE = "pairwise"
    RATING = "rating"


@dataclass(frozen=True, slots=True)
class Response:
    """y: one answer of policy `policy_version`. `tokens` are truncated after the truncate token, without pad."""

    text: str
    tokens: tuple[int, ...]
    policy_version: int


@dataclass(frozen=True, slots=True)
class NewQuery:
    """A query tuple (x, y0..y{N-1}) before the store has it. `position` orders queries and never repeats.

    `wanted` people shall answer it, each once.
    """

    position: int
    text: str
    tokens: tuple[int, ...]
    responses: tuple[Response, ...]
    wanted: int = 1


@dataclass(frozen=True, slots=True)
class LabeledQuery:
    """A query with one person's answer: `best`, an index into `responses` as the policy wrote them, or a `rating`."""

    position: int
    tokens: tuple[int, ...]
    responses: tuple[tuple[int, ...], ...]
    best: int | None
    label_id: int
    policy_version: int
    rating: int | None = None


@dataclass(frozen=True, slots=True)
class Lease:
    """One query lent to one labeler until `expires_at`. `texts` stand in the order in which they are to be shown."""

    id: str
    query_text: str
    texts: tuple[str, ...]
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Receipt:
    """The store has the label: the same answer sent again gets the same receipt. It is `position` or `rating`."""

    label_id: int
    lease_id: str
    position: int | None
    created_at: datetime
    rating: int | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """What one labeler has done. `seconds` is the median time an answer took, None before the first."""

    name: str
    labels: int
    skipped: int
    seconds: float | None


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is asking, as their API key says."""

    labeler_id: int
    name: str
    role: Role


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
class LoopState:
    """All that `plan` looks at, read from the label store in one snapshot.

    labels: answers people gave. open_queries: queries that still wait for their first answer: those that wait for
    more are no work the loop can count on, for one person answers a query once.
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
