"""Queries over the breaker: the sender's own trouble, seen by every worker."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, select

from drip.store.once import put_all
from drip.store.tables import breaker


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """Why nothing goes out over a transport, since when, and when it is tried again."""

    transport: str
    words: str
    since: datetime
    until: datetime
    trips: int


_ALL = select(breaker).order_by(breaker.c.since)


def read(conn: Connection, transport: str) -> Trouble | None:
    """The trouble of this transport, if it has any (also when its pause is over and it is yet to be tried)."""
    return next((trouble for trouble in listed(conn) if trouble.transport == transport), None)


def listed(conn: Connection) -> list[Trouble]:
    """The trouble of every transport that has any."""
    return [
        Trouble(transport=row.transport, words=row.trouble, since=row.since, until=row.until, trips=row.trips)
        for row in conn.execute(_ALL)
    ]


def trip(conn: Connection, trouble: Trouble) -> None:
    """Write the trouble down."""
    values = {"trouble": trouble.words, "since": trouble.since, "until": trouble.until, "trips": trouble.trips}
    put_all(conn, breaker, [{"transport": trouble.transport, **values}], key=("transport",))


def close(conn: Connection, transport: str) -> None:
    """The transport works again."""
    conn.execute(delete(breaker).where(breaker.c.transport == transport))


def forget(conn: Connection, *, but: Iterable[str], now: datetime) -> None:
    """Take away what other transports have met whose pause is over: they are not used any more."""
    conn.execute(delete(breaker).where(breaker.c.transport.not_in(sorted(but)), breaker.c.until <= now))
