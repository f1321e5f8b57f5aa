"""How the database stands: what it is, how it was set up, and what its clock says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select, text

from drip.store.database import Store
from drip.store.tables import delivery

#: What PostgreSQL must not have been told to leave out.
_PROMISES = ("fsync", "synchronous_commit", "full_page_writes", "server_encoding")
_PRAGMAS = ("journal_mode", "synchronous", "foreign_keys")


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """A database that answers. `settings` are its own words; `clock` is PostgreSQL's (SQLite has the machine's)."""

    sqlite: bool
    version: tuple[int, ...]
    settings: Mapping[str, str]
    stands_at: str | None
    newest: str
    clock: datetime | None = None
    last_claim_at: datetime | None = None


def condition(store: Store) -> Condition:
    """Ask the database how it is. Raises StoreError where it does not answer."""
    stands_at, newest = store.version()
    with store.read() as conn:
        if store.sqlite:
            number = str(conn.exec_driver_sql("SELECT sqlite_version()").scalar_one())
            version = tuple(int(part) for part in number.split("."))
            settings = {name: str(conn.exec_driver_sql(f"PRAGMA {name}").scalar_one()) for name in _PRAGMAS}
            clock = None
        else:
            number = str(conn.execute(text("SHOW server_version_num")).scalar_one())
            version = (int(number) // 10_000, int(number) % 10_000)
            settings = {name: str(conn.execute(text(f"SHOW {name}")).scalar_one()) for name in _PROMISES}
            clock = conn.execute(text("SELECT clock_timestamp()")).scalar_one()
        return Condition(
            sqlite=store.sqlite,
            version=version,
            settings=settings,
            stands_at=stands_at,
            newest=newest,
            clock=clock,
            last_claim_at=_last_claim(conn) if stands_at == newest else None,
        )


def _last_claim(conn: Connection) -> datetime | None:
    """When the newest row of the ledger was claimed."""
    return conn.execute(select(delivery.c.claimed_at).order_by(delivery.c.id.desc()).limit(1)).scalar_one_or_none()
