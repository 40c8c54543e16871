"""What people say: leases, the labels they end with, and retractions that take labels out of training."""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, Float, ForeignKey, Index, String, Text, func
from sqlalchemy.orm import Mapped, mapped_column

from shared.domain import Flag, LeaseState, Purpose, SkipReason
from shared.questions.rating import SCALE
from shared.store.tables.base import Base, one_of

STANDING = "retraction_id IS NULL"


class LeaseRow(Base):
    """`shown` is the order in which the responses were shown: shown[position] is the response's index.

    `reason` and `note` say why it was skipped.
    """

    __tablename__ = "leases"
    __table_args__ = (
        CheckConstraint(one_of("state", LeaseState), name="state"),
        CheckConstraint(one_of("reason", SkipReason), name="reason"),
        # A person who let a lease expire may have the query again: it would wait for ever where nobody else labels.
        Index("uq_leases_query_labeler", "query_id", "labeler_id", postgresql_where="state <> 'expired'", unique=True),
        Index("ix_leases_open", "expires_at", postgresql_where="state = 'open'"),
        Index("ix_leases_open_labeler", "labeler_id", postgresql_where="state = 'open'", unique=True),
        Index("ix_leases_labeler_id_closed_at", "labeler_id", "closed_at"),
    )
    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    query_id: Mapped[int] = mapped_column(ForeignKey("queries.id"))
    labeler_id: Mapped[int] = mapped_column(ForeignKey("labelers.id"))
    shown: Mapped[list[int]]
    state: Mapped[str] = mapped_column(String(20), server_default="open")
    reason: Mapped[str | None] = mapped_column(String(20))
    note: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    expires_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]


class LabelRow(Base):
    """One person's answer: `best` of the responses, shown at `position`; a `rating` of the only one; or none will do.

    A label is never changed: one that is taken back names its retraction, and another may take its place.
    `purpose` and `policy_version` are its query's. An imported one has no lease, and perhaps no position and seconds.
    """

    __tablename__ = "labels"
    __table_args__ = (
        Index("uq_labels_lease_id", "lease_id", postgresql_where=STANDING, unique=True),
        Index("uq_labels_query_id_labeler_id", "query_id", "labeler_id", postgresql_where=STANDING, unique=True),
        Index("ix_labels_labeler_id", "labeler_id"),
        Index("ix_labels_retraction_id", "retraction_id", postgresql_where="retraction_id IS NOT NULL"),
        CheckConstraint("seconds >= 0", name="seconds"),
        CheckConstraint("num_nonnulls(best, rating) + none_acceptable::int = 1", name="one_form"),
        CheckConstraint("position IS NULL OR best IS NOT NULL", name="position_of_best"),
        CheckConstraint(f"rating >= 1 AND rating <= {SCALE.levels}", name="rating"),
        CheckConstraint(one_of("purpose", Purpose), name="purpose"),
        CheckConstraint(one_of("flag", Flag), name="flag"),
    )
    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    query_id: Mapped[int] = mapped_column(ForeignKey("queries.id"))
    labeler_id: Mapped[int] = mapped_column(ForeignKey("labelers.id"))
    lease_id: Mapped[str | None] = mapped_column(ForeignKey("leases.id"))
    purpose: Mapped[str] = mapped_column(String(20), server_default="training")
    best: Mapped[int | None]
    position: Mapped[int | None]
    rating: Mapped[int | None]
    none_acceptable: Mapped[bool] = mapped_column(server_default="false")
    flag: Mapped[str | None] = mapped_column(String(20))
    critique: Mapped[str | None] = mapped_column(Text)
    seconds: Mapped[float | None] = mapped_column(Float)
    policy_version: Mapped[int | None] = mapped_column(ForeignKey("policies.version"))
    retraction_id: Mapped[int | None] = mapped_column(ForeignKey("retractions.id"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Retraction(Base):
    """Somebody took labels back: their own last one (undo), or an operator many. Ids rise as those of labels do."""

    __tablename__ = "retractions"
    id: Mapped[int] = mapped_column(primary_key=True)
    by: Mapped[str] = mapped_column(String(200))
    reason: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
