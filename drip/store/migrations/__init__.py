"""Alembic migrations: additive first, destructive a release later."""
