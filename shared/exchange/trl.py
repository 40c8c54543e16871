"""TRL's preference pairs: {"prompt", "chosen", "rejected"} a line, texts or lists of messages.

A best of N becomes N - 1 pairs, the best response before each of the others. Ratings of single responses make none, and
neither does "none is acceptable". Pairs come back as choices of two. Of pairs without a prompt (TRL calls it implicit)
nobody can say where it ends: `hh` reads those of Anthropic's form.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, StrictStr

from shared.domain import LoopError
from shared.exchange.dialogue import ASSISTANT, spoken
from shared.exchange.records import Record, bad, pair, parsed


class Message(BaseModel):
    model_config = ConfigDict(frozen=True)
    role: Literal["system", "user", "assistant"]
    content: StrictStr


Said = StrictStr | tuple[Message, ...]


class Pair(BaseModel):
    """Data sets have more columns beside these: scores, sources."""

    model_config = ConfigDict(frozen=True)
    prompt: Said
    chosen: Said
    rejected: Said


def pairs(records: Iterable[Record]) -> Iterator[Pair]:
    """LoopError for a rating."""
    for record in records:
        if record.rating is not None:
            raise LoopError(
                f"label {record.label_id} is a rating of one response, and TRL's form holds pairs: export it with "
                "--format jsonl or parquet"
            )
        if record.best is not None:
            chosen = record.responses[record.best].text
            for index, response in enumerate(record.responses):
                if index != record.best:
                    yield Pair(prompt=record.query.text, chosen=chosen, rejected=response.text)


def read(rows: Iterable[tuple[str, Any]]) -> Iterator[tuple[str, Record]]:
    """Of messages, the query is the dialogue in Anthropic's form, up to where the assistant's turn begins."""
    for where, row in rows:
        found = parsed(Pair, row, where)
        match found.prompt, found.chosen, found.rejected:
            case str(prompt), str(chosen), str(rejected):
                yield where, pair(prompt, chosen, rejected)
            case tuple(prompt), tuple(chosen), tuple(rejected):
                better, worse = _answer(chosen, where, "chosen"), _answer(rejected, where, "rejected")
                yield where, pair(_told(prompt) + ASSISTANT, better, worse)
            case _:
                raise bad(where, "prompt, chosen, rejected", row, "either three texts or three lists of messages")


def _answer(turns: Sequence[Message], where: str, name: str) -> str:
    if not turns or turns[0].role != "assistant":
        raise bad(where, name, [turn.role for turn in turns], "a response begins with a message of the assistant's")
    return _told(turns).removeprefix(ASSISTANT)


def _told(turns: Sequence[Message]) -> str:
    return spoken((turn.role, turn.content) for turn in turns)
