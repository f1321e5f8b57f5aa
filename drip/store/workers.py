"""Queries over the workers: each leaves a sign of life every few seconds, so that it shows when nobody is there."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, or_, select, update

from drip.store.once import put_all
from drip.store.tables import worker

#: A worker leaves a sign of life so often…
SIGN_EVERY = timedelta(seconds=10)
#: … and counts as alive for so long after the last one.
ALIVE_FOR = timedelta(seconds=45)
#: One that ended without a word is remembered for so long.
REMEMBERED_FOR = timedelta(days=7)
#: So many are listed at the most.
MOST = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """One process that sends, as it was last seen. `stopped_at`: it said goodbye."""

    name: str
    host: str
    process: int
    transport: str
    started_at: datetime
    seen_at: datetime
    stopped_at: datetime | None = None

    def is_alive(self, now: datetime) -> bool:
        """Whether its last sign is fresh."""
        return self.stopped_at is None and now - self.seen_at <= ALIVE_FOR


def sign(conn: Connection, one: Worker) -> None:
    """Write down that it lives, also where its row is gone."""
    put_all(conn, worker, [asdict(one)], key=("name",))


def stop(conn: Connection, name: str, *, now: datetime) -> None:
    """It says goodbye."""
    conn.execute(update(worker).where(worker.c.name == name).values(seen_at=now, stopped_at=now))


def forget(conn: Connection, *, but: str, now: datetime) -> None:
    """Take away those that said goodbye, and those that were not seen for days."""
    gone = or_(worker.c.stopped_at.is_not(None), worker.c.seen_at < now - REMEMBERED_FOR)
    conn.execute(delete(worker).where(gone, worker.c.name != but))


def listed(conn: Connection) -> list[Worker]:
    """Those that are remembered, the last seen first."""
    rows = conn.execute(select(worker).order_by(worker.c.seen_at.desc(), worker.c.name).limit(MOST))
    return [Worker(**row._mapping) for row in rows]
