"""Rows may point at nobody (their learner was erased), evidence keeps its verdict, and chores know their night."""

from __future__ import annotations

import re

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0009"
branch_labels = None
depends_on = None

IDS = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
#: Tables whose rows outlive their learner.
_OUTLIVE = ("enrolment", "delivery", "evidence", "fresh_link")


def upgrade() -> None:
    op.add_column("evidence", sa.Column("judged", sa.String(), nullable=False, server_default=""))
    op.create_table(
        "chore",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("night", sa.String(), nullable=False),
        sa.Column("worker", sa.String(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("done_up_to", IDS, nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    for table in _OUTLIVE:
        _may_be_null(table, "learner_id", True)


def downgrade() -> None:
    for table in _OUTLIVE:
        _may_be_null(table, "learner_id", False)
    op.drop_table("chore")
    op.drop_column("evidence", "judged")


def _may_be_null(table: str, column: str, nullable: bool) -> None:
    """SQLite cannot alter a column, and copying the tables that others point at would break what points at them.

    What a row looks like on disk is the same either way, so that the words alone are changed (sqlite.org:
    lang_altertable, 7, "simpler and faster procedure").
    """
    if op.get_bind().dialect.name != "sqlite":
        op.alter_column(table, column, nullable=nullable, existing_type=sa.BigInteger())
        return
    conn = op.get_bind()
    master = "SELECT sql FROM sqlite_master WHERE type = 'table' AND name = :name"
    words = conn.execute(sa.text(master), {"name": table}).scalar_one()
    found, wanted = ("NOT NULL", "") if nullable else ("", "NOT NULL")
    changed, times = re.subn(rf'(["\s]{column}"?\s+INTEGER)\s*{found},', rf"\1 {wanted},".replace(" ,", ","), words)
    if times != 1:
        raise RuntimeError(f"{table}.{column} is not where it is expected")
    version = conn.exec_driver_sql("PRAGMA schema_version").scalar_one()
    conn.exec_driver_sql("PRAGMA writable_schema = ON")
    conn.execute(
        sa.text("UPDATE sqlite_master SET sql = :sql WHERE type = 'table' AND name = :name"),
        {"sql": changed, "name": table},
    )
    conn.exec_driver_sql(f"PRAGMA schema_version = {version + 1}")
    conn.exec_driver_sql("PRAGMA writable_schema = OFF")
