"""The loop: which one it is, its versions, its jobs, its curves, who stopped the line and what operators did."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Float, ForeignKey, Index, String, Text, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from shared.domain import ActionKind, Cause, JobState, Service
from shared.store.tables.base import Base, one_of


class Run(Base):
    """One row: the loop this store belongs to, with the settings it was started with."""

    __tablename__ = "run"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(String(200))
    settings: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class StopRow(Base):
    """Somebody, or the loop itself, stopped the line, or one service of it (`service`).

    It halts while a stop is not resumed; there is at most one such of the line and of each service.
    """

    __tablename__ = "stops"
    __table_args__ = (
        CheckConstraint(one_of("service", Service), name="service"),
        CheckConstraint(one_of("cause", Cause), name="cause"),
        Index("uq_stops_standing", text("COALESCE(service, '')"), postgresql_where="resumed_at IS NULL", unique=True),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    by: Mapped[str] = mapped_column(String(200))
    reason: Mapped[str] = mapped_column(Text)
    service: Mapped[str | None] = mapped_column(String(20))
    cause: Mapped[str | None] = mapped_column(String(30))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    resumed_by: Mapped[str | None] = mapped_column(String(200))
    resumed_reason: Mapped[str | None] = mapped_column(Text)
    resumed_at: Mapped[datetime | None]


class ActionRow(Base):
    """What operators did, or asked for: the audit trail, from which rollbacks and changed settings are read too."""

    __tablename__ = "actions"
    __table_args__ = (CheckConstraint(one_of("kind", ActionKind), name="kind"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    by: Mapped[str] = mapped_column(String(200))
    kind: Mapped[str] = mapped_column(String(20))
    detail: Mapped[dict[str, Any]]
    reason: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    result: Mapped[dict[str, Any] | None]


class ServiceRow(Base):
    """A process that is, or was, there: its last sign of life, and what it says of itself."""

    __tablename__ = "services"
    service: Mapped[str] = mapped_column(String(30), primary_key=True)
    instance: Mapped[str] = mapped_column(String(200), primary_key=True)
    started_at: Mapped[datetime] = mapped_column(server_default=func.now())
    seen_at: Mapped[datetime] = mapped_column(server_default=func.now())
    facts: Mapped[dict[str, Any]]


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
    pruned_at: Mapped[datetime | None]


class Reward(Base):
    """It was trained on the labels up to `label_watermark` that no retraction up to `retraction_watermark` took out."""

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
    retraction_watermark: Mapped[int] = mapped_column(server_default="0")
    accuracy: Mapped[float | None] = mapped_column(Float)
    compared: Mapped[int]
    gain: Mapped[float] = mapped_column(Float)
    bias: Mapped[float] = mapped_column(Float)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    verdict: Mapped[list[Any]] = mapped_column(JSONB, server_default="[]")
    request_id: Mapped[int | None] = mapped_column(ForeignKey("actions.id"))
    pruned_at: Mapped[datetime | None]


class Probe(Base):
    """What a policy version answered to a fixed query, and its score by the r it was trained with."""

    __tablename__ = "probes"
    policy_version: Mapped[int] = mapped_column(ForeignKey("policies.version"), primary_key=True)
    index: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    query: Mapped[str] = mapped_column(Text)
    response: Mapped[str] = mapped_column(Text)
    score: Mapped[float | None] = mapped_column(Float)


class JobRow(Base):
    """`holder`: the process that runs it. `deaths`: workers that ended without a word while they had it."""

    __tablename__ = "jobs"
    __table_args__ = (CheckConstraint(one_of("state", JobState), name="state"),)
    key: Mapped[str] = mapped_column(String(100), primary_key=True)
    queue: Mapped[str] = mapped_column(String(50))
    message: Mapped[dict[str, Any]]
    attempt: Mapped[int]
    failures: Mapped[int] = mapped_column(server_default="0")
    deaths: Mapped[int] = mapped_column(server_default="0")
    holder: Mapped[str | None] = mapped_column(String(200))
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
