"""The label store's tables. Every constraint has a name; migrations/ builds the same from zero (a test compares)."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Text,
    UniqueConstraint,
    func,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from shared.questions.rating import SCALE

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMES)
    type_annotation_map = {  # noqa: RUF012 (SQLAlchemy's own form)
        datetime: DateTime(timezone=True),
        dict[str, Any]: JSONB,
        list[int]: ARRAY(Integer),
    }


class Run(Base):
    """One row: the loop this store belongs to, with the settings it was started with."""

    __tablename__ = "run"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(String(200))
    settings: Mapped[dict[str, Any]]
    paused: Mapped[bool] = mapped_column(server_default="false")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Policy(Base):
    __tablename__ = "policies"
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    parent: Mapped[int | None] = mapped_column(ForeignKey("policies.version"))
    reward_version: Mapped[int | None] = mapped_column(ForeignKey("rewards.version"))
    path: Mapped[str] = mapped_column(Text)
    sha256: Mapped[str] = mapped_column(String(64))
    episodes: Mapped[int]
    kl: Mapped[float | None] = mapped_column(Float)
    kl_coef: Mapped[float] = mapped_column(Float)
    score: Mapped[float | None] = mapped_column(Float)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Reward(Base):
    __tablename__ = "rewards"
    __table_args__ = (CheckConstraint("status IN ('published', 'rejected')", name="status"),)
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    status: Mapped[str] = mapped_column(String(20))
    reason: Mapped[str] = mapped_column(Text)
    path: Mapped[str] = mapped_column(Text)
    sha256: Mapped[str] = mapped_column(String(64))
    labels: Mapped[int]
    held_out: Mapped[int]
    label_watermark: Mapped[int] = mapped_column(BigInteger)
    accuracy: Mapped[float | None] = mapped_column(Float)
    compared: Mapped[int]
    gain: Mapped[float] = mapped_column(Float)
    bias: Mapped[float] = mapped_column(Float)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Query(Base):
    """`claims` counts open and done leases; shared/store/leases.py says why it is a column."""

    __tablename__ = "queries"
    __table_args__ = (
        UniqueConstraint("position"),
        CheckConstraint("claims >= 0 AND claims <= wanted", name="claims_within_wanted"),
        CheckConstraint("answers >= 0 AND answers <= claims", name="answers_within_claims"),
        Index("ix_queries_claimable", "policy_version", "position", postgresql_where="claims < wanted AND NOT retired"),
    )
    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    position: Mapped[int]
    policy_version: Mapped[int] = mapped_column(ForeignKey("policies.version"))
    text: Mapped[str] = mapped_column(Text)
    tokens: Mapped[list[int]]
    wanted: Mapped[int] = mapped_column(server_default="1")
    claims: Mapped[int] = mapped_column(server_default="0")
    answers: Mapped[int] = mapped_column(server_default="0")
    retired: Mapped[bool] = mapped_column(server_default="false")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Response(Base):
    """`policy_version` wrote it: the query's policy, or ρ (version 0) for some answers to an evaluation query."""

    __tablename__ = "responses"
    __table_args__ = (CheckConstraint("index >= 0", name="index"),)
    query_id: Mapped[int] = mapped_column(ForeignKey("queries.id"), primary_key=True)
    index: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    policy_version: Mapped[int] = mapped_column(ForeignKey("policies.version"))
    text: Mapped[str] = mapped_column(Text)
    tokens: Mapped[list[int]]


class Labeler(Base):
    __tablename__ = "labelers"
    __table_args__ = (UniqueConstraint("name"), CheckConstraint("role IN ('labeler', 'operator')", name="role"))
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    role: Mapped[str] = mapped_column(String(20))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class ApiKey(Base):
    """Only the SHA-256 of a key is kept; `prefix` is what people and logs may see of it."""

    __tablename__ = "api_keys"
    __table_args__ = (UniqueConstraint("sha256"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    labeler_id: Mapped[int] = mapped_column(ForeignKey("labelers.id"))
    prefix: Mapped[str] = mapped_column(String(16))
    sha256: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class LeaseRow(Base):
    """`shown` is the order in which the responses were shown: shown[position] is the response's index."""

    __tablename__ = "leases"
    __table_args__ = (
        CheckConstraint("state IN ('open', 'done', 'skipped', 'expired')", name="state"),
        # A person who let a lease expire may have the query again: it would wait for ever where nobody else labels.
        Index("uq_leases_query_labeler", "query_id", "labeler_id", postgresql_where="state <> 'expired'", unique=True),
        Index("ix_leases_open", "expires_at", postgresql_where="state = 'open'"),
        Index("ix_leases_open_labeler", "labeler_id", postgresql_where="state = 'open'", unique=True),
    )
    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    query_id: Mapped[int] = mapped_column(ForeignKey("queries.id"))
    labeler_id: Mapped[int] = mapped_column(ForeignKey("labelers.id"))
    shown: Mapped[list[int]]
    state: Mapped[str] = mapped_column(String(20), server_default="open")
    reason: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    expires_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]


class LabelRow(Base):
    """A choice, `best` of the responses, shown at `position`, or a `rating` of the only one (shared/questions)."""

    __tablename__ = "labels"
    __table_args__ = (
        UniqueConstraint("lease_id"),
        UniqueConstraint("query_id", "labeler_id"),
        CheckConstraint("seconds >= 0", name="seconds"),
        CheckConstraint("num_nonnulls(best, rating) = 1 AND num_nonnulls(position, rating) = 1", name="one_form"),
        CheckConstraint(f"rating >= 1 AND rating <= {SCALE.levels}", name="rating"),
    )
    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    query_id: Mapped[int] = mapped_column(ForeignKey("queries.id"))
    labeler_id: Mapped[int] = mapped_column(ForeignKey("labelers.id"))
    lease_id: Mapped[str] = mapped_column(ForeignKey("leases.id"))
    best: Mapped[int | None]
    position: Mapped[int | None]
    rating: Mapped[int | None]
    seconds: Mapped[float] = mapped_column(Float)
    policy_version: Mapped[int] = mapped_column(ForeignKey("policies.version"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class JobRow(Base):
    __tablename__ = "jobs"
    __table_args__ = (CheckConstraint("state IN ('queued', 'running', 'done', 'failed')", name="state"),)
    key: Mapped[str] = mapped_column(String(100), primary_key=True)
    queue: Mapped[str] = mapped_column(String(50))
    message: Mapped[dict[str, Any]]
    attempt: Mapped[int]
    failures: Mapped[int] = mapped_column(server_default="0")
    state: Mapped[str] = mapped_column(String(20))
    error: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    started_at: Mapped[datetime | None]
    heartbeat_at: Mapped[datetime] = mapped_column(server_default=func.now())
    finished_at: Mapped[datetime | None]


class PPOBatch(Base):
    """The statistics of one PPO batch, for the curves: a repeated attempt overwrites its forerunner's rows."""

    __tablename__ = "ppo_batches"
    policy_version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    batch: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    episodes: Mapped[int]
    stats: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
