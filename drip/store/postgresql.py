"""How drip connects to PostgreSQL, and what it asks of a database before it makes its tables there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, text
from sqlalchemy.engine import URL

from drip.errors import StoreError
from drip.store.troubles import BUSY_FOR_SECONDS

#: What an address may begin with; all of them mean psycopg 3.
NAMES = ("postgresql", "postgres", "postgresql+psycopg")
#: How long a server may take to answer a new connection.
CONNECT_SECONDS = 10
#: No statement of drip's takes longer (migrations set their own limit); one that does is cut off, and tried again.
STATEMENT_SECONDS = 60
#: A process that was stopped in the middle of a transaction does not hold its locks for longer.
IDLE_SECONDS = 60
#: A server that is gone without a word (its machine, the network) is given up after about half a minute.
_PATIENCE = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 4,
    "tcp_user_timeout": 30_000,
}
#: A process keeps so many connections open, and opens so many more for a moment: the web side answers from threads.
KEPT, MORE = 5, 15
#: The name of the lock that a migration holds: any number that nobody else is likely to use.
_MIGRATION = 0x64726970


def address(url: URL) -> URL:
    """The same address for the one driver that drip has; any other is left, and refused when it is opened."""
    return url.set(drivername="postgresql+psycopg") if url.drivername in NAMES else url


def engine_options(url: URL) -> dict[str, Any]:
    """What `create_engine` is told. What the address itself says (`?connect_timeout=3`) goes over ours."""
    session = {
        "timezone": "UTC",
        "statement_timeout": f"{STATEMENT_SECONDS}s",
        "lock_timeout": f"{BUSY_FOR_SECONDS}s",
        "idle_in_transaction_session_timeout": f"{IDLE_SECONDS}s",
    }
    said: Mapping[str, object] = {
        "application_name": "drip",
        "connect_timeout": CONNECT_SECONDS,
        **_PATIENCE,
    }
    ours = " ".join(f"-c {name}={value}" for name, value in session.items())
    theirs = url.query.get("options", "")
    return {
        "connect_args": {
            **{name: value for name, value in said.items() if name not in url.query},
            "options": f"{ours} {theirs if isinstance(theirs, str) else ' '.join(theirs)}".strip(),
        },
        "pool_size": KEPT,
        "max_overflow": MORE,
        "pool_timeout": BUSY_FOR_SECONDS,
        "pool_pre_ping": True,  # a server that was started again meanwhile costs nobody a request
    }


def prepare(conn: Connection, shown: str) -> None:
    """Before a migration: let it be the only one, give it time, and see that the database can hold any letter."""
    for limit in ("statement_timeout", "lock_timeout"):
        conn.execute(text(f"SET LOCAL {limit} = 0"))
    conn.execute(text("SELECT pg_advisory_xact_lock(:name)"), {"name": _MIGRATION})
    encoding = conn.execute(text("SHOW server_encoding")).scalar_one()
    if encoding != "UTF8":
        raise StoreError(
            f"the database {shown} keeps its texts as {encoding}, which lacks letters: make one that keeps UTF8,\n"
            "  createdb --encoding=UTF8 --template=template0 drip"
        )
