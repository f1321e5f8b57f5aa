"""Endpoints that are told what happens, and the outbox a row for each event and endpoint, with its attempts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

IDS = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "webhook",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("events", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("paused_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("paused_why", sa.String(), nullable=False, server_default=""),
        sa.Column("failures", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("trouble", sa.String(), nullable=False, server_default=""),
        sa.Column("trouble_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("quiet_until", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name"),
    )
    op.add_column("outbox", sa.Column("webhook", sa.String(), nullable=True))
    op.add_column("outbox", sa.Column("learner_id", IDS, nullable=True))
    op.add_column("outbox", sa.Column("happened_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("outbox", sa.Column("due_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("outbox", sa.Column("attempts", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("outbox", sa.Column("leased_by", sa.String(), nullable=True))
    op.add_column("outbox", sa.Column("lease_until", sa.Float(), nullable=True))
    op.add_column("outbox", sa.Column("tried_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("outbox", sa.Column("answer", sa.String(), nullable=False, server_default=""))
    waits = sa.text("due_at IS NOT NULL")
    op.create_index("ix_outbox_waits", "outbox", ["webhook", "id"], sqlite_where=waits, postgresql_where=waits)
    op.create_index("ix_outbox_learner", "outbox", ["learner_id"])
    nobodys = sa.text("webhook IS NULL")
    op.create_index("ix_outbox_nobodys", "outbox", ["id"], sqlite_where=nobodys, postgresql_where=nobodys)
    failed = sa.text("webhook IS NOT NULL AND due_at IS NULL AND sent_at IS NULL")
    op.create_index("ix_outbox_failed", "outbox", ["webhook"], sqlite_where=failed, postgresql_where=failed)
    _name_learners(op.get_bind())


def _name_learners(conn: sa.Connection) -> None:
    """What `notify` steps have written names its learner by number, and holds nothing personal any more."""
    outbox = sa.table(
        "outbox",
        sa.column("id", IDS),
        sa.column("payload", sa.JSON()),
        sa.column("learner_id", IDS),
        sa.column("happened_at", sa.DateTime(timezone=True)),
        sa.column("created_at", sa.DateTime(timezone=True)),
    )
    learner = sa.table("learner", sa.column("id", IDS), sa.column("ref", sa.String()))
    for row in conn.execute(sa.select(outbox.c.id, outbox.c.payload, outbox.c.created_at)).all():
        kept = {name: row.payload[name] for name in ("course", "step") if name in row.payload}
        whose = sa.select(learner.c.id).where(learner.c.ref == str(row.payload.get("ref"))).scalar_subquery()
        changed = {"payload": kept, "learner_id": whose, "happened_at": row.created_at}
        conn.execute(sa.update(outbox).where(outbox.c.id == row.id).values(changed))


def downgrade() -> None:
    for index in ("ix_outbox_failed", "ix_outbox_nobodys", "ix_outbox_learner", "ix_outbox_waits"):
        op.drop_index(index, "outbox")
    for column in (
        "answer", "tried_at", "lease_until", "leased_by", "attempts", "due_at", "happened_at", "learner_id", "webhook",
    ):  # fmt: skip
        op.drop_column("outbox", column)
    op.drop_table("webhook")
