"""Learners say when they want the mails of a course, pause it until a day, and ask for the next one at once."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("enrolment", sa.Column("paused_until", sa.DateTime(timezone=True), nullable=True))
    op.add_column("enrolment", sa.Column("wish", sa.String(), nullable=True))
    op.add_column("enrolment", sa.Column("hurried_at", sa.DateTime(timezone=True), nullable=True))
    there = sa.text("paused_until IS NOT NULL")
    op.create_index(
        "ix_enrolment_paused_until", "enrolment", ["paused_until"], sqlite_where=there, postgresql_where=there
    )


def downgrade() -> None:
    op.drop_index("ix_enrolment_paused_until", "enrolment")
    for name in ("hurried_at", "wish", "paused_until"):
        op.drop_column("enrolment", name)
