"""How long an answer takes, and how labels divide over time."""

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from shared.quality.labels import StandingLabel

WIDTHS = (60, 600, 3600, 6 * 3600, 86400, 7 * 86400, 28 * 86400)  # seconds
MOST_SPANS = 24


@dataclass(frozen=True, slots=True)
class Quartiles:
    """Seconds an answer: a quarter of them took less than `low`, half `median`, three quarters `high`."""

    low: float
    median: float
    high: float


def quartiles(labels: Iterable[StandingLabel]) -> Quartiles | None:
    """Of the labels whose time is known, by linear interpolation; undefined without one."""
    seconds = [label.seconds for label in labels if label.seconds is not None]
    if len(seconds) < 2:
        return Quartiles(*seconds * 3) if seconds else None
    return Quartiles(*statistics.quantiles(seconds, n=4, method="inclusive"))


def width(labels: Sequence[StandingLabel]) -> timedelta:
    """The shortest of WIDTHS of which MOST_SPANS reach from the first label to the last, else the longest."""
    moments = [label.created_at for label in labels]
    whole = (max(moments) - min(moments)).total_seconds() if moments else 0
    return timedelta(seconds=next((width for width in WIDTHS if whole <= width * (MOST_SPANS - 1)), WIDTHS[-1]))


def span(moment: datetime, width: timedelta) -> datetime:
    """When the span began that the moment lies in: spans follow one another from 1970 on, UTC."""
    start = datetime.fromtimestamp(0, UTC)
    return start + (moment - start) // width * width
