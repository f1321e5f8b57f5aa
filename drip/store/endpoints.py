"""Queries over the endpoints of outgoing webhooks: which there are, what they want, and how they fare."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Engine, delete, func, insert, or_, select, update

from drip.store.tables import outbox, webhook

#: What a process knows of the endpoints it looks up anew after so many seconds.
KNOWN_FOR_SECONDS = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where webhooks go. `events` empty: it wants all. `failures` counts those since its last success.

    `id` is random, and what its secret is made from. Nothing is tried before `quiet_until`.
    """

    id: str
    name: str
    url: str
    events: frozenset[str]
    created_at: datetime
    paused_at: datetime | None = None
    paused_why: str = ""
    failures: int = 0
    trouble: str = ""
    trouble_since: datetime | None = None
    quiet_until: datetime | None = None

    def wants(self, event: str) -> bool:
        """Whether it is to be told of events of this name."""
        return not self.events or event in self.events


def listed(conn: Connection) -> list[Endpoint]:
    """All of them, by name."""
    return [_endpoint(row) for row in conn.execute(_ALL)]


_ALL = select(webhook).order_by(webhook.c.name)


def by_name(conn: Connection, name: str) -> Endpoint | None:
    """The endpoint of that name."""
    row = conn.execute(select(webhook).where(webhook.c.name == name)).one_or_none()
    return None if row is None else _endpoint(row)


#: database → (when it was looked, what was there). Every process has its own, for a few seconds.
_KNOWN: WeakKeyDictionary[Engine, tuple[float, Sequence[Endpoint]]] = WeakKeyDictionary()


def known(conn: Connection) -> Sequence[Endpoint]:
    """The endpoints as this process knows them, at most KNOWN_FOR_SECONDS old: most of the time this asks nothing."""
    at, found = _KNOWN.get(conn.engine, (0.0, ()))
    if at and time.monotonic() - at < KNOWN_FOR_SECONDS:
        return found
    return look_again(conn)


def look_again(conn: Connection) -> Sequence[Endpoint]:
    """The endpoints as they are now; `known` gives these for the next few seconds."""
    found = listed(conn)
    _KNOWN[conn.engine] = (time.monotonic(), found)
    return found


def add(conn: Connection, one: Endpoint) -> None:
    """Write a new endpoint. Raises IntegrityError where its name is taken."""
    values = {"id": one.id, "name": one.name, "url": one.url, "events": sorted(one.events)}
    conn.execute(insert(webhook).values(**values, created_at=one.created_at))
    _KNOWN.pop(conn.engine, None)


def remove(conn: Connection, id_: str) -> int:
    """Take an endpoint away, with everything that was meant for it. Returns how much of that had not been sent."""
    mine = outbox.c.webhook == id_
    unsent = conn.execute(select(func.count()).select_from(outbox).where(mine, outbox.c.due_at.is_not(None)))
    waited = int(unsent.scalar_one())
    conn.execute(delete(outbox).where(mine))
    conn.execute(delete(webhook).where(webhook.c.id == id_))
    _KNOWN.pop(conn.engine, None)
    return waited


def pause(conn: Connection, id_: str, *, why: str, now: datetime) -> None:
    """Send nothing more to it; what happens meanwhile waits. One that is paused stays so, for its first reason."""
    conn.execute(
        update(webhook).where(webhook.c.id == id_, webhook.c.paused_at.is_(None)).values(paused_at=now, paused_why=why)
    )


def resume(conn: Connection, id_: str) -> None:
    """Send to it again, as to one that was never in trouble."""
    conn.execute(update(webhook).where(webhook.c.id == id_).values(paused_at=None, paused_why="", **_WELL))


_WELL: dict[str, Any] = {"failures": 0, "trouble": "", "trouble_since": None, "quiet_until": None}


def went_well(conn: Connection, id_: str) -> None:
    """It has taken something: its trouble is over."""
    conn.execute(update(webhook).where(webhook.c.id == id_, webhook.c.failures > 0).values(**_WELL))


def went_wrong(conn: Connection, id_: str, times: int, *, words: str, now: datetime) -> int:
    """It has failed so many times more. Returns how often since its last success (0: it is not there any more)."""
    query = update(webhook).where(webhook.c.id == id_)
    query = query.values(
        failures=webhook.c.failures + times,
        trouble=words,
        trouble_since=func.coalesce(webhook.c.trouble_since, now),
    )
    return conn.execute(query.returning(webhook.c.failures)).scalar_one_or_none() or 0


def leave_alone(conn: Connection, id_: str, *, until: datetime) -> None:
    """Try nothing there before `until`."""
    conn.execute(update(webhook).where(webhook.c.id == id_).values(quiet_until=until))


def take_turn(conn: Connection, id_: str, *, now: datetime, until: datetime) -> Endpoint | None:
    """The endpoint, where something may be tried there now, for this worker alone until `until`; else None."""
    free = or_(webhook.c.quiet_until.is_(None), webhook.c.quiet_until <= now)
    query = update(webhook).where(webhook.c.id == id_, webhook.c.paused_at.is_(None), free)
    row = conn.execute(query.values(quiet_until=until).returning(webhook)).one_or_none()
    return None if row is None else _endpoint(row)


def by_id(conn: Connection, id_: str) -> Endpoint | None:
    """One endpoint."""
    row = conn.execute(select(webhook).where(webhook.c.id == id_)).one_or_none()
    return None if row is None else _endpoint(row)


def _endpoint(row: Any) -> Endpoint:
    return Endpoint(**{**row._mapping, "events": frozenset(row.events)})
