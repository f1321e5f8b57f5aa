"""What is due is found course by course, and handing a mail over or renewing its lease changes no index."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _index("ix_enrolment_due", "enrolment", ["course_id", "due_at", "id"], only="due_at")
    op.drop_index("ix_delivery_lease", table_name="delivery")
    _new_index("ix_delivery_leased", "delivery", ["leased_by"], only="leased_by")
    if op.get_bind().dialect.name == "postgresql":  # room beside a row for its next state
        op.execute("ALTER TABLE delivery SET (fillfactor = 70)")


def downgrade() -> None:
    _index("ix_enrolment_due", "enrolment", ["due_at", "id"], only="due_at")
    op.drop_index("ix_delivery_leased", table_name="delivery")
    _new_index("ix_delivery_lease", "delivery", ["lease_until"], only="lease_until")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE delivery RESET (fillfactor)")


def _index(name: str, table: str, columns: list[str], *, only: str) -> None:
    op.drop_index(name, table_name=table)
    _new_index(name, table, columns, only=only)


def _new_index(name: str, table: str, columns: list[str], *, only: str) -> None:
    there = sa.text(f"{only} IS NOT NULL")
    op.create_index(name, table, columns, sqlite_where=there, postgresql_where=there)
