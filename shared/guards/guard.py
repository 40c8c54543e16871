"""What a guard is: a cause to stop the line, what shows it, and the way to go on."""

from collections.abc import Callable
from dataclasses import dataclass

from shared.domain import Cause
from shared.guards.evidence import Evidence
from shared.settings import GuardSettings


@dataclass(frozen=True, slots=True)
class Guard:
    """`look` returns why the line must stop, a sentence with the figures; None where it need not.

    `way_out`: what an operator does then, in a sentence.
    """

    cause: Cause
    look: Callable[[Evidence, GuardSettings], str | None]
    way_out: str
