"""Gold, comparisons, retractions, flags and critiques; roles, invitations, sign-ins; stops of the line; webhooks"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    _loop()
    _people()
    _questions()
    _leases()
    _labels()


def _created() -> sa.Column[object]:
    return sa.Column("created_at", MOMENT, server_default=sa.text("now()"), nullable=False)


def _loop() -> None:
    op.create_table(
        "stops",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("by", sa.String(length=200), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        _created(),
        sa.Column("resumed_by", sa.String(length=200), nullable=True),
        sa.Column("resumed_at", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stops")),
    )
    op.create_index(
        "uq_stops_standing",
        "stops",
        [sa.text("(resumed_at IS NULL)")],
        unique=True,
        postgresql_where="resumed_at IS NULL",
    )
    op.execute(
        "INSERT INTO stops (by, reason) SELECT 'an operator', 'paused before this version' FROM run WHERE paused"
    )
    op.drop_column("run", "paused")
    op.add_column("rewards", sa.Column("retraction_watermark", sa.Integer(), server_default="0", nullable=False))


def _people() -> None:
    op.drop_constraint(op.f("ck_labelers_role"), "labelers")
    op.create_check_constraint(
        op.f("ck_labelers_role"), "labelers", "role IN ('labeler', 'reviewer', 'operator', 'admin')"
    )
    op.add_column("labelers", sa.Column("leases_taken", sa.Integer(), server_default="0", nullable=False))
    op.add_column("labelers", sa.Column("paused_at", MOMENT, nullable=True))
    op.add_column("labelers", sa.Column("paused_reason", sa.Text(), nullable=True))
    op.add_column("api_keys", sa.Column("expires_at", MOMENT, nullable=True))
    for table, after in (("invitations", ["used_at", "revoked_at"]), ("sign_ins", ["revoked_at"])):
        op.create_table(
            table,
            sa.Column("id", sa.Integer(), nullable=False),
            sa.Column("labeler_id", sa.Integer(), nullable=False),
            sa.Column("sha256", sa.String(length=64), nullable=False),
            _created(),
            sa.Column("expires_at", MOMENT, nullable=False),
            *(sa.Column(name, MOMENT, nullable=True) for name in after),
            sa.ForeignKeyConstraint(["labeler_id"], ["labelers.id"], name=op.f(f"fk_{table}_labeler_id_labelers")),
            sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
            sa.UniqueConstraint("sha256", name=op.f(f"uq_{table}_sha256")),
        )
    op.create_table(
        "webhooks",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("events", postgresql.ARRAY(sa.String(length=50)), nullable=False),
        sa.Column("cursors", postgresql.JSONB(), nullable=False),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("next_try_at", MOMENT, server_default=sa.text("now()"), nullable=False),
        _created(),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhooks")),
        sa.UniqueConstraint("url", name=op.f("uq_webhooks_url")),
    )


def _questions() -> None:
    op.create_table(
        "comparisons",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("against", sa.Integer(), nullable=True),
        sa.Column("reference", sa.Text(), nullable=True),
        sa.Column("alpha", sa.Float(), nullable=False),
        sa.Column("state", sa.String(length=20), server_default="open", nullable=False),
        _created(),
        sa.Column("ended_at", MOMENT, nullable=True),
        sa.CheckConstraint("state IN ('open', 'decided', 'exhausted', 'ended')", name=op.f("ck_comparisons_state")),
        sa.ForeignKeyConstraint(["version"], ["policies.version"], name=op.f("fk_comparisons_version_policies")),
        sa.ForeignKeyConstraint(["against"], ["policies.version"], name=op.f("fk_comparisons_against_policies")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_comparisons")),
    )
    op.add_column("queries", sa.Column("purpose", sa.String(length=20), server_default="training", nullable=False))
    op.add_column("queries", sa.Column("comparison_id", sa.Integer(), nullable=True))
    op.add_column("queries", sa.Column("gold_answer", sa.Integer(), nullable=True))
    op.add_column("queries", sa.Column("priority", sa.Float(), server_default="0", nullable=False))
    op.create_foreign_key(
        op.f("fk_queries_comparison_id_comparisons"), "queries", "comparisons", ["comparison_id"], ["id"]
    )
    for table, column in (("queries", "position"), ("queries", "policy_version"), ("responses", "policy_version")):
        op.alter_column(table, column, nullable=True)
    for name, condition in (
        ("purpose", "purpose IN ('training', 'gold', 'comparison')"),
        ("training_has_position", "(purpose = 'training') = (position IS NOT NULL)"),
        ("gold_has_answer", "(purpose = 'gold') = (gold_answer IS NOT NULL)"),
        ("comparison_has_id", "(purpose = 'comparison') = (comparison_id IS NOT NULL)"),
    ):
        op.create_check_constraint(op.f(f"ck_queries_{name}"), "queries", condition)
    op.drop_index("ix_queries_claimable", "queries")
    op.create_index(
        "ix_queries_claimable",
        "queries",
        ["purpose", sa.text("policy_version DESC NULLS LAST"), sa.text("priority DESC"), "position", "id"],
        postgresql_where="claims < wanted AND NOT retired",
    )
    op.create_index(
        "ix_queries_comparison_id", "queries", ["comparison_id"], postgresql_where="comparison_id IS NOT NULL"
    )


def _leases() -> None:
    op.alter_column("leases", "reason", new_column_name="note")  # until now a skip's reason was free text
    op.add_column("leases", sa.Column("reason", sa.String(length=20), nullable=True))
    op.execute("UPDATE leases SET reason = 'other' WHERE state = 'skipped' AND note IS NOT NULL")
    op.create_check_constraint(
        op.f("ck_leases_reason"),
        "leases",
        "reason IN ('off_topic', 'offensive', 'broken', 'all_alike', 'unsure', 'other')",
    )
    op.create_index(op.f("ix_leases_labeler_id_closed_at"), "leases", ["labeler_id", "closed_at"])


def _labels() -> None:
    op.create_table(
        "retractions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("by", sa.String(length=200), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        _created(),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_retractions")),
    )
    op.add_column("labels", sa.Column("purpose", sa.String(length=20), server_default="training", nullable=False))
    op.add_column("labels", sa.Column("none_acceptable", sa.Boolean(), server_default="false", nullable=False))
    op.add_column("labels", sa.Column("flag", sa.String(length=20), nullable=True))
    op.add_column("labels", sa.Column("critique", sa.Text(), nullable=True))
    op.add_column("labels", sa.Column("retraction_id", sa.Integer(), nullable=True))
    op.create_foreign_key(
        op.f("fk_labels_retraction_id_retractions"), "labels", "retractions", ["retraction_id"], ["id"]
    )
    for column in ("lease_id", "seconds", "policy_version"):
        op.alter_column("labels", column, nullable=True)
    op.drop_constraint(op.f("ck_labels_one_form"), "labels")
    for name, condition in (
        ("one_form", "num_nonnulls(best, rating) + none_acceptable::int = 1"),
        ("position_of_best", "position IS NULL OR best IS NOT NULL"),
        ("purpose", "purpose IN ('training', 'gold', 'comparison')"),
        ("flag", "flag IN ('off_topic', 'offensive', 'broken', 'all_alike')"),
    ):
        op.create_check_constraint(op.f(f"ck_labels_{name}"), "labels", condition)
    op.drop_constraint(op.f("uq_labels_lease_id"), "labels")
    op.drop_constraint(op.f("uq_labels_query_id_labeler_id"), "labels")
    for name, columns in (("lease_id", ["lease_id"]), ("query_id_labeler_id", ["query_id", "labeler_id"])):
        op.create_index(f"uq_labels_{name}", "labels", columns, unique=True, postgresql_where="retraction_id IS NULL")
    op.create_index(op.f("ix_labels_labeler_id"), "labels", ["labeler_id"])
    op.create_index(
        op.f("ix_labels_retraction_id"), "labels", ["retraction_id"], postgresql_where="retraction_id IS NOT NULL"
    )
