"""Time an answer takes, and spans of time."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.quality.pace import MOST_SPANS, Quartiles, quartiles, span, width
from tests.shared.quality.rows import NOON, label


def test_quartiles() -> None:
    assert quartiles([label(seconds=seconds) for seconds in (5, 1, 4, 2, 3)]) == Quartiles(2, 3, 4)
    assert quartiles([label(seconds=seconds) for seconds in (1, 2)]) == Quartiles(1.25, 1.5, 1.75)
    assert quartiles([label(seconds=7), label(seconds=None)]) == Quartiles(7, 7, 7)
    assert quartiles([label(seconds=None)]) is None


@pytest.mark.parametrize(
    ("hours", "expected"), [(0, 60), (0.5, 600), (3, 600), (24, 6 * 3600), (24 * 9999, 28 * 86400)]
)
def test_spans_are_as_short_as_shows_them_all(hours: float, expected: int) -> None:
    labels = [label(created_at=NOON), label(created_at=NOON + timedelta(hours=hours))]
    step = width(labels)
    assert step.total_seconds() == expected
    if expected < 28 * 86400:
        starts = {span(label.created_at, step) for label in labels}
        assert (max(starts) - min(starts)) / step < MOST_SPANS


def test_a_span_begins_on_the_clock() -> None:
    moment = datetime(2026, 3, 1, 17, 43, 21, tzinfo=UTC)
    assert span(moment, timedelta(minutes=10)) == datetime(2026, 3, 1, 17, 40, tzinfo=UTC)
    assert span(moment, timedelta(days=1)) == datetime(2026, 3, 1, tzinfo=UTC)
