"""What people say to what was lent to them."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from shared.domain.people import Role
from shared.domain.queries import Purpose


class LeaseState(StrEnum):
    OPEN = "open"
    DONE = "done"
    SKIPPED = "skipped"
    EXPIRED = "expired"


class EmptyReason(StrEnum):
    """Why there is nothing to answer."""

    ALL_LEASED = "all_leased"  # somebody else has what is left
    NONE_LEFT = "none_left"
    PAUSED = "paused"  # the line is stopped, so nothing new is asked
    YOU_ARE_PAUSED = "you_are_paused"


class Flag(StrEnum):
    """What is wrong with a question, said beside an answer."""

    OFF_TOPIC = "off_topic"
    OFFENSIVE = "offensive"
    BROKEN = "broken"
    ALL_ALIKE = "all_alike"


class SkipReason(StrEnum):
    OFF_TOPIC = "off_topic"
    OFFENSIVE = "offensive"
    BROKEN = "broken"
    ALL_ALIKE = "all_alike"
    UNSURE = "unsure"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Lease:
    """One query lent to one labeler until `expires_at`, for `seconds_left` more.

    `texts` stand in the order in which they are to be shown.
    """

    id: str
    purpose: Purpose
    query_text: str
    texts: tuple[str, ...]
    expires_at: datetime
    seconds_left: float


@dataclass(frozen=True, slots=True)
class Nothing:
    """No query for now, why, and when to ask again (seconds)."""

    reason: EmptyReason
    retry_after: float


@dataclass(frozen=True, slots=True)
class Answer:
    """What one person says: where the best response stood, how good the only one is, or that none is acceptable.

    Exactly one of the first three. `flag` and `critique` say what is wrong, if anything.
    """

    position: int | None = None
    rating: int | None = None
    none_acceptable: bool = False
    flag: Flag | None = None
    critique: str | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """The store has the label: the same answer sent again gets the same receipt."""

    label_id: int
    lease_id: str
    answer: Answer
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Progress:
    """What one labeler has done. `seconds` is the median time an answer took, None before the first.

    `labels` counts what stands, `today` those since midnight UTC. `undoable` is the lease that was closed last.
    """

    name: str
    role: Role
    labels: int
    today: int
    skipped: int
    seconds: float | None
    undoable: str | None
