"""How much has gone, and how much may go: counters that all workers share."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "pace",
        sa.Column("way", sa.String(), nullable=False),
        sa.Column("domain", sa.String(), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("way", "domain"),
    )


def downgrade() -> None:
    op.drop_table("pace")
