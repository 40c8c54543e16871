"""What a task is: where queries come from, and what the policy reads of them. A plug-in is a module with a `load`."""

import random
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, Protocol, TypeVar

from shared.domain import LoopError
from shared.settings import TaskSettings
from shared.tasks.sources import Row

EVALUATION = 512
LEAST_TRAINING = 16


class Query(NamedTuple):
    """x: the text that people see, its tokens, and what people wrote for it where the data set has that."""

    text: str
    tokens: tuple[int, ...]
    reference: str | None = None


class Encoder(Protocol):
    def encode(self, text: str) -> tuple[int, ...]: ...


class Task(Protocol):
    """Where queries come from: each a text and its tokens, at least one and at most `task.query_tokens` of them.

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


Load = Callable[[TaskSettings, Encoder], Task]
One = TypeVar("One", Row, Query)


def shuffled(items: Iterable[One]) -> list[One]:
    """Each text once, in an order that depends on the texts alone."""
    found = sorted({item.text: item for item in items}.items())
    random.Random(len(found)).shuffle(found)
    return [item for _, item in found]


def held_out(items: Sequence[One], *, found_in: str) -> tuple[Sequence[One], Sequence[One]]:
    """Items to train on and those that only measure: EVALUATION of them, at most a quarter. LoopError: too few."""
    share = min(EVALUATION, len(items) // 4)
    if len(items) - share < LEAST_TRAINING:
        raise LoopError(f"{found_in}: too few queries (at least {LEAST_TRAINING} are needed)")
    return items[share:], items[:share]
