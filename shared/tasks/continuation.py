"""Text continuation: x is the opening of a text, whole sentences, and y goes on with it.

A valid response ends in the truncate token at index >= truncate_after (algorithm.md, Tasks); what is truncated and
shown is in `shared.algorithms.truncate`.
"""

import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from shared.domain import LoopError
from shared.settings import TaskSettings

OPENINGS = Path(__file__).parent.parent / "language" / "embedded" / "openings.jsonl"
EVALUATION = 512
LEAST_TRAINING = 16

Query = tuple[str, tuple[int, ...]]


class Task(Protocol):
    """Where queries come from: each a text and its tokens, at most `query_tokens` of them.

    `context` is what π and ρ read of a query, with the task's prefix and suffix; r reads the query alone.
    `context_tokens` is the length of the longest context.
    """

    @property
    def context_tokens(self) -> int: ...

    def context(self, tokens: tuple[int, ...]) -> tuple[int, ...]: ...

    def query(self, position: int) -> Query:
        """The query at a position; positions beyond the last go round again."""

    def evaluation(self, n: int) -> list[Query]:
        """Up to `n` queries that `query` never gives."""


class Encoder(Protocol):
    def encode(self, text: str) -> tuple[int, ...]: ...


@dataclass(frozen=True, slots=True)
class Continuation:
    training: Sequence[Query]
    held_out: Sequence[Query]
    context_tokens: int

    def context(self, tokens: tuple[int, ...]) -> tuple[int, ...]:
        return tokens

    def query(self, position: int) -> Query:
        return self.training[position % len(self.training)]

    def evaluation(self, n: int) -> list[Query]:
        return list(self.held_out[:n])


def load_task(settings: TaskSettings, tokenizer: Encoder) -> Task:
    """The task's queries in an order that depends on their texts alone. Those too long for `query_tokens` are left out.

    Raises LoopError where the file cannot be read, a line has no text, or too few queries are left.
    """
    source = settings.queries or OPENINGS
    texts = sorted(set(_read(source)))
    random.Random(len(texts)).shuffle(texts)
    fitting = [query for query in map(_encoder(tokenizer), texts) if 0 < len(query[1]) <= settings.query_tokens]
    share = min(EVALUATION, len(fitting) // 4)
    if len(fitting) - share < LEAST_TRAINING:
        raise LoopError(
            f"task.queries {source} has {len(texts)} texts, {len(fitting)} of at most {settings.query_tokens} tokens: "
            f"too few queries (at least {LEAST_TRAINING} are needed); name a larger file or raise task.query_tokens"
        )
    return Continuation(training=fitting[share:], held_out=fitting[:share], context_tokens=settings.query_tokens)


def _encoder(tokenizer: Encoder) -> Callable[[str], Query]:
    return lambda text: (text, tokenizer.encode(text))


def _read(source: Path) -> list[str]:
    try:
        with source.open(encoding="utf-8") as file:  # not splitlines, which parts a text at U+2028
            lines = [line.rstrip("\n") for line in file]
    except (OSError, UnicodeDecodeError) as error:
        raise LoopError(f"task.queries {source} cannot be read ({error}); name a JSONL file, a `text` a line") from None
    texts = []
    for number, line in enumerate(lines, 1):
        try:
            text = json.loads(line)["text"].strip()
            text.encode()  # half a surrogate pair, as JSON can spell it, is no text, and NUL no store takes
            if "\0" in text:
                raise ValueError
        except (ValueError, KeyError, TypeError, AttributeError):
            expected = f'expected {{"text": "..."}}, got {line[:60]!r}'
            raise LoopError(f"task.queries {source}, line {number}: {expected}") from None
        if text:
            texts.append(text)
    return texts
