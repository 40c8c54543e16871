"""One label with all that it answers, as files hold it: the one schema of JSON lines and Parquet.

Other formats hold less of it; their readers make records too, so that all that follows knows one kind of thing.
"""

from typing import Any, TypeVar

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    StrictStr,
    ValidationError,
    model_validator,
)

from shared.domain import Flag, LoopError, Purpose
from shared.questions.best_of import BEST_OF
from shared.questions.rating import SCALE

Parsed = TypeVar("Parsed", bound=BaseModel)


class Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Passage(Part):
    """A text and its tokens. Without tokens, or with those of another tokenizer, the text counts."""

    text: StrictStr
    tokens: tuple[StrictInt, ...] = ()


class Written(Passage):
    """A response. `policy_version` wrote it; None: none of its loop's policies, or one that is not known."""

    policy_version: StrictInt | None = None


class Record(Part):
    """A label: the index of the `best` response, a `rating` of the only one, or that none is acceptable.

    label_id, query_id, query_position, policy_version: those of the loop that it comes from; the position orders its
    queries, and the version answered the query. shown: where the best response stood on the page. seconds: the answer
    took. retracted: somebody took it back.
    """

    label_id: StrictInt | None = None
    query_id: StrictInt | None = None
    query_position: StrictInt | None = None
    policy_version: StrictInt | None = None
    purpose: Purpose = Purpose.TRAINING
    query: Passage
    responses: tuple[Written, ...] = Field(min_length=1, max_length=BEST_OF.responses[1])
    best: StrictInt | None = Field(None, ge=0)
    rating: StrictInt | None = Field(None, ge=1, le=SCALE.levels)
    none_acceptable: StrictBool = False
    shown: StrictInt | None = Field(None, ge=0)
    flag: Flag | None = None
    critique: StrictStr | None = None
    seconds: float | None = Field(None, ge=0, allow_inf_nan=False)
    labeler: StrictStr | None = Field(None, min_length=1, max_length=200)
    retracted: StrictBool = False
    created_at: AwareDatetime | None = None

    @model_validator(mode="after")
    def _is_one_answer(self) -> "Record":
        if (self.best is not None) + (self.rating is not None) + self.none_acceptable != 1:
            raise ValueError("a label has exactly one of best, rating and none_acceptable")
        last = len(self.responses) - 1
        for name, index in (("best", self.best), ("shown", self.shown)):
            if index is not None and index > last:
                raise ValueError(f"{name} {index} is none of the responses, 0 to {last}")
        if self.shown is not None and self.best is None:
            raise ValueError(f"shown {self.shown} is where the best response stood, but best is missing")
        return self


def pair(query: str, chosen: str, rejected: str) -> Record:
    """A choice of two, of texts alone. They stand in alphabetical order: the first of two is not always the better."""
    texts = sorted((chosen, rejected))
    responses = tuple(Written(text=text) for text in texts)
    return Record(query=Passage(text=query), responses=responses, best=texts.index(chosen))


def parsed(form: type[Parsed], row: Any, where: str) -> Parsed:
    """A row of a file as what it should be. LoopError naming the line, the field, the value and what is wrong."""
    try:
        return form.model_validate(row)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(map(str, first["loc"])) or "the record"
        said = first["msg"].removeprefix("Value error, ")
        raise bad(where, field, first["input"], said) from None


def bad(where: str, field: str, value: object, wrong: str) -> LoopError:
    """What is wrong with a line of a file. The value is cut short: it may be a whole article."""
    shown = repr(value)
    shown = shown if len(shown) <= 60 else shown[:60] + "..."
    return LoopError(f"{where}: {field}: {wrong} (got {shown}); mend the file or take this one out of it")
