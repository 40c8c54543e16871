"""What policies said, for people to look through: queries with responses, scores and labels; and the probes."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import ColumnElement, exists, select
from sqlalchemy.orm import Session

from shared.domain import Flag, Purpose
from shared.store.database import Database
from shared.store.tables import Labeler, LabelRow, Policy, Probe, Query, Response, Score


@dataclass(frozen=True, slots=True)
class SampledResponse:
    """Who wrote it, None: none of this loop's policies; and what each reward version says of it, of those asked."""

    index: int
    policy_version: int | None
    text: str
    scores: dict[int, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SampledLabel:
    """What one person said of a query. `best` is the index of a response."""

    labeler: str
    best: int | None
    rating: int | None
    none_acceptable: bool
    flag: Flag | None
    critique: str | None
    created_at: datetime
    retracted: bool


@dataclass(frozen=True, slots=True)
class SampledQuery:
    """A query, its responses by index, and its labels in the order in which they came."""

    id: int
    position: int | None
    purpose: Purpose
    policy_version: int | None
    text: str
    created_at: datetime
    responses: list[SampledResponse] = field(default_factory=list)
    labels: list[SampledLabel] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class ProbeAnswer:
    """What a policy version answered, and its score by the r that the version was trained with."""

    policy_version: int
    response: str
    score: float | None
    reward_version: int | None


@dataclass(frozen=True, slots=True)
class ProbedQuery:
    """A fixed query and each policy version's answer to it, the oldest first."""

    index: int
    query: str
    answers: list[ProbeAnswer] = field(default_factory=list)


def newest(
    db: Database,
    *,
    limit: int,
    before: int | None = None,
    version: int | None = None,
    labeled: bool | None = None,
    purpose: Purpose | None = None,
) -> list[SampledQuery]:
    """Up to `limit` queries, the newest first, from below id `before` on; four statements, however many they are.

    version: of which this policy version wrote a response; labeled: with a label that stands, or without one.
    """
    conditions = _conditions(before=before, version=version, labeled=labeled, purpose=purpose)
    with db.snapshot() as session:
        rows = session.scalars(select(Query).where(*conditions).order_by(Query.id.desc()).limit(limit))
        found = {row.id: _query(row) for row in rows}
        scores = _scores(session, found)
        responses = select(Response).where(Response.query_id.in_(found)).order_by(Response.index)
        for row in session.scalars(responses):
            said = scores.get((row.query_id, row.index), {})
            found[row.query_id].responses.append(SampledResponse(row.index, row.policy_version, row.text, said))
        labels = select(LabelRow, Labeler.name).join(Labeler, Labeler.id == LabelRow.labeler_id)
        for label, name in session.execute(labels.where(LabelRow.query_id.in_(found)).order_by(LabelRow.id)):
            found[label.query_id].labels.append(_label(label, name))
    return list(found.values())


def probes(db: Database) -> list[ProbedQuery]:
    """All of them. A query whose text changed, as its file did, is another one."""
    found: dict[tuple[int, str], ProbedQuery] = {}
    answered = (
        select(Probe, Policy.reward_version)
        .join(Policy, Policy.version == Probe.policy_version)
        .order_by(Probe.index, Probe.policy_version)
    )
    with db.snapshot() as session:
        for row, reward_version in session.execute(answered):
            asked = found.setdefault((row.index, row.query), ProbedQuery(row.index, row.query))
            asked.answers.append(ProbeAnswer(row.policy_version, row.response, row.score, reward_version))
    return list(found.values())


def _conditions(
    *, before: int | None, version: int | None, labeled: bool | None, purpose: Purpose | None
) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if before is not None:
        conditions.append(Query.id < before)
    if version is not None:
        conditions.append(exists().where(Response.query_id == Query.id, Response.policy_version == version))
    if labeled is not None:
        standing = exists().where(LabelRow.query_id == Query.id, LabelRow.retraction_id.is_(None))
        conditions.append(standing if labeled else ~standing)
    if purpose is not None:
        conditions.append(Query.purpose == purpose)
    return conditions


def _scores(session: Session, ids: Collection[int]) -> dict[tuple[int, int], dict[int, float]]:
    """By query and response, and there by reward version."""
    found: dict[tuple[int, int], dict[int, float]] = {}
    for row in session.scalars(select(Score).where(Score.query_id.in_(ids)).order_by(Score.reward_version)):
        found.setdefault((row.query_id, row.index), {})[row.reward_version] = row.score
    return found


def _query(row: Query) -> SampledQuery:
    return SampledQuery(
        id=row.id,
        position=row.position,
        purpose=Purpose(row.purpose),
        policy_version=row.policy_version,
        text=row.text,
        created_at=row.created_at,
    )


def _label(row: LabelRow, labeler: str) -> SampledLabel:
    return SampledLabel(
        labeler=labeler,
        best=row.best,
        rating=row.rating,
        none_acceptable=row.none_acceptable,
        flag=None if row.flag is None else Flag(row.flag),
        critique=row.critique,
        created_at=row.created_at,
        retracted=row.retraction_id is not None,
    )
