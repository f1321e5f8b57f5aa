"""Edits follow the people in a course: what ids were called, who may get a mail twice, who is still to be moved.

And what is due at one instant is found in its order by index alone, however many there are.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


#: (index, table, column): what falls due.
_DUE = (
    ("ix_enrolment_due", "enrolment", "due_at"),
    ("ix_enrolment_review", "enrolment", "review_due_at"),
    ("ix_delivery_due", "delivery", "due_at"),
)


def upgrade() -> None:
    _index_due("id")
    op.add_column("plan", sa.Column("renames", sa.JSON(), nullable=True))
    op.add_column("course", sa.Column("catching_up", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("course", sa.Column("repeats", sa.JSON(), nullable=True))
    op.drop_index("ix_enrolment_course", table_name="enrolment")
    op.create_index("ix_enrolment_course", "enrolment", ["course_id", "state", "revision"])


def downgrade() -> None:
    _index_due()
    op.drop_index("ix_enrolment_course", table_name="enrolment")
    op.create_index("ix_enrolment_course", "enrolment", ["course_id", "state"])
    op.drop_column("course", "repeats")
    op.drop_column("course", "catching_up")
    op.drop_column("plan", "renames")


def _index_due(*then: str) -> None:
    for name, table, column in _DUE:
        op.drop_index(name, table_name=table)
        only = sa.text(f"{column} IS NOT NULL")
        op.create_index(name, table, [column, *then], sqlite_where=only, postgresql_where=only)
