"""Published policies and trained reward models. A version is there when its row is: weights are written before.

Live is the newest published one, or what was rolled back to since: the version that samples, or that scores next.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from shared.descent import descent
from shared.domain import ActionKind, Check, PolicyVersion, RewardStatus, RewardVersion
from shared.store import actions, jobs
from shared.store.database import Database, storable
from shared.store.queries import Watermark
from shared.store.tables import JobRow, Policy, Probe, Reward, Score


@dataclass(frozen=True, slots=True)
class Probed:
    """What a policy answered to a fixed query, and what the r it was trained with says of it; None: there was none."""

    query: str
    response: str
    score: float | None


Scores = Mapping[tuple[int, int], float]  # by query id and index of the response


def publish_policy(
    db: Database,
    key: str,
    attempt: int,
    *,
    version: int,
    parent: int | None,
    reward_version: int | None,
    path: str,
    sha256: str,
    episodes: int,
    kl: float | None,
    kl_coef: float,
    score: float | None,
    probes: Sequence[Probed] = (),
) -> None:
    """Store the result of a job that made a policy. Raises SupersededError where the attempt was given up."""
    row = Policy(
        version=version,
        parent=parent,
        reward_version=reward_version,
        path=path,
        sha256=sha256,
        episodes=episodes,
        kl=kl,
        kl_coef=kl_coef,
        score=score,
    )
    with db.transaction() as session:
        jobs.finish(session, key, attempt)
        session.add(row)
        session.flush()
        session.add_all(
            Probe(
                policy_version=version,
                index=index,
                query=storable(probe.query),
                response=storable(probe.response),
                score=probe.score,
            )
            for index, probe in enumerate(probes)
        )


def publish_reward(
    db: Database,
    key: str,
    attempt: int,
    *,
    version: int,
    status: RewardStatus,
    reason: str,
    path: str,
    sha256: str,
    labels: int,
    held_out: int,
    watermark: Watermark,
    accuracy: float | None,
    compared: int,
    gain: float,
    bias: float,
    verdict: Sequence[Check] = (),
    request_id: int | None = None,
    scores: Scores | None = None,
) -> None:
    """Store the result of a reward training, rejected ones too. Raises SupersededError as above.

    `verdict`: what the gate looked at; `scores`: what it says of responses that people may look at.
    """
    row = Reward(
        version=version,
        status=status,
        reason=reason,
        path=path,
        sha256=sha256,
        labels=labels,
        held_out=held_out,
        label_watermark=watermark.label,
        retraction_watermark=watermark.retraction,
        accuracy=accuracy,
        compared=compared,
        gain=gain,
        bias=bias,
        verdict=[asdict(check) for check in verdict],
        request_id=request_id,
    )
    with db.transaction() as session:
        jobs.finish(session, key, attempt)
        session.add(row)
        session.flush()
        session.add_all(
            Score(query_id=query_id, index=index, reward_version=version, score=score)
            for (query_id, index), score in (scores or {}).items()
        )
        if request_id is not None:
            actions.settle(session, request_id, {"reward": version, "status": status})


def policy(db: Database, version: int) -> PolicyVersion | None:
    with db.snapshot() as session:
        row = session.get(Policy, version)
        return None if row is None else _policy(row)


def policies(db: Database) -> list[PolicyVersion]:
    with db.snapshot() as session:
        return [_policy(row) for row in session.scalars(select(Policy).order_by(Policy.version))]


def live_policy(db: Database) -> PolicyVersion | None:
    with db.snapshot() as session:
        row = find_live_policy(session)
        return None if row is None else _policy(row)


def find_live_policy(session: Session) -> Policy | None:
    back = actions.newest(session, ActionKind.ROLLBACK)
    newer = () if back is None else (Policy.version > back["last_policy"],)
    newest = session.scalar(select(Policy).where(*newer).order_by(Policy.version.desc()).limit(1))
    return newest if newest is not None or back is None else session.get_one(Policy, back["policy"])


def reward(db: Database, version: int) -> RewardVersion | None:
    with db.snapshot() as session:
        row = session.get(Reward, version)
        return None if row is None else _reward(row)


def rewards(db: Database) -> list[RewardVersion]:
    """All trained ones, rejected ones included."""
    with db.snapshot() as session:
        return [_reward(row) for row in session.scalars(select(Reward).order_by(Reward.version))]


def parents(session: Session) -> dict[int, int | None]:
    """Of every policy, by version."""
    return {row.version: row.parent for row in session.execute(select(Policy.version, Policy.parent))}


def generations_back(db: Database, count: int) -> int | None:
    """The policy version that the live one descends from by so many segments; None: it has not as many behind it."""
    with db.snapshot() as session:
        live = find_live_policy(session)
        line = [] if live is None else descent(parents(session), live.version)
        return line[-1 - count] if count < len(line) else None


def live_reward(db: Database) -> RewardVersion | None:
    with db.snapshot() as session:
        row = find_live_reward(session)
        return None if row is None else _reward(row)


def find_live_reward(session: Session) -> Reward | None:
    """A rollback to ρ, which no r has trained, leaves none: then the next one that passes the gate."""
    back = actions.newest(session, ActionKind.ROLLBACK)
    newer = () if back is None else (Reward.version > back["last_reward"],)
    published = select(Reward).where(Reward.status == RewardStatus.PUBLISHED, *newer)
    newest = session.scalar(published.order_by(Reward.version.desc()).limit(1))
    if newest is not None or back is None or back["reward"] is None:
        return newest
    return session.get_one(Reward, back["reward"])


def last_given(session: Session, queue: str, newest: int | None) -> int | None:
    """The highest version number that a version, or a job of the queue that makes them, ever had."""
    given = select(func.max(JobRow.message["version"].as_integer())).where(JobRow.queue == queue)
    return max((one for one in (newest, session.scalar(given)) if one is not None), default=None)


def _policy(row: Policy) -> PolicyVersion:
    return PolicyVersion(
        version=row.version,
        parent=row.parent,
        reward_version=row.reward_version,
        path=row.path,
        sha256=row.sha256,
        episodes=row.episodes,
        kl=row.kl,
        kl_coef=row.kl_coef,
        score=row.score,
        created_at=row.created_at,
        pruned_at=row.pruned_at,
    )


def _reward(row: Reward) -> RewardVersion:
    return RewardVersion(
        version=row.version,
        status=RewardStatus(row.status),
        reason=row.reason,
        path=row.path,
        sha256=row.sha256,
        labels=row.labels,
        held_out=row.held_out,
        label_watermark=row.label_watermark,
        retraction_watermark=row.retraction_watermark,
        accuracy=row.accuracy,
        compared=row.compared,
        gain=row.gain,
        bias=row.bias,
        created_at=row.created_at,
        verdict=tuple(Check(**check) for check in row.verdict),
        request_id=row.request_id,
        pruned_at=row.pruned_at,
    )
