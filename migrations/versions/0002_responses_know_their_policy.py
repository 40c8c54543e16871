"""Responses know who wrote them: evaluation queries hold answers of two policies"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("responses", sa.Column("policy_version", sa.Integer(), nullable=True))
    op.execute(  # until now, all answers to a query came from its policy
        "UPDATE responses SET policy_version = queries.policy_version FROM queries "
        "WHERE queries.id = responses.query_id"
    )
    op.alter_column("responses", "policy_version", nullable=False)
    op.create_foreign_key(
        op.f("fk_responses_policy_version_policies"), "responses", "policies", ["policy_version"], ["version"]
    )
