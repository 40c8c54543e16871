"""Who worked when, and how labels came: what the dashboard's lanes and its label rate are drawn from.

Times are seconds since 1970, by the store's clock.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from sqlalchemy import ColumnElement, Float, Integer, and_, case, cast, func, or_, select
from sqlalchemy.orm import Session

from shared.domain import JobState, LoopError, Purpose, Service
from shared.store.database import Database
from shared.store.queries import LEARNABLE
from shared.store.tables import JobRow, LabelRow, Query, Run, StopRow

BINS = 60  # of the label rate and the backlog
LONGEST_ANSWER = 600.0  # seconds: whoever took longer over a question was away
NARROWEST_BIN = 2.0  # seconds

SpanOfTime = tuple[float, float]  # start, end


@dataclass(frozen=True, slots=True)
class History:
    """From `since` to `until`. Spans come in no order and may overlap, and reach out of that window.

    work: of the newest attempt of each job, by queue. answering: a person over a question. halts: of the whole line
    (None) and of single services. labels: given in each of BINS bins; backlog: queries that waited at a bin's end.
    """

    since: float
    until: float
    work: Mapping[str, Sequence[SpanOfTime]]
    answering: Sequence[SpanOfTime]
    halts: Sequence[tuple[Service | None, SpanOfTime]]
    labels: Sequence[int]
    backlog: Sequence[int]


def history(db: Database, *, hours: float) -> History:
    """The last `hours`, or all since the loop began where that is less. LoopError where no loop was started here."""
    with db.snapshot() as session:
        run = session.get(Run, 1)
        if run is None:
            raise LoopError("this store holds no loop yet: run `prefloop migrate`")
        until = session.execute(select(_epoch(func.now()))).scalar_one()
        since = max(run.created_at.timestamp(), until - 3600 * hours)
        since = min(since, until - BINS * NARROWEST_BIN)
        return History(
            since=since,
            until=until,
            work=_work(session, since),
            answering=_answering(session, since),
            halts=_halts(session, since),
            labels=_counts(session, _bin(LabelRow.created_at, since, until), *LEARNABLE)[1:],
            backlog=_backlog(session, since, until),
        )


def _work(session: Session, since: float) -> dict[str, list[SpanOfTime]]:
    running = JobRow.state == JobState.RUNNING
    ended = _epoch(case((running, func.now()), else_=func.coalesce(JobRow.finished_at, JobRow.heartbeat_at)))
    rows = session.execute(
        select(JobRow.queue, _epoch(JobRow.started_at), ended).where(JobRow.started_at.is_not(None), ended > since)
    )
    work: dict[str, list[SpanOfTime]] = {}
    for queue, start, end in rows:
        work.setdefault(queue, []).append((start, end))
    return work


def _answering(session: Session, since: float) -> list[SpanOfTime]:
    end = _epoch(LabelRow.created_at)
    start = end - func.least(LabelRow.seconds, LONGEST_ANSWER)
    rows = session.execute(select(start, end).where(LabelRow.seconds.is_not(None), end > since))
    return [(begun, ended) for begun, ended in rows]


def _halts(session: Session, since: float) -> list[tuple[Service | None, SpanOfTime]]:
    end = _epoch(func.coalesce(StopRow.resumed_at, func.now()))
    rows = session.execute(select(StopRow.service, _epoch(StopRow.created_at), end).where(end > since))
    return [(None if service is None else Service(service), (start, ended)) for service, start, ended in rows]


def _backlog(session: Session, since: float, until: float) -> list[int]:
    """Asked, less first answered. Queries that retired without an answer are left out: nothing says when they did."""
    counted = and_(
        Query.purpose == Purpose.TRAINING, Query.position >= 0, or_(Query.answers > 0, Query.retired.is_(False))
    )
    asked = _counts(session, _bin(Query.created_at, since, until), counted)
    first = (
        select(func.min(LabelRow.created_at).label("at"))
        .join(Query, Query.id == LabelRow.query_id)
        .where(counted, Query.answers > 0)
        .group_by(LabelRow.query_id)
        .subquery()
    )
    answered = _counts(session, _bin(first.c.at, since, until))
    return list(accumulate(came - went for came, went in zip(asked, answered, strict=True)))[1:]


def _counts(session: Session, where: ColumnElement[int], *conditions: ColumnElement[bool]) -> list[int]:
    """Rows a bin: what was before the window first, then BINS of them."""
    rows: Iterable[Any] = session.execute(select(where, func.count()).where(*conditions).group_by(where))
    found = dict(tuple(row) for row in rows)
    return [found.get(number, 0) for number in range(-1, BINS)]


def _bin(at: Any, since: float, until: float) -> ColumnElement[int]:
    """-1 before the window."""
    place = func.floor((_epoch(at) - since) / (until - since) * BINS)
    return cast(func.greatest(-1, func.least(BINS - 1, place)), Integer)


def _epoch(at: Any) -> ColumnElement[float]:
    return cast(func.extract("epoch", at), Float)
