"""What must stay the same for as long as the database lives."""

from __future__ import annotations

from sqlalchemy import Connection, insert, select

from drip.store.tables import pin


def get(conn: Connection, name: str) -> str | None:
    """A pinned value."""
    return conn.execute(select(pin.c.value).where(pin.c.name == name)).scalar_one_or_none()


def put(conn: Connection, name: str, value: str) -> None:
    """Pin a value that is not pinned yet."""
    conn.execute(insert(pin).values(name=name, value=value))
