"""Kills and recoveries, process by process. `jobs`: those whose worker was killed while it had them."""

from collections.abc import Sequence
from statistics import median

from tests.chaos.recovery import Recovery


def table(recoveries: Sequence[Recovery]) -> str:
    """A line a process that was killed, in the order of their names, and one for all."""
    lines = [f"{'process':<16}{'kills':>6}{'jobs':>6}{'back':>6}{'median s':>10}{'longest s':>11}"]
    for name in sorted({one.victim for one in recoveries}):
        lines.append(_line(name, [one for one in recoveries if one.victim == name]))
    return "\n".join([*lines, _line("all", recoveries)])


def longest(recoveries: Sequence[Recovery]) -> float:
    """Seconds; 0 where nothing came back."""
    return max(_seconds(recoveries), default=0.0)


def _line(name: str, recoveries: Sequence[Recovery]) -> str:
    seconds = _seconds(recoveries)
    middle = f"{median(seconds):.1f}" if seconds else "-"
    jobs = sum(len(one.held) for one in recoveries)
    return f"{name:<16}{len(recoveries):>6}{jobs:>6}{len(seconds):>6}{middle:>10}{longest(recoveries):>11.1f}"


def _seconds(recoveries: Sequence[Recovery]) -> list[float]:
    return [one.seconds for one in recoveries if one.seconds is not None]
