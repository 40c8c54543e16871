"""Rows that tests begin with, written through the store where it has a way, and small ways to look at what is there."""

from collections.abc import Sequence
from typing import Any, TypedDict

from sqlalchemy import text

from shared.domain import (
    Answer,
    Job,
    JobState,
    Lease,
    NewQuery,
    Nothing,
    Purpose,
    Receipt,
    Response,
    RewardStatus,
    Role,
)
from shared.messages import AnyMessage, PublishReference, SampleQueries, TrainPolicy, TrainReward
from shared.settings import LabelSettings
from shared.store import accounts, answers, jobs, leases, queries, versions
from shared.store.database import Database
from shared.store.tables import JobRow


class Who(TypedDict):
    """Who steers, and why."""

    by: str
    reason: str


LABELS = LabelSettings(gold_share=0, comparison_share=0)


def sql(db: Database, statement: str, **values: Any) -> list[tuple[Any, ...]]:
    """Run a statement; the rows it returns, if any."""
    with db.transaction() as session:
        result: Any = session.execute(text(statement), values)
        return [tuple(row) for row in result] if result.returns_rows else []


def running(db: Database, message: AnyMessage) -> Job:
    """A job that a worker has begun."""
    job = jobs.remember(db, message)
    assert jobs.begin(db, job.key, job.attempt) is not None
    return job


def job(db: Database, key: str) -> Job:
    with db.snapshot() as session:
        return jobs.as_job(session.get_one(JobRow, key))


def seen(db: Database, key: str) -> tuple[JobState, int]:
    """State and attempt of a job."""
    found = job(db, key)
    return found.state, found.attempt


def add_policy(
    db: Database,
    version: int = 0,
    *,
    reward_version: int | None = None,
    episodes: int = 0,
    parent: int | None = None,
) -> None:
    """`parent`: by default the version before."""
    message: AnyMessage = PublishReference()
    if version:
        parent = version - 1 if parent is None else parent
        message = TrainPolicy(version=version, reward_version=reward_version or 1, parent=parent)
    made = running(db, message)
    versions.publish_policy(
        db,
        made.key,
        made.attempt,
        version=version,
        parent=parent,
        reward_version=reward_version,
        path=f"policy/{version}",
        sha256="0" * 64,
        episodes=episodes,
        kl=1.5 * version,
        kl_coef=0.15,
        score=0.5 * version if version else None,
    )


def add_reward(
    db: Database, version: int, status: RewardStatus = RewardStatus.PUBLISHED, *, watermark: int = 0
) -> None:
    made = running(db, TrainReward(version=version, labels=1))
    versions.publish_reward(
        db,
        made.key,
        made.attempt,
        version=version,
        status=status,
        reason="sound",
        path=f"reward/{version}",
        sha256="0" * 64,
        labels=9,
        held_out=1,
        watermark=queries.Watermark(watermark, 0),
        accuracy=None,
        compared=0,
        gain=2.0,
        bias=-1.0,
    )


def new_query(position: int, written_by: Sequence[int] = (0, 0, 0, 0), *, wanted: int = 1) -> NewQuery:
    """A query with a response by each of these policy versions."""
    return NewQuery(
        position,
        text=f"query {position}",
        tokens=(position, 7),
        responses=tuple(Response(f"{position}.{i}", (position, i), version) for i, version in enumerate(written_by)),
        wanted=wanted,
    )


def add_queries(
    db: Database,
    positions: Sequence[int],
    *,
    policy_version: int = 0,
    written_by: Sequence[int] | None = None,
    wanted: int = 1,
) -> None:
    """Queries of a policy that is there, as a sampling job stores them; `written_by`: by default, all by itself."""
    made = running(db, SampleQueries(first=min(positions), count=len(positions), policy_version=policy_version))
    versions = [policy_version] * 4 if written_by is None else written_by
    found = [new_query(position, versions, wanted=wanted) for position in positions]
    queries.add(db, made.key, made.attempt, found, policy_version=policy_version)


def add_measuring(db: Database, purpose: Purpose, texts: Sequence[str], *, responses: int = 2) -> None:
    """Gold, whose answer is 1, or questions of a comparison."""
    gold = purpose == Purpose.GOLD
    comparison = "INSERT INTO comparisons (id, version, alpha) VALUES (1, 0, 0.05) ON CONFLICT DO NOTHING"
    sql(db, comparison)
    for words in texts:
        [(query_id,)] = sql(
            db,
            "INSERT INTO queries (purpose, gold_answer, comparison_id, text, tokens, wanted) "
            "VALUES (:purpose, :gold, :comparison, :words, '{1}', :wanted) RETURNING id",
            purpose=purpose.value, gold=1 if gold else None, comparison=None if gold else 1, words=words,
            wanted=1_000_000 if gold else 1,
        )  # fmt: skip
        response = "INSERT INTO responses (query_id, index, text, tokens) VALUES (:query, :index, :words, '{1}')"
        for index in range(responses):
            sql(db, response, query=query_id, index=index, words=f"{words}.{index}")


def add_person(db: Database, name: str = "ada") -> int:
    """A labeler; their id."""
    principal = accounts.authenticate(db, accounts.create_account(db, name, Role.LABELER))
    assert principal is not None
    return principal.labeler_id


def ask(db: Database, labeler_id: int, labels: LabelSettings = LABELS) -> Lease | None:
    """A lease; None where there is nothing to answer."""
    found = leases.take(db, labeler_id, labels)
    return None if isinstance(found, Nothing) else found


def take(db: Database, labeler_id: int, labels: LabelSettings = LABELS) -> Lease:
    """A lease, of which there must be one."""
    lease = ask(db, labeler_id, labels)
    assert lease is not None
    return lease


def answer(db: Database, labeler_id: int, lease: Lease, position: int = 0, *, seconds: float = 2.0) -> Receipt:
    """The response that was shown at `position` is the best."""
    return answers.answer(db, labeler_id, lease.id, Answer(position=position), seconds=seconds)


def label(db: Database, labeler_id: int, *, position: int = 0, seconds: float = 2.0) -> int:
    """Take a lease and answer it; the label's id."""
    return answer(db, labeler_id, take(db, labeler_id), position, seconds=seconds).label_id


def expire(db: Database) -> None:
    """Let the time of all open leases be over."""
    sql(db, "UPDATE leases SET expires_at = now() - interval '1 second' WHERE state = 'open'")


def counters(db: Database, position: int = 0) -> tuple[int, int, bool]:
    """Claims and answers of a query, and whether it is retired."""
    [(claims, answers, retired)] = sql(
        db, "SELECT claims, answers, retired FROM queries WHERE position = :position", position=position
    )
    return claims, answers, retired
