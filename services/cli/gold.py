"""Files of gold queries: JSON lines, each with a query, its responses and the known answer."""

import json
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from shared.domain import LoopError
from shared.store.gold import GoldQuery

EXAMPLE = (
    '{"query": "...", "responses": ["...", "..."], "best": 0} or {"query": "...", "responses": ["..."], "rating": 6}'
)


class Line(BaseModel):
    """`best` counts from 0. One of the two answers is given."""

    model_config = ConfigDict(extra="forbid", strict=True)
    query: str
    responses: Annotated[list[str], Field(min_length=1)]
    best: int | None = None
    rating: int | None = None


def read_gold(file: Path) -> list[GoldQuery]:
    """LoopError naming the file and the line that is none."""
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise LoopError(f"{file} cannot be read: {error}; name a file of JSON lines") from None
    found = [_parsed(line, f"{file}, line {number}") for number, line in enumerate(lines, 1) if line.strip()]
    if not found:
        raise LoopError(f"{file} holds no line: expected {EXAMPLE}")
    return found


def _parsed(text: str, where: str) -> GoldQuery:
    try:
        line = Line.model_validate_json(text)
    except ValidationError as error:
        fault = error.errors()[0]
        name = ".".join(map(str, fault["loc"]))
        raise LoopError(f"{where}: {name or 'the line'}: {fault['msg']}; expected {EXAMPLE}") from None
    answers = {"best": line.best, "rating": line.rating}
    wanted = "rating" if len(line.responses) == 1 else "best"
    answer = answers.pop(wanted)
    if answer is None or any(other is not None for other in answers.values()):
        raise LoopError(f"{where}: give `{wanted}` and no other answer for {len(line.responses)} responses")
    return GoldQuery(line.query, tuple(line.responses), answer)


def as_line(query: GoldQuery) -> str:
    """What `read_gold` reads."""
    answer = {"rating" if len(query.responses) == 1 else "best": query.answer}
    return json.dumps({"query": query.text, "responses": query.responses, **answer}, ensure_ascii=False)
