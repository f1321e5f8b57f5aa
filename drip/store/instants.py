"""Instants at the border of SQLite, which has none: texts in UTC, as SQLAlchemy writes them, in a quarter of its time.

A mail takes some thirty of them in and out.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import DateTime
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator


class Instant(TypeDecorator[datetime]):
    """An aware instant; it comes back in UTC. Refuses a naive one with a ValueError."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Callable[[datetime | None], Any]:
        """How a value goes in."""
        return _to_text if dialect.name == "sqlite" else _in_utc

    def result_processor(self, dialect: Dialect, _coltype: object) -> Callable[[Any], datetime | None]:
        """How a value comes out."""
        return _from_text if dialect.name == "sqlite" else _in_utc


def _to_text(value: datetime | None) -> str | None:
    value = _in_utc(value)
    return None if value is None else value.isoformat(" ", "microseconds")[:26]


def _from_text(value: str | None) -> datetime | None:
    return None if value is None else datetime.fromisoformat(f"{value}+00:00")


def _in_utc(value: datetime | None) -> datetime | None:
    if value is None or value.tzinfo is UTC:
        return value
    if value.utcoffset() is None:
        raise ValueError(f"{value} has no zone: instants are aware")
    return value.astimezone(UTC)
