"""What goes over HTTP between the labeling service and its clients, both ways. Unknown fields of a body are errors."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from shared import domain
from shared.domain import EmptyReason, Flag, LabelKind, Lease, Nothing, Progress, Receipt, SkipReason, Stop
from shared.questions.question import Question, Scale

TEXT = r"^[^\x00]*$"  # PostgreSQL takes any character but NUL
Words = Annotated[str, Field(max_length=2000, pattern=TEXT)]
Next = Annotated[bool, Field(description="lend the next query with the same request: `next` of what comes back")]


class Body(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SignIn(Body):
    """A key or an invitation, one of them: from now on a cookie says who you are."""

    key: Annotated[str | None, Field(max_length=200)] = None
    invitation: Annotated[str | None, Field(max_length=200, description="works once")] = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.key is None) == (self.invitation is None):
            raise ValueError("send `key` or `invitation`, one of them")
        return self


class Take(Body):
    """Nothing: who asks is known."""


class Answer(Body):
    """Which response is best, or how good the only one is, as the lease's `kind` asks; or that none is acceptable."""

    position: Annotated[
        int | None, Field(strict=True, ge=0, le=100, description="of the best response, among those shown, from 0")
    ] = None
    rating: Annotated[
        int | None, Field(strict=True, ge=1, le=100, description="of the response, on the lease's scale")
    ] = None
    none_acceptable: Annotated[bool, Field(strict=True, description="instead of both: none is acceptable")] = False
    flag: Annotated[Flag | None, Field(description="what is wrong with the question, if anything")] = None
    critique: Annotated[Words | None, Field(description="what is wrong, in your words")] = None
    seconds: Annotated[
        float, Field(ge=0, le=1e6, allow_inf_nan=False, description="from being shown to being answered")
    ]
    next: Next = False

    def said(self) -> domain.Answer:
        return domain.Answer(self.position, self.rating, self.none_acceptable, self.flag, self.critique)


class Skip(Body):
    """The query is not fit to be answered, or you are not the one to answer it."""

    reason: Annotated[SkipReason | None, Field(description="why")] = None
    note: Annotated[Words | None, Field(description="why, in your words")] = None
    next: Next = False


class StopLine(Body):
    """Halt training."""

    reason: Annotated[str, Field(min_length=1, max_length=2000, pattern=TEXT, description="for the operators")]


class LeasedQuery(BaseModel):
    """A query lent to you until `expires_at`, and what to say about it."""

    id: Annotated[str, Field(description="of the lease: answer, skip, renew or undo it under this id")]
    kind: Annotated[LabelKind, Field(description="rating: answer with a rating; the others: with a position")]
    question: Annotated[str, Field(description="what people are asked")]
    scale: Annotated[Scale | None, Field(description="of a rating, from 1 to `levels`")]
    query: str
    responses: Annotated[list[str], Field(description="in the order to be shown; a position counts in it")]
    expires_at: Annotated[datetime, Field(description="an answer after it is taken only where the place is still free")]
    seconds_left: Annotated[float, Field(description="until then, for those whose clock goes wrong")]

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
            seconds_left=lease.seconds_left,
        )


class Offer(BaseModel):
    """A lease, or why there is none and when to ask again."""

    lease: LeasedQuery | None
    reason: EmptyReason | None
    retry_after: Annotated[float, Field(description="seconds until it makes sense to ask again")]

    @classmethod
    def nothing(cls, nothing: Nothing) -> "Offer":
        return cls(lease=None, reason=nothing.reason, retry_after=nothing.retry_after)


class Answered(BaseModel):
    """The store has your answer."""

    receipt: Receipt
    next: Annotated[Offer | None, Field(description="where you asked for it")]


class Skipped(BaseModel):
    """The query was given back."""

    lease_id: str
    next: Annotated[Offer | None, Field(description="where you asked for it")]


class Renewed(BaseModel):
    """The lease is yours for longer."""

    expires_at: datetime
    seconds_left: float


class Me(BaseModel):
    """Who you are and what you have done; who stopped the line, if anybody; why you are paused, if you are."""

    progress: Progress
    stopped: Stop | None
    paused: str | None


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
