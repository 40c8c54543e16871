"""Comparisons: two policies, or a policy and reference texts, judged blind by people until the test is sure.

A query is asked once. Its response 0 is the version's, response 1 what that is compared with.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from shared.domain import ComparisonState, LoopError, Purpose
from shared.domain import Response as Written
from shared.intervals import Interval
from shared.sequential import always_valid, decided, evidence
from shared.store.database import Database, storable
from shared.store.tables import Comparison, LabelRow, Query, Response


@dataclass(frozen=True, slots=True)
class ComparedQuery:
    """A held-out query and two responses: of the version in question, and of what it is compared with."""

    text: str
    tokens: tuple[int, ...]
    responses: tuple[Written, Written]


@dataclass(frozen=True, slots=True)
class Tally:
    """What people said of `queries`: the version is better (`wins`), the other is (`losses`), or `neither` will do.

    `waiting` are still to be answered, those that somebody skipped by somebody else. The others retired at the end.
    """

    queries: int
    waiting: int
    wins: int
    losses: int
    neither: int


@dataclass(frozen=True, slots=True)
class Compared:
    """A comparison of policy `version` with policy `against`, or with the texts named `reference`, as it stands."""

    id: int
    version: int
    against: int | None
    reference: str | None
    alpha: float
    state: ComparisonState
    tally: Tally
    created_at: datetime
    ended_at: datetime | None

    @property
    def rate(self) -> float | None:
        """The version's share of the preferences; None before the first."""
        preferences = self.tally.wins + self.tally.losses
        return self.tally.wins / preferences if preferences else None

    @property
    def interval(self) -> Interval:
        """Of the rate; it holds the true one at all times with probability 1 - alpha."""
        return always_valid(self.tally.wins, self.tally.losses, alpha=self.alpha)

    @property
    def evidence(self) -> float:
        """e: at 1 / alpha the test decides."""
        return evidence(self.tally.wins, self.tally.losses)

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "rate": self.rate, "interval": self.interval, "evidence": self.evidence}


def create(
    db: Database,
    asked: Sequence[ComparedQuery],
    *,
    version: int,
    against: int | None,
    reference: str | None,
    alpha: float,
) -> int:
    """Store a comparison with its queries, all or nothing: people are asked from now on. Returns its id."""
    with db.transaction() as session:
        made = Comparison(version=version, against=against, reference=reference, alpha=alpha)
        session.add(made)
        session.flush()
        for one in asked:
            query = Query(
                purpose=Purpose.COMPARISON, comparison_id=made.id, text=storable(one.text), tokens=list(one.tokens)
            )
            session.add(query)
            session.flush()
            session.add_all(
                Response(
                    query_id=query.id,
                    index=index,
                    policy_version=response.policy_version,
                    text=storable(response.text),
                    tokens=list(response.tokens),
                )
                for index, response in enumerate(one.responses)
            )
        return made.id


def listed(db: Database) -> list[Compared]:
    """All comparisons, the newest first."""
    with db.snapshot() as session:
        rows = session.scalars(select(Comparison).order_by(Comparison.id.desc())).all()
        tallies = _tallies(session, [row.id for row in rows])
        return [_compared(row, tallies[row.id]) for row in rows]


def settle(db: Database) -> list[Compared]:
    """Look at the open comparisons, and end those that are decided or exhausted. Returns the ended ones.

    Their queries that wait, lent to nobody, retire; so does later one that came back unanswered.
    """
    ended = []
    with db.transaction() as session:
        open_ones = select(Comparison).where(Comparison.state == ComparisonState.OPEN).order_by(Comparison.id)
        rows = session.scalars(open_ones.with_for_update()).all()
        tallies = _tallies(session, [row.id for row in rows])
        for row in rows:
            tally = tallies[row.id]
            if decided(tally.wins, tally.losses, alpha=row.alpha):
                _end(session, row, ComparisonState.DECIDED)
            elif tally.waiting == 0:
                _end(session, row, ComparisonState.EXHAUSTED)
            else:
                continue
            ended.append(_compared(row, tally))
        session.flush()
        _retire(session)
    return ended


def end(db: Database, comparison_id: int) -> None:
    """End an open comparison as it stands. LoopError where there is none."""
    with db.transaction() as session:
        row = session.get(Comparison, comparison_id, with_for_update=True)
        if row is None or row.state != ComparisonState.OPEN:
            raise LoopError(f"no open comparison {comparison_id}: `prefloop comparisons` lists them")
        _end(session, row, ComparisonState.ENDED)
        session.flush()
        _retire(session)


def _end(session: Session, row: Comparison, state: ComparisonState) -> None:
    row.state, row.ended_at = state, session.scalars(select(func.clock_timestamp())).one()


def _retire(session: Session) -> None:
    over = select(Comparison.id).where(Comparison.state != ComparisonState.OPEN)
    waiting = (Query.purpose == Purpose.COMPARISON, Query.claims < Query.wanted, ~Query.retired)
    unlent = Query.claims == Query.answers
    session.execute(update(Query).where(*waiting, unlent, Query.comparison_id.in_(over)).values(retired=True))


def _tallies(session: Session, ids: Sequence[int]) -> dict[int, Tally]:
    mine = Query.comparison_id.in_(ids)
    waiting = func.count().filter(Query.answers < Query.wanted, ~Query.retired)
    asked = select(Query.comparison_id, func.count(), waiting).where(mine).group_by(Query.comparison_id)
    said = (func.count().filter(what) for what in (LabelRow.best == 0, LabelRow.best == 1, LabelRow.none_acceptable))
    answered = (
        select(Query.comparison_id, *said)
        .join(LabelRow, LabelRow.query_id == Query.id)
        .where(mine, LabelRow.retraction_id.is_(None))
        .group_by(Query.comparison_id)
    )
    queries, answers = ({row[0]: row[1:] for row in session.execute(found)} for found in (asked, answered))
    return {one: Tally(*queries.get(one, (0, 0)), *answers.get(one, (0, 0, 0))) for one in ids}


def _compared(row: Comparison, tally: Tally) -> Compared:
    return Compared(
        id=row.id,
        version=row.version,
        against=row.against,
        reference=row.reference,
        alpha=row.alpha,
        state=ComparisonState(row.state),
        tally=tally,
        created_at=row.created_at,
        ended_at=row.ended_at,
    )
