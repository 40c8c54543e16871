"""What happened, as the tables tell it: nothing is written for webhooks' sake, they read on from places of their own.

Ids are given out before the commit, so a smaller one may come in after a larger. `settle` waits for the transactions
that might still hold one: it watches their locks and takes none, so that nobody waits for it.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from heapq import merge
from itertools import islice
from typing import Any

from sqlalchemy import BigInteger, Select, func, literal, select, text, tuple_

from shared import events
from shared.domain import RewardStatus
from shared.events import AnyEvent, EventType
from shared.store.database import Database
from shared.store.tables import Labeler, LabelRow, Policy, Retraction, Reward, StopRow

Places = Mapping[EventType, Sequence[int]]
NOTHING = -1  # the place before the first: ids begin at 1, versions of policies at 0
LAST = 2**63 - 1
SETTLE_SECONDS = 1.0
WRITERS = text(
    "SELECT virtualtransaction FROM pg_locks WHERE mode = 'RowExclusiveLock' "
    "AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) "
    "AND relation IN ('labels'::regclass, 'retractions'::regclass, 'rewards'::regclass, 'policies'::regclass, "
    "'stops'::regclass)"
)


@dataclass(frozen=True, slots=True)
class Source:
    """Where the events of one type come from: `rows` holds `timestamp`, the event's data, and its `place`.

    `place` names the columns that order them; `newest` is the largest value there is of the first.
    """

    place: tuple[str, ...]
    newest: Select[int]
    rows: Select[*tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Occurrence:
    """An event, and its place among those of its type."""

    event: AnyEvent
    place: tuple[int, ...]


LABEL = (
    LabelRow.id.label("label_id"),
    LabelRow.query_id,
    LabelRow.lease_id,
    Labeler.name.label("labeler"),
    *(getattr(LabelRow, name) for name in ("purpose", "best", "rating", "none_acceptable", "flag", "policy_version")),
)
RETRACTION = (LabelRow.retraction_id, Retraction.by)
WHOLE = StopRow.service.is_(None)  # pauses of single services are not the line's
STOP = (StopRow.id.label("stop_id"), StopRow.by, StopRow.reason, StopRow.cause)
RESUME = (StopRow.id.label("stop_id"), StopRow.resumed_by.label("by"))
REWARD = [getattr(Reward, name) for name in events.RewardData.model_fields]
POLICY = [getattr(Policy, name) for name in events.PolicyData.model_fields]


def _rewards(status: RewardStatus) -> Source:
    rows = select(*REWARD, Reward.created_at.label("timestamp")).where(Reward.status == status)
    return Source(("version",), select(func.max(Reward.version)).where(Reward.status == status), rows)


SOURCES: dict[EventType, Source] = {
    "label.created": Source(
        ("label_id",),
        select(func.max(LabelRow.id)),
        select(*LABEL, LabelRow.created_at.label("timestamp")).join(Labeler, Labeler.id == LabelRow.labeler_id),
    ),
    "label.retracted": Source(
        ("retraction_id", "label_id"),
        select(func.max(Retraction.id)),
        select(*LABEL, *RETRACTION, Retraction.created_at.label("timestamp"))
        .join(Labeler, Labeler.id == LabelRow.labeler_id)
        .join(Retraction, Retraction.id == LabelRow.retraction_id),
    ),
    "reward.published": _rewards(RewardStatus.PUBLISHED),
    "reward.rejected": _rewards(RewardStatus.REJECTED),
    "policy.published": Source(
        ("version",), select(func.max(Policy.version)), select(*POLICY, Policy.created_at.label("timestamp"))
    ),
    "line.stopped": Source(
        ("stop_id",),
        select(func.max(StopRow.id)).where(WHOLE),
        select(*STOP, StopRow.created_at.label("timestamp")).where(WHOLE),
    ),
    "line.resumed": Source(  # a stop of the line ends before its next begins: its id orders both
        ("stop_id",),
        select(func.max(StopRow.id)).where(WHOLE, StopRow.resumed_at.is_not(None)),
        select(*RESUME, StopRow.resumed_at.label("timestamp")).where(WHOLE, StopRow.resumed_at.is_not(None)),
    ),
}


def newest(db: Database) -> dict[EventType, int]:
    """How far the committed events of each type have come."""
    columns = [func.coalesce(source.newest.scalar_subquery(), NOTHING) for source in SOURCES.values()]
    with db.glance() as connection:
        return dict(zip(SOURCES, connection.execute(select(*columns)).one(), strict=True))


def after(upto: int, kind: EventType) -> list[int]:
    """The place after all events of a type up to what `newest` said of it."""
    return [upto, *[LAST] * (len(SOURCES[kind].place) - 1)]


def settle(db: Database) -> bool:
    """Wait for the end of every transaction that writes events now: what `newest` said before is complete then.

    False where one goes on for longer than SETTLE_SECONDS: ask again later.
    """
    deadline = time.monotonic() + SETTLE_SECONDS
    with db.transaction() as session:
        before = set(session.scalars(WRITERS))
        while before and before & set(session.scalars(WRITERS)):
            if time.monotonic() > deadline:
                return False
            time.sleep(0.01)
    return True


def since(db: Database, places: Places, upto: Mapping[EventType, int], *, limit: int) -> list[Occurrence]:
    """The first `limit` events after `places`, up to what `newest` said: by time, within a type by place."""
    found = []
    with db.snapshot() as session:
        for kind, place in places.items():
            if tuple(place) >= tuple(after(upto[kind], kind)):
                continue
            source = SOURCES[kind]
            columns = [source.rows.selected_columns[name] for name in source.place]
            new = (
                tuple_(*columns) > tuple_(*(literal(number, BigInteger) for number in place)),
                columns[0] <= upto[kind],
            )
            rows = session.execute(source.rows.where(*new).order_by(*columns).limit(limit)).mappings()
            found.append([_occurrence(kind, row) for row in rows])
    return list(islice(merge(*found, key=lambda occurrence: occurrence.event.timestamp), limit))


def _occurrence(kind: EventType, row: Mapping[Any, Any]) -> Occurrence:
    event = events.ADAPTER.validate_python({"type": kind, "timestamp": row["timestamp"], "data": dict(row)})
    return Occurrence(event, tuple(row[name] for name in SOURCES[kind].place))
