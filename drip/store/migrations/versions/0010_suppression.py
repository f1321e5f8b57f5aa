"""The suppression list says who put an address there and until when; what came back is found by its time."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("suppression", sa.Column("source", sa.String(), nullable=False, server_default=""))
    op.add_column("suppression", sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("suppression", sa.Column("left_at", sa.DateTime(timezone=True), nullable=True))
    op.execute("UPDATE suppression SET left_at = at WHERE reason = 'unsubscribed'")
    came_back = sa.text("kind IN ('bounce', 'complaint')")
    op.create_index("ix_evidence_came_back", "evidence", ["at"], sqlite_where=came_back, postgresql_where=came_back)


def downgrade() -> None:
    op.drop_index("ix_evidence_came_back", "evidence")
    op.drop_column("suppression", "left_at")
    op.drop_column("suppression", "expires_at")
    op.drop_column("suppression", "source")
