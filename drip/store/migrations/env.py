"""Alembic's entry: runs the migrations on the connection that `Store.upgrade` hands over."""

from __future__ import annotations

from alembic import context
from sqlmodel import SQLModel

from drip.store import tables

assert tables.learner is not None  # the import fills SQLModel.metadata, which autogenerate compares with
context.configure(
    connection=context.config.attributes["connection"], target_metadata=SQLModel.metadata, render_as_batch=True
)
with context.begin_transaction():
    context.run_migrations()
