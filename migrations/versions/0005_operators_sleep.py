"""Actions of operators, pauses of services, verdicts of the gate, signs of life, probes and scores"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    _operators()
    _versions()
    _jobs()
    _samples()


def _moment(name: str) -> sa.Column[object]:
    return sa.Column(name, MOMENT, server_default=sa.text("now()"), nullable=False)


def _operators() -> None:
    op.create_table(
        "actions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("by", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("detail", postgresql.JSONB(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        _moment("created_at"),
        sa.Column("result", postgresql.JSONB(), nullable=True),
        sa.CheckConstraint("kind IN ('rollback', 'retrain', 'retry', 'set', 'prune')", name=op.f("ck_actions_kind")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_actions")),
    )
    op.create_table(
        "services",
        sa.Column("service", sa.String(length=30), nullable=False),
        sa.Column("instance", sa.String(length=200), nullable=False),
        _moment("started_at"),
        _moment("seen_at"),
        sa.Column("facts", postgresql.JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("service", "instance", name=op.f("pk_services")),
    )
    op.add_column("stops", sa.Column("service", sa.String(length=20), nullable=True))
    op.add_column("stops", sa.Column("resumed_reason", sa.Text(), nullable=True))
    op.add_column("stops", sa.Column("cause", sa.String(length=30), nullable=True))
    op.create_check_constraint(
        op.f("ck_stops_service"), "stops", "service IN ('labeling', 'sampler', 'reward_trainer', 'ppo', 'webhooks')"
    )
    op.create_check_constraint(
        op.f("ck_stops_cause"),
        "stops",
        "cause IN ('human_win_rate', 'over_optimisation', 'kl', 'reward_accuracy', 'label_age', 'disk_full')",
    )
    op.drop_index("uq_stops_standing", "stops")
    op.create_index(
        "uq_stops_standing",
        "stops",
        [sa.text("COALESCE(service, '')")],
        unique=True,
        postgresql_where="resumed_at IS NULL",
    )


def _versions() -> None:
    for table in ("policies", "rewards"):
        op.add_column(table, sa.Column("pruned_at", MOMENT, nullable=True))
    op.add_column("rewards", sa.Column("verdict", postgresql.JSONB(), server_default="[]", nullable=False))
    op.add_column("rewards", sa.Column("request_id", sa.Integer(), nullable=True))
    op.create_foreign_key(op.f("fk_rewards_request_id_actions"), "rewards", "actions", ["request_id"], ["id"])


def _jobs() -> None:
    op.add_column("jobs", sa.Column("deaths", sa.Integer(), server_default="0", nullable=False))
    op.add_column("jobs", sa.Column("holder", sa.String(length=200), nullable=True))
    op.drop_constraint(op.f("ck_jobs_state"), "jobs")
    op.create_check_constraint(
        op.f("ck_jobs_state"), "jobs", "state IN ('queued', 'running', 'done', 'failed', 'canceled')"
    )


def _samples() -> None:
    op.create_table(
        "probes",
        sa.Column("policy_version", sa.Integer(), nullable=False),
        sa.Column("index", sa.Integer(), nullable=False),
        sa.Column("query", sa.Text(), nullable=False),
        sa.Column("response", sa.Text(), nullable=False),
        sa.Column("score", sa.Float(), nullable=True),
        sa.ForeignKeyConstraint(
            ["policy_version"], ["policies.version"], name=op.f("fk_probes_policy_version_policies")
        ),
        sa.PrimaryKeyConstraint("policy_version", "index", name=op.f("pk_probes")),
    )
    op.create_table(
        "scores",
        sa.Column("query_id", sa.BigInteger(), nullable=False),
        sa.Column("index", sa.Integer(), nullable=False),
        sa.Column("reward_version", sa.Integer(), nullable=False),
        sa.Column("score", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(
            ["query_id", "index"],
            ["responses.query_id", "responses.index"],
            name=op.f("fk_scores_query_id_index_responses"),
        ),
        sa.ForeignKeyConstraint(["reward_version"], ["rewards.version"], name=op.f("fk_scores_reward_version_rewards")),
        sa.PrimaryKeyConstraint("query_id", "index", "reward_version", name=op.f("pk_scores")),
    )
