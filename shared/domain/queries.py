"""What people are asked."""

from dataclasses import dataclass
from enum import StrEnum


class LabelKind(StrEnum):
    """What people are asked; shared/questions declares each."""

    BEST_OF = "best_of"
    PAIRWISE = "pairwise"
    RATING = "rating"


class Purpose(StrEnum):
    """Why people are asked. The page does not say: gold and comparisons are blind."""

    TRAINING = "training"
    GOLD = "gold"  # the answer is known, and theirs is measured by it
    COMPARISON = "comparison"  # two policies, or a policy and reference texts


class ComparisonState(StrEnum):
    OPEN = "open"
    DECIDED = "decided"  # the sequential test rejects that both are equally good
    EXHAUSTED = "exhausted"  # all its questions are answered, undecided
    ENDED = "ended"  # by an operator


@dataclass(frozen=True, slots=True)
class Response:
    """y: one answer of policy `policy_version`. `tokens` are truncated after the truncate token, without pad.

    None for the version: none of this loop's policies wrote it.
    """

    text: str
    tokens: tuple[int, ...]
    policy_version: int | None


@dataclass(frozen=True, slots=True)
class NewQuery:
    """A query tuple (x, y0..y{N-1}) before the store has it. `position` orders queries and never repeats.

    `wanted` people shall answer it, each once. Of one policy's queries, those of higher `priority` are asked first.
    """

    position: int
    text: str
    tokens: tuple[int, ...]
    responses: tuple[Response, ...]
    wanted: int = 1
    priority: float = 0.0


@dataclass(frozen=True, slots=True)
class LabeledQuery:
    """A query with one person's answer: `best`, an index into `responses` as the policy wrote them, or a `rating`."""

    position: int
    tokens: tuple[int, ...]
    responses: tuple[tuple[int, ...], ...]
    best: int | None
    label_id: int
    policy_version: int | None
    rating: int | None = None


@dataclass(frozen=True, slots=True)
class AnsweredQuery:
    """A query with its responses as tokens, be it labeled or not. `id` is the label store's."""

    id: int
    tokens: tuple[int, ...]
    responses: tuple[tuple[int, ...], ...]
