"""What goes over HTTP, besides the domain's Receipt and Progress. Unknown fields are errors."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from shared.domain import LabelKind, Lease
from shared.questions.question import Question, Scale

TEXT = r"^[^\x00]*$"  # PostgreSQL takes any character but NUL


class Body(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Take(Body):
    """Nothing: who asks is known by the key."""


class Answer(Body):
    """Which response is best, or how good the only one is: a `position` or a `rating`, as the lease's `kind` asks."""

    position: Annotated[
        int | None, Field(strict=True, ge=0, description="of the best response, among those shown, from 0")
    ] = None
    rating: Annotated[int | None, Field(strict=True, ge=1, description="of the response, on the lease's scale")] = None
    seconds: Annotated[float, Field(ge=0, allow_inf_nan=False, description="from being shown to being answered")]


class Skip(Body):
    """The query is not fit to be answered."""

    reason: Annotated[str | None, Field(max_length=500, pattern=TEXT, description="why, in a few words")] = None


class LeasedQuery(BaseModel):
    """A query lent to you until `expires_at`, and what to say about it."""

    id: Annotated[str, Field(description="of the lease: answer or skip it under this id")]
    kind: Annotated[LabelKind, Field(description="rating: answer with a rating; the others: with a position")]
    question: Annotated[str, Field(description="what people are asked")]
    scale: Annotated[Scale | None, Field(description="of a rating, from 1 to `levels`")]
    query: str
    responses: Annotated[list[str], Field(description="in the order to be shown; a position counts in it")]
    expires_at: Annotated[datetime, Field(description="an answer after it is refused with 410")]

    @classmethod
    def of(cls, lease: Lease, question: Question) -> "LeasedQuery":
        return cls(
            id=lease.id,
            kind=question.kind,
            question=question.text,
            scale=question.scale,
            query=lease.query_text,
            responses=list(lease.texts),
            expires_at=lease.expires_at,
        )


class Offer(BaseModel):
    """A lease, or why there is none and when to ask again."""

    lease: LeasedQuery | None
    reason: Literal["none_left"] | None
    retry_after: Annotated[float, Field(description="seconds until it makes sense to ask again")]


class Health(BaseModel):
    """The service works."""

    status: Literal["ok"]


class Problem(BaseModel):
    """Every error: what is wrong, with its value, and the way out."""

    detail: str


def problem(description: str) -> dict[str, Any]:
    """The OpenAPI entry of an error response."""
    return {"model": Problem, "description": description}


UNAVAILABLE = problem("The label store does not answer: ask again in a moment, an answer sent twice does no harm.")
NOT_JSON = "body: it is not JSON in UTF-8; send an object"


def explain(error: Mapping[str, Any]) -> str:
    """One of pydantic's errors as a sentence with field, value and way out."""
    field = ".".join(str(part) for part in error["loc"][1:]) or "body"
    match error["type"]:
        case "json_invalid":
            return NOT_JSON
        case "missing":
            return f"{field}: is missing; send it"
        case "extra_forbidden":
            return f"{field}: there is no such field; leave it out (got {error['input']!r:.100})"
        case _:
            return f"{field}: {error['msg']} (got {error['input']!r:.100})"
