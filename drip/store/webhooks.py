"""Queries over the outbox of webhooks: what is written here waits until a later version sends it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection, func, insert, select

from drip.store.tables import outbox


def write(conn: Connection, *, key: str, name: str, payload: Mapping[str, object], now: datetime) -> bool:
    """Write an outgoing webhook, once for each key. False where it was there already."""
    if conn.execute(select(outbox.c.id).where(outbox.c.key == key)).first() is not None:
        return False
    conn.execute(insert(outbox).values(key=key, name=name, payload=dict(payload), created_at=now))
    return True


def waiting(conn: Connection) -> int:
    """How many have not been sent."""
    return conn.execute(select(func.count()).select_from(outbox).where(outbox.c.sent_at.is_(None))).scalar_one()
