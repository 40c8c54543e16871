"""Anthropic's hh-rlhf: {"chosen": "\\n\\nHuman: ... \\n\\nAssistant: ...", "rejected": ...} a line, of whole dialogues.

They are the same up to some turn of the assistant's. What is before is the query, `Assistant:` included; what each has
after it is a response, with all further turns where the dialogues went on.
"""

from collections.abc import Iterable, Iterator
from os.path import commonprefix
from typing import Any

from pydantic import BaseModel, ConfigDict, StrictStr

from shared.exchange.dialogue import ASSISTANT
from shared.exchange.records import Record, bad, pair, parsed


class Dialogues(BaseModel):
    model_config = ConfigDict(frozen=True)
    chosen: StrictStr
    rejected: StrictStr


def read(rows: Iterable[tuple[str, Any]]) -> Iterator[tuple[str, Record]]:
    for where, row in rows:
        found = parsed(Dialogues, row, where)
        shared = commonprefix([found.chosen, found.rejected])  # noqa: RUF071 - by characters, for this is no path
        before, turn, _ = shared.rpartition(ASSISTANT)
        if not turn:
            raise bad(where, "chosen", found.chosen, f"no {ASSISTANT!r} that `rejected` has at the same place")
        query = before + turn
        yield where, pair(query, found.chosen.removeprefix(query), found.rejected.removeprefix(query))
