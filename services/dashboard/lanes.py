"""Who waits for whom. Pure: from spans of work to the share of the time each lane worked, stood still, or waited.

The loop is a ring: the sampler answers with what ppo made, people answer what the sampler asked, the reward trainer
learns from people, ppo from the reward trainer. A lane that does nothing waits for the first up the ring that works.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from pydantic import BaseModel, Field

from shared.domain import Service
from shared.store.timeline import History, SpanOfTime

Lane = Literal["sampler", "people", "reward_trainer", "ppo"]
RING: tuple[Lane, ...] = ("sampler", "people", "reward_trainer", "ppo")  # each after the one it waits for
FINEST = 1000  # of the window: gaps narrower than this share of it cannot be seen


class LaneView(BaseModel):
    """Shares of the window: they sum to 1 with `worked`, `halted`, `idle` and what it `waited`."""

    lane: Lane
    worked: float
    halted: float = Field(description="stopped by an operator, a labeler or the loop itself")
    waited: dict[Lane, float] = Field(description="did nothing while that one, the nearest it needs, worked")
    idle: float = Field(description="nobody worked")
    spans: list[SpanOfTime] = Field(description="of work, in order; seconds since 1970; near ones joined")


def lanes(history: History) -> list[LaneView]:
    """The four lanes, in the order of the ring."""
    window = (history.since, history.until)
    worked: dict[Lane, list[SpanOfTime]] = {
        lane: joined(_within(history.answering if lane == "people" else history.work.get(lane, ()), window))
        for lane in RING
    }
    halted = {lane: joined(_within(_halts(lane, history), window)) for lane in RING}
    seconds = _seconds(worked, halted, window)
    width = history.until - history.since
    return [
        LaneView(
            lane=lane,
            worked=seconds[lane, "worked"] / width,
            halted=seconds[lane, "halted"] / width,
            waited={other: seconds[lane, other] / width for other in RING if seconds.get((lane, other))},
            idle=seconds[lane, "idle"] / width,
            spans=joined(worked[lane], gap=width / FINEST),
        )
        for lane in RING
    ]


def joined(spans: Iterable[SpanOfTime], *, gap: float = 0.0) -> list[SpanOfTime]:
    """In order, those that overlap, or leave no more than `gap` between them, made one."""
    found: list[SpanOfTime] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1] + gap:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return found


def _within(spans: Iterable[SpanOfTime], window: SpanOfTime) -> list[SpanOfTime]:
    cut = ((max(start, window[0]), min(end, window[1])) for start, end in spans)
    return [(start, end) for start, end in cut if start < end]


def _halts(lane: Lane, history: History) -> list[SpanOfTime]:
    """The line's stop halts training; people label on, until labeling itself is paused."""
    own = Service.LABELING if lane == "people" else Service(lane)
    return [span for service, span in history.halts if service is own or (service is None and lane != "people")]


def _seconds(
    worked: Mapping[Lane, Sequence[SpanOfTime]], halted: Mapping[Lane, Sequence[SpanOfTime]], window: SpanOfTime
) -> dict[tuple[Lane, str], float]:
    """Walk from change to change of who works and who is halted; between two of them nothing changes."""
    changes = [(window[0], "", RING[0], False), (window[1], "", RING[0], False)]
    for kind, spans in (("work", worked), ("halt", halted)):
        for lane in RING:
            changes += [(at, kind, lane, at == span[0]) for span in spans[lane] for at in span]
    busy: set[Lane] = set()
    standing: set[Lane] = set()
    seconds = {(lane, kind): 0.0 for lane in RING for kind in ("worked", "halted", "idle", *RING)}
    before = window[0]
    for at, kind, lane, begins in sorted(changes, key=lambda change: change[0]):
        for one in RING:
            seconds[one, _does(one, busy, standing)] += at - before
        before = at
        group = busy if kind == "work" else standing
        if kind:
            (group.add if begins else group.discard)(lane)
    return seconds


def _does(lane: Lane, busy: set[Lane], halted: set[Lane]) -> str:
    if lane in halted:
        return "halted"
    if lane in busy:
        return "worked"
    here = RING.index(lane)
    upstream = (RING[(here - step) % len(RING)] for step in range(1, len(RING)))
    return next((other for other in upstream if other in busy and other not in halted), "idle")
