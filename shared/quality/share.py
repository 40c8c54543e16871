"""A share of a whole with its confidence. Where there is nothing to take a share of, it is undefined: None.

Imports no numpy: the orchestrator pauses people by it.
"""

from dataclasses import dataclass

from shared.intervals import Interval, wilson


@dataclass(frozen=True, slots=True)
class Share:
    """`rate` = count / of, and its 95 % interval (Wilson)."""

    count: float
    of: int
    rate: float
    interval: Interval

    def surely_below(self, bound: float) -> bool:
        """Whether all of the interval is below the bound."""
        return self.interval[1] < bound


def share(count: float, of: int) -> Share | None:
    return Share(count, of, count / of, wilson(count, of)) if of else None
