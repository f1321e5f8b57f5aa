"""What every table here is made with."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Integer, Table
from sqlmodel import SQLModel, UTCDateTime

from drip.store.instants import Instant

#: What numbers rows: 64 bits on either database (SQLite has them in its INTEGER, and counts up only in one).
Ids: Any = BigInteger().with_variant(Integer, "sqlite")


def table(row: type[SQLModel]) -> Table:
    """The Core table behind a row class: every query here is Core, no ORM object is made."""
    found = SQLModel.metadata.tables[str(row.__tablename__)]
    for column in found.columns:
        if isinstance(column.type, UTCDateTime):  # what SQLModel takes for a datetime
            column.type = Instant()
    return found
