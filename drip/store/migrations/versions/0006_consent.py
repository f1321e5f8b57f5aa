"""What learners agree to is kept with its text, source and time; evidence says which network it came from, for a day."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "consent",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("learner_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("what", sa.String(), nullable=False),
        sa.Column("given", sa.Boolean(), nullable=False),
        sa.Column("text_version", sa.String(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["learner_id"], ["learner.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_consent_learner", "consent", ["learner_id", "what"])
    op.add_column("learner", sa.Column("consents_opens", sa.Boolean(), nullable=True))
    op.add_column("evidence", sa.Column("network", sa.String(), nullable=False, server_default=""))


def downgrade() -> None:
    op.drop_column("evidence", "network")
    op.drop_column("learner", "consents_opens")
    op.drop_index("ix_consent_learner", "consent")
    op.drop_table("consent")
