"""Edits follow the people in a course: what ids were called, who may get a mail twice, who is still to be moved."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("plan", sa.Column("renames", sa.JSON(), nullable=True))
    op.add_column("course", sa.Column("catching_up", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("course", sa.Column("repeats", sa.JSON(), nullable=True))
    op.drop_index("ix_enrolment_course", table_name="enrolment")
    op.create_index("ix_enrolment_course", "enrolment", ["course_id", "state", "revision"])


def downgrade() -> None:
    op.drop_index("ix_enrolment_course", table_name="enrolment")
    op.create_index("ix_enrolment_course", "enrolment", ["course_id", "state"])
    op.drop_column("course", "repeats")
    op.drop_column("course", "catching_up")
    op.drop_column("plan", "renames")
