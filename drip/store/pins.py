"""What must stay the same for as long as the database lives."""

from __future__ import annotations

from sqlalchemy import Connection, select

from drip.store.once import add_new
from drip.store.tables import pin


def get(conn: Connection, name: str) -> str | None:
    """A pinned value."""
    return conn.execute(select(pin.c.value).where(pin.c.name == name)).scalar_one_or_none()


def put(conn: Connection, name: str, value: str) -> str:
    """Pin a value, unless one is pinned already. Returns the one that is."""
    add_new(conn, pin, {"name": name, "value": value}, key=("name",))
    return str(conn.execute(select(pin.c.value).where(pin.c.name == name)).scalar_one())
