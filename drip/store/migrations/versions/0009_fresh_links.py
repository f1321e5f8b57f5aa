"""Learners say which language they want; whoever has an old link to their page gets a fresh one by mail."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

IDS = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("learner", sa.Column("own_language", sa.String(), nullable=True))
    op.create_table(
        "fresh_link",
        sa.Column("id", IDS, nullable=False),
        sa.Column("learner_id", IDS, nullable=False),
        sa.Column("delivery_id", IDS, nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answer", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["learner_id"], ["learner.id"]),
        sa.ForeignKeyConstraint(["delivery_id"], ["delivery.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_fresh_link_learner", "fresh_link", ["learner_id", "asked_at"])
    there = sa.text("due_at IS NOT NULL")
    op.create_index("ix_fresh_link_due", "fresh_link", ["due_at"], sqlite_where=there, postgresql_where=there)


def downgrade() -> None:
    op.drop_table("fresh_link")
    op.drop_column("learner", "own_language")
