"""The loop: which one it is, its versions, its jobs, its curves, and who stopped the line."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Float, ForeignKey, Index, String, Text, func, text
from sqlalchemy.orm import Mapped, mapped_column

from shared.store.tables.base import Base


class Run(Base):
    """One row: the loop this store belongs to, with the settings it was started with."""

    __tablename__ = "run"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(String(200))
    settings: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class StopRow(Base):
    """Somebody stopped the line. Training halts while one stop is not resumed; there is at most one such."""

    __tablename__ = "stops"
    __table_args__ = (
        Index("uq_stops_standing", text("(resumed_at IS NULL)"), postgresql_where="resumed_at IS NULL", unique=True),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    by: Mapped[str] = mapped_column(String(200))
    reason: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    resumed_by: Mapped[str | None] = mapped_column(String(200))
    resumed_at: Mapped[datetime | None]


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
