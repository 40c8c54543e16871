"""Labels of several kinds: a choice or a rating; and how many comparisons an accuracy is a share of"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("labels", sa.Column("rating", sa.Integer(), nullable=True))
    for column in ("best", "position"):
        op.alter_column("labels", column, nullable=True)
    op.create_check_constraint(
        op.f("ck_labels_one_form"), "labels", "num_nonnulls(best, rating) = 1 AND num_nonnulls(position, rating) = 1"
    )
    op.create_check_constraint(op.f("ck_labels_rating"), "labels", "rating >= 1 AND rating <= 7")
    op.add_column("rewards", sa.Column("compared", sa.Integer(), nullable=True))
    op.execute("UPDATE rewards SET compared = held_out")  # until now, every held-out label was a choice
    op.alter_column("rewards", "compared", nullable=False)
