"""Opening the database: connections, short transactions, migrations, and the clock that leases run on."""

from __future__ import annotations

import logging
import os
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from datetime import datetime
from pathlib import Path
from threading import Lock
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, event, text
from sqlalchemy import exc as sa
from sqlalchemy.engine import Engine, make_url

from drip.errors import SettingsError, StoreError
from drip.store import postgresql
from drip.store.troubles import BUSY_FOR_SECONDS, discreet, readable

log = logging.getLogger("drip.store")

#: How often whoever waits to write to SQLite looks whether it may.
_LOOKS_EVERY_SECONDS = 0.0005
MIGRATIONS = Path(__file__).parent / "migrations"


class Store:
    """One database. `write()` and `read()` give a connection in one short transaction: no network inside it."""

    def __init__(self, url: str) -> None:
        try:
            parsed = postgresql.address(make_url(url))
            #: The address for people: passwords do not belong into errors and logs.
            self.shown = parsed.set(query={}).render_as_string(hide_password=True).replace("+psycopg", "", 1)
            self.sqlite = parsed.get_backend_name() == "sqlite"
            options: dict[str, Any] = {}
            if self.sqlite:
                options["connect_args"] = {"timeout": BUSY_FOR_SECONDS}
            else:
                options |= postgresql.engine_options(parsed)
            # parameters hold people's addresses and words: they stay out of errors and logs
            self.engine: Engine = create_engine(parsed, hide_parameters=True, **options)
        except (sa.ArgumentError, sa.NoSuchModuleError, ModuleNotFoundError) as error:
            kind = url.partition(":")[0]
            lacks = f"needs the package {error.name}" if isinstance(error, ModuleNotFoundError) else "is unknown"
            raise SettingsError(
                f"DRIP_DATABASE_URL: {kind}: {lacks}; write sqlite:///drip.db or postgresql://user@host/database"
            ) from None
        self.file = Path(parsed.database) if self.sqlite and parsed.database not in (None, "", ":memory:") else None
        # SQLite's own lock makes waiting threads poll; one lock in the process lets them queue
        self._pen = Lock() if self.sqlite else nullcontext()
        #: What a reading transaction is told. PostgreSQL would show each statement what was committed before *it*.
        self._reads: dict[str, Any] = (
            {} if self.sqlite else {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        )
        if self.sqlite:
            event.listen(self.engine, "do_connect", self._make_file)
            event.listen(self.engine, "connect", _set_up_sqlite)
            event.listen(self.engine, "begin", _begin_sqlite)

    def _make_file(self, *_told: object) -> None:
        """A new file is for its owner alone, since addresses are in it; the write-ahead log gets the file's mode."""
        if self.file is not None and not str(self.file).startswith("file:"):
            _make_private(self.file)

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that writes.

        On SQLite it takes the write lock at once, so that what it read stays true. On PostgreSQL each statement sees
        what others have committed by then: what must stay true is locked (`lock`), or left to a unique key.
        """
        options = {"drip_write": True}
        with self._pen, self._told(), self.engine.connect() as conn, conn.execution_options(**options).begin():
            yield conn

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that only reads: one consistent picture."""
        with self._told(), self.engine.connect() as conn, conn.execution_options(**self._reads).begin():
            yield conn

    @contextmanager
    def _told(self) -> Iterator[None]:
        """What the database cannot do is a StoreError in words."""
        try:
            yield
        except sa.IntegrityError as error:
            raise discreet(error) from None  # two of what there may be one of: the caller knows what that means
        except sa.DBAPIError as error:
            raise readable(error, self.shown) from error
        except sa.TimeoutError:
            raise StoreError(f"the database {self.shown}: all connections of this process are busy") from None

    def close(self) -> None:
        """Give back every connection."""
        self.engine.dispose()

    def lease_clock(self, conn: Connection) -> float:
        """Seconds on the clock that leases run on: the time since the machine's boot for SQLite, which nobody can set;
        the server's own clock elsewhere, which all workers share. Where that one jumps, leases run out (ledger.expire).
        """
        if self.sqlite:
            return time.clock_gettime(time.CLOCK_BOOTTIME)
        return float(conn.execute(text("SELECT extract(epoch FROM clock_timestamp())")).scalar_one())

    def version(self) -> tuple[str | None, str]:
        """(the migration that the database stands at or None for an empty one, the newest that this drip knows)."""
        newest = ScriptDirectory(str(MIGRATIONS)).get_current_head()
        with self.read() as conn:
            return MigrationContext.configure(conn).get_current_revision(), str(newest)

    def upgrade(self, *, now: datetime | None = None) -> bool:
        """Migrate to the newest tables; True where anything was done. With `now`, a SQLite file is copied first."""
        current, newest = self.version()
        if current == newest:
            return False
        if current is not None and now is not None and self.file is not None:
            _copy(self.file, self.file.with_name(f"{self.file.name}.{now:%Y%m%dT%H%M%S}.bak"))
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        with self.write() as conn:
            if not self.sqlite:
                postgresql.prepare(conn, self.shown)
            if MigrationContext.configure(conn).get_current_revision() != newest:  # another process may have been first
                config.attributes["connection"] = conn
                command.upgrade(config, "head")
                fields = {"database": self.shown, "was": current, "now": newest}
                log.info("migrated", extra={"fields": fields})
        return True

    def require_current(self) -> None:
        """Raises StoreError unless the tables are those that this drip knows."""
        current, newest = self.version()
        if current is None:
            raise StoreError(f"the database {self.shown} has no tables yet: run `drip db upgrade`")
        if current != newest:
            known = {script.revision for script in ScriptDirectory(str(MIGRATIONS)).walk_revisions()}
            way = "run `drip db upgrade`" if current in known else "it is newer than this drip: install the newer drip"
            raise StoreError(f"the database {self.shown} stands at {current}, this drip needs {newest}: {way}")


#: `secure_delete`: what is deleted or written over is zeros in the file. Debian's SQLite does so by itself.
_PRAGMAS = (
    *("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "temp_store=MEMORY", "cache_size=-32000"),
    "secure_delete=ON",
)


def _set_up_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves, below
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(conn: Connection) -> None:
    if not conn.get_execution_options().get("drip_write"):
        conn.exec_driver_sql("BEGIN")
    elif not _takes_pen(conn):
        conn.exec_driver_sql("BEGIN IMMEDIATE")  # once more, for what it has to say


def _takes_pen(conn: Connection) -> bool:
    """Wait for the database's one pen, looking often: SQLite itself looks after 1, 2, 5 … 100 ms, and our transactions
    last a few, so that whoever waited longest would look least.
    """
    sqlite: Any = conn.connection.driver_connection
    until = time.monotonic() + BUSY_FOR_SECONDS
    sqlite.execute("PRAGMA busy_timeout=0")
    try:
        while True:
            try:
                sqlite.execute("BEGIN IMMEDIATE")
                return True
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                    return False
                time.sleep(_LOOKS_EVERY_SECONDS)
    finally:
        sqlite.execute(f"PRAGMA busy_timeout={int(BUSY_FOR_SECONDS * 1000)}")


def _make_private(path: Path) -> None:
    """Make an empty file that its owner alone may read. One that is there stays as it is."""
    with suppress(OSError):  # what is wrong, SQLite says when it opens the file
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))


def _copy(source: Path, to: Path) -> None:
    """A consistent copy, also while others write (the file alone could lack what is in the write-ahead log)."""
    partial = to.with_suffix(".part")
    _make_private(partial)
    with sqlite3.connect(source) as old, sqlite3.connect(partial) as new:
        old.backup(new)
    shutil.move(partial, to)
