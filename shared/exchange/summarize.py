"""The comparisons of OpenAI's summarize-from-feedback: a post or an article, two summaries, and which is the better.

    {"info": {"post": ...} or {"article": ...}, "summaries": [{"text": ...}, {"text": ...}], "choice": 0, "worker": ...}

a line. The query is the body alone, as in the tasks `tldr` and `cnndm`, and the worker is the labeler. Not kept:
titles, batches, splits, who wrote a summary, the worker's notes (made before they saw the post), how sure they were.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, StrictInt, StrictStr

from shared.exchange.records import Passage, Record, Written, bad, parsed


class Loose(BaseModel):
    model_config = ConfigDict(frozen=True)


class Info(Loose):
    post: StrictStr | None = None
    article: StrictStr | None = None


class Summary(Loose):
    text: StrictStr


class Judgement(Loose):
    info: Info
    summaries: tuple[Summary, ...] = Field(min_length=2, max_length=8)
    choice: StrictInt = Field(ge=0)
    worker: StrictStr | None = Field(None, min_length=1, max_length=200)


def read(rows: Iterable[tuple[str, Any]]) -> Iterator[tuple[str, Record]]:
    for where, row in rows:
        found = parsed(Judgement, row, where)
        body = found.info.post or found.info.article
        if body is None:
            raise bad(where, "info", row["info"], "neither a post nor an article")
        if found.choice >= len(found.summaries):
            raise bad(where, "choice", found.choice, f"none of the summaries, 0 to {len(found.summaries) - 1}")
        responses = tuple(Written(text=summary.text) for summary in found.summaries)
        query = Passage(text=body.strip())
        yield where, Record(query=query, responses=responses, best=found.choice, labeler=found.worker)
