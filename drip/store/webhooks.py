"""Queries over the outbox of webhooks: what is written here waits until a later version sends it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection, func, select

from drip.store.once import add_new
from drip.store.tables import outbox


def write(conn: Connection, *, key: str, name: str, payload: Mapping[str, object], now: datetime) -> bool:
    """Write an outgoing webhook, once for each key. False where it was there already."""
    values = {"key": key, "name": name, "payload": dict(payload), "created_at": now}
    return add_new(conn, outbox, values, key=("key",))


def waiting(conn: Connection) -> int:
    """How many have not been sent."""
    return conn.execute(select(func.count()).select_from(outbox).where(outbox.c.sent_at.is_(None))).scalar_one()
