"""What people are asked: queries with their responses, and the comparisons that some of them belong to."""

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    String,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from shared.domain import ComparisonState, Purpose
from shared.store.tables.base import Base, one_of


class Comparison(Base):
    """Two policies, or a policy and reference texts, beside each other. None for a version: reference texts."""

    __tablename__ = "comparisons"
    __table_args__ = (CheckConstraint(one_of("state", ComparisonState), name="state"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(ForeignKey("policies.version"))
    against: Mapped[int | None] = mapped_column(ForeignKey("policies.version"))
    reference: Mapped[str | None] = mapped_column(Text)
    alpha: Mapped[float] = mapped_column(Float)
    state: Mapped[str] = mapped_column(String(20), server_default="open")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    ended_at: Mapped[datetime | None]


class Query(Base):
    """`claims` counts open and done leases; shared/store/leases.py says why it is a column.

    `position` orders the queries for training: from 0 those of the sampler, below 0 imported ones, none for the others.
    `policy_version` answered it; none: gold, comparisons, imports. `gold_answer`: the best response or the rating.
    """

    __tablename__ = "queries"
    __table_args__ = (
        UniqueConstraint("position"),
        CheckConstraint(one_of("purpose", Purpose), name="purpose"),
        CheckConstraint("claims >= 0 AND claims <= wanted", name="claims_within_wanted"),
        CheckConstraint("answers >= 0 AND answers <= claims", name="answers_within_claims"),
        CheckConstraint("(purpose = 'training') = (position IS NOT NULL)", name="training_has_position"),
        CheckConstraint("(purpose = 'gold') = (gold_answer IS NOT NULL)", name="gold_has_answer"),
        CheckConstraint("(purpose = 'comparison') = (comparison_id IS NOT NULL)", name="comparison_has_id"),
        Index(
            "ix_queries_claimable",
            "purpose",
            text("policy_version DESC NULLS LAST"),
            text("priority DESC"),
            "position",
            "id",
            postgresql_where="claims < wanted AND NOT retired",
        ),
        Index("ix_queries_comparison_id", "comparison_id", postgresql_where="comparison_id IS NOT NULL"),
    )
    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    purpose: Mapped[str] = mapped_column(String(20), server_default="training")
    position: Mapped[int | None]
    policy_version: Mapped[int | None] = mapped_column(ForeignKey("policies.version"))
    comparison_id: Mapped[int | None] = mapped_column(ForeignKey("comparisons.id"))
    gold_answer: Mapped[int | None]
    priority: Mapped[float] = mapped_column(Float, server_default="0")
    text: Mapped[str] = mapped_column(Text)
    tokens: Mapped[list[int]]
    wanted: Mapped[int] = mapped_column(server_default="1")
    claims: Mapped[int] = mapped_column(server_default="0")
    answers: Mapped[int] = mapped_column(server_default="0")
    retired: Mapped[bool] = mapped_column(server_default="false")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Response(Base):
    """`policy_version` wrote it: the query's policy, ρ (version 0) for some evaluation queries, none of ours (None)."""

    __tablename__ = "responses"
    __table_args__ = (CheckConstraint("index >= 0", name="index"),)
    query_id: Mapped[int] = mapped_column(ForeignKey("queries.id"), primary_key=True)
    index: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    policy_version: Mapped[int | None] = mapped_column(ForeignKey("policies.version"))
    text: Mapped[str] = mapped_column(Text)
    tokens: Mapped[list[int]]


class Score(Base):
    """What a reward version says of a response: of those it was shown at the gate."""

    __tablename__ = "scores"
    __table_args__ = (ForeignKeyConstraint(["query_id", "index"], ["responses.query_id", "responses.index"]),)
    query_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    index: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    reward_version: Mapped[int] = mapped_column(ForeignKey("rewards.version"), primary_key=True)
    score: Mapped[float] = mapped_column(Float)
