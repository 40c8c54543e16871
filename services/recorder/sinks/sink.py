"""What every place that curves are written to can do."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from services.recorder.points import Point


@dataclass(frozen=True, slots=True)
class Identity:
    """The loop, as sinks know it: `id` tells two loops of one name apart. `settings` have no secrets."""

    name: str
    id: str
    folder: Path
    settings: dict[str, Any]


class Sink(Protocol):
    """LoopError where it does not take what it is given: it is then given the same again."""

    def open(self) -> int:
        """How many points it has already."""

    def write(self, first: int, points: Sequence[Point]) -> None:
        """Points with the numbers `first`, `first + 1`, ...: all or none."""

    def close(self) -> None: ...
