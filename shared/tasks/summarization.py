"""What the summarisation tasks share: a long text, cut to fit, with words around it that ask π for a summary."""

import re
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from shared.domain import LoopError
from shared.settings import TaskSettings
from shared.tasks.sources import KINDS, Row, rows
from shared.tasks.task import Encoder, Query, Task, held_out, shuffled

WORD = re.compile(r"\S(?=\s|$)")
ANYWHERE = re.compile(r".", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Form:
    """How a data set becomes queries. `clean` makes a query's text of a row's; `ends`: where one may be cut short.

    The first of `ends` that leaves anything at all is taken, at its last match that fits.
    """

    column: str
    reference: str
    prefix: str
    suffix: str
    clean: Callable[[str], str]
    ends: Sequence[re.Pattern[str]]
    example: str


@dataclass(frozen=True, slots=True)
class Summarization:
    """Queries are cut and encoded when they are asked for: all of a data set's tokens are more than memory holds."""

    form: Form
    tokenizer: Encoder
    query_tokens: int
    training: Sequence[Row]
    held_out: Sequence[Row]
    prefix: tuple[int, ...]
    suffix: tuple[int, ...]

    @property
    def context_tokens(self) -> int:
        return len(self.prefix) + self.query_tokens + len(self.suffix)

    def context(self, tokens: tuple[int, ...]) -> tuple[int, ...]:
        return self.prefix + tokens + self.suffix

    def query(self, position: int) -> Query:
        return self._query(self.training[position % len(self.training)])

    def evaluation(self, n: int) -> list[Query]:
        return [self._query(row) for row in self.held_out[:n]]

    def _query(self, row: Row) -> Query:
        text = shortened(row.text, self._fits, self.form.ends)
        if not text:
            raise LoopError(f"task.query_tokens {self.query_tokens} holds not one character of {row.text[:20]!r}")
        return Query(text, self.tokenizer.encode(text), row.reference)

    def _fits(self, text: str) -> bool:
        return len(self.tokenizer.encode(text)) <= self.query_tokens


def summarization(form: Form, settings: TaskSettings, tokenizer: Encoder) -> Task:
    """The task of one form. Raises LoopError where no source is named or it cannot be read, or has too few texts."""
    if settings.queries is None:
        raise LoopError(f"task.queries: {settings.name} has no texts of its own: {KINDS}, such as {form.example}")
    found = _rows(form, settings.queries, settings.column or form.column)
    training, aside = held_out(found, found_in=f"task.queries {settings.queries} has {len(found)} texts")
    prefix, suffix = tokenizer.encode(form.prefix), tokenizer.encode(form.suffix)
    return Summarization(form, tokenizer, settings.query_tokens, training, aside, prefix, suffix)


@lru_cache(maxsize=1)  # of hundreds of megabytes, and the same for every policy's tokenizer
def _rows(form: Form, source: str, column: str) -> Sequence[Row]:
    cleaned = (
        Row(form.clean(row.text), row.reference) for row in rows(source, column=column, reference=form.reference)
    )
    return shuffled(row for row in cleaned if row.text)


def shortened(text: str, fits: Callable[[str], bool], ends: Sequence[re.Pattern[str]]) -> str:
    """The text where it fits, otherwise its longest start that does and ends as `ends` say; "" where none does."""
    if fits(text):
        return text
    for pattern in ends:
        places = [match.end() for match in pattern.finditer(text)]
        fitting = bisect_left(places, True, key=lambda end: not fits(text[:end]))
        if fitting:
            return text[: places[fitting - 1]]
    return ""
