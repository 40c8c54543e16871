"""Published policies and trained reward models. A version is there when its row is: weights are written before."""

from sqlalchemy import select

from shared.domain import PolicyVersion, RewardStatus, RewardVersion
from shared.store import jobs
from shared.store.database import Database
from shared.store.queries import Watermark
from shared.store.tables import Policy, Reward


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
) -> None:
    """Store the result of a reward training, rejected ones too. Raises SupersededError as above."""
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
    )
    with db.transaction() as session:
        jobs.finish(session, key, attempt)
        session.add(row)


def policy(db: Database, version: int) -> PolicyVersion | None:
    with db.snapshot() as session:
        row = session.get(Policy, version)
        return None if row is None else _policy(row)


def policies(db: Database) -> list[PolicyVersion]:
    with db.snapshot() as session:
        return [_policy(row) for row in session.scalars(select(Policy).order_by(Policy.version))]


def newest_policy(db: Database) -> PolicyVersion | None:
    with db.snapshot() as session:
        row = session.scalar(select(Policy).order_by(Policy.version.desc()).limit(1))
        return None if row is None else _policy(row)


def reward(db: Database, version: int) -> RewardVersion | None:
    with db.snapshot() as session:
        row = session.get(Reward, version)
        return None if row is None else _reward(row)


def rewards(db: Database) -> list[RewardVersion]:
    """All trained ones, rejected ones included."""
    with db.snapshot() as session:
        return [_reward(row) for row in session.scalars(select(Reward).order_by(Reward.version))]


def newest_reward(db: Database) -> RewardVersion | None:
    """The newest published one."""
    published = select(Reward).where(Reward.status == RewardStatus.PUBLISHED)
    with db.snapshot() as session:
        row = session.scalar(published.order_by(Reward.version.desc()).limit(1))
        return None if row is None else _reward(row)


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
    )
