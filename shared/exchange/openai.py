"""The label files of OpenAI's lm-human-preferences: one JSON array of {"query", "sample0", ..., "best"}, token ids all.

As there, rows of ids are padded on the right to one length each, for they are read as arrays. Which tokenizer they are
of, the file does not say: the manifest or --tokenizer does. (Theirs is GPT-2's, with 50259 for pad.) Items are read one
after the other, for the whole array need not fit into memory.
"""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any

from pydantic import BaseModel, ConfigDict, Field, StrictInt

from shared.domain import LoopError
from shared.exchange.jsonl import UNREADABLE, opened, unreadable
from shared.exchange.records import Passage, Record, Written, bad, parsed
from shared.exchange.vocabulary import Vocabulary

CHUNK = 1 << 20  # characters
BETWEEN = re.compile(r"[\s,]*")
SAMPLE = "sample"
Ids = tuple[StrictInt, ...]


class Item(BaseModel):
    model_config = ConfigDict(frozen=True)
    query: Ids
    samples: tuple[Ids, ...] = Field(min_length=2, max_length=8)
    best: StrictInt = Field(ge=0)


def write(records: Iterable[Record], path: Path, *, pad_id: int, query_tokens: int, response_tokens: int) -> int:
    """Returns how many items there are. LoopError for a rating, and for another number of responses than before."""
    count, responses = 0, None
    with path.open("w", encoding="utf-8") as file:
        for record in records:
            if record.none_acceptable:
                continue
            responses = responses or len(record.responses)
            if record.best is None or len(record.responses) != responses:
                raise LoopError(
                    f"label {record.label_id} is no choice of {responses} responses as those before it, and this form "
                    "holds nothing else: export it with --format jsonl or parquet"
                )
            samples = {
                f"{SAMPLE}{index}": _padded(response.tokens, response_tokens, pad_id)
                for index, response in enumerate(record.responses)
            }
            item = {"query": _padded(record.query.tokens, query_tokens, pad_id), **samples, "best": record.best}
            file.write(("[" if count == 0 else ",\n") + json.dumps(item))
            count += 1
        file.write("[]\n" if count == 0 else "]\n")
    return count


def read(path: Path, vocabulary: Vocabulary) -> Iterator[tuple[str, Record]]:
    """With texts as `vocabulary` spells them. LoopError for ids it does not have, but for padding at the ends."""
    for number, item in enumerate(items(path), 1):
        where = f"{path}, item {number}"
        found = parsed(Item, _gathered(item), where)
        if found.best >= len(found.samples):
            raise bad(where, "best", found.best, f"none of the samples, 0 to {len(found.samples) - 1}")
        query = _passage(found.query, vocabulary, where, "query")
        samples = [_passage(ids, vocabulary, where, f"{SAMPLE}{i}") for i, ids in enumerate(found.samples)]
        responses = tuple(Written(text=sample.text, tokens=sample.tokens) for sample in samples)
        yield where, Record(query=query, responses=responses, best=found.best)


def items(path: Path) -> Iterator[Any]:
    """The items of a file that is one JSON array."""
    try:
        with opened(path) as file:
            yield from _items(file, path)
    except UNREADABLE as error:
        raise unreadable(path, error) from None


def _items(file: IO[str], path: Path) -> Iterator[Any]:
    decoder, buffer, number = json.JSONDecoder(), file.read(CHUNK).lstrip(), 1
    if not buffer.startswith("["):
        raise bad(str(path), "the file", buffer, "no JSON array")
    at = 1
    while True:
        between = BETWEEN.match(buffer, at)
        at = between.end() if between else at
        if buffer.startswith("]", at):
            return
        try:
            item, at = decoder.raw_decode(buffer, at)
        except ValueError:  # no JSON, or its end is not read yet
            more = file.read(CHUNK)
            if not more:
                raise bad(f"{path}, item {number}", "the item", buffer[at:], "no JSON, or cut off") from None
            buffer, at = buffer[at:] + more, 0
            continue
        yield item
        number += 1


def _gathered(item: Any) -> Any:
    """sample0, sample1, ... as one list, as far as they go."""
    if not isinstance(item, dict):
        return item
    samples: list[Any] = []
    while (name := f"{SAMPLE}{len(samples)}") in item:
        samples.append(item[name])
    return {"query": item.get("query"), "samples": samples, "best": item.get("best")}


def _passage(ids: Sequence[int], vocabulary: Vocabulary, where: str, field: str) -> Passage:
    def is_pad(token: int) -> bool:
        return token == vocabulary.pad_id or token >= len(vocabulary)

    present = [index for index, token in enumerate(ids) if not is_pad(token)]
    tokens = tuple(ids[present[0] : present[-1] + 1]) if present else ()
    wrong = [token for token in tokens if token < 0 or is_pad(token)]
    if wrong:
        raise bad(where, field, wrong[0], f"no id of the tokenizer, which has {len(vocabulary)}: name the file's own")
    return Passage(text=vocabulary.decode(tokens), tokens=tokens)


def _padded(tokens: Sequence[int], length: int, pad_id: int) -> list[int]:
    return [*tokens, *[pad_id] * (length - len(tokens))]
