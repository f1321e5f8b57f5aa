"""Opening the database: pragmas, short transactions, migrations, and the clock that leases run on."""

from __future__ import annotations

import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import datetime
from pathlib import Path
from threading import Lock
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, event, text
from sqlalchemy.engine import Engine, make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, IntegrityError, NoSuchModuleError

from drip.errors import SettingsError, StoreError

#: How long a writer waits for another's short transaction before it gives up.
BUSY_FOR_SECONDS = 30
MIGRATIONS = Path(__file__).parent / "migrations"


class Store:
    """One database. `write()` and `read()` give a connection in one short transaction: no network inside it."""

    def __init__(self, url: str) -> None:
        try:
            parsed = make_url(url)
            #: The address for people: passwords do not belong into errors and logs.
            self.shown = parsed.set(query={}).render_as_string(hide_password=True)
            self.sqlite = parsed.get_backend_name() == "sqlite"
            options: dict[str, Any] = {"connect_args": {"timeout": BUSY_FOR_SECONDS}} if self.sqlite else {}
            # parameters hold people's addresses and words: they stay out of errors and logs
            self.engine: Engine = create_engine(parsed, hide_parameters=True, **options)
        except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as error:
            kind = url.partition(":")[0]
            lacks = f"needs the package {error.name}" if isinstance(error, ModuleNotFoundError) else "is unknown"
            raise SettingsError(f"DRIP_DATABASE_URL: {kind}: {lacks}; write sqlite:///drip.db") from None
        self.file = Path(parsed.database) if self.sqlite and parsed.database not in (None, "", ":memory:") else None
        # SQLite's own lock makes waiting threads poll; one lock in the process lets them queue
        self._pen = Lock() if self.sqlite else nullcontext()
        if self.sqlite:
            event.listen(self.engine, "connect", _set_up_sqlite)
            event.listen(self.engine, "begin", _begin_sqlite)

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that writes. On SQLite it takes the write lock at once, so that what it read stays true."""
        try:
            with self._pen, self.engine.connect().execution_options(drip_write=True) as conn, conn.begin():
                yield conn
        except IntegrityError:
            raise  # two of what there may be one of: the caller knows what that means
        except DatabaseError as error:
            raise _readable(error, self.shown) from error

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that only reads: one consistent picture."""
        try:
            with self.engine.connect() as conn, conn.begin():
                yield conn
        except DatabaseError as error:
            raise _readable(error, self.shown) from error

    def close(self) -> None:
        """Give back every connection."""
        self.engine.dispose()

    def lease_clock(self, conn: Connection) -> float:
        """Seconds on the clock that leases run on: the machine's boot time for SQLite, the server's own elsewhere.

        Neither can be set back by hand, which an ordinary clock can.
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
            if MigrationContext.configure(conn).get_current_revision() != newest:  # another process may have been first
                config.attributes["connection"] = conn
                command.upgrade(config, "head")
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


def _set_up_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves, below
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "temp_store=MEMORY", "cache_size=-32000"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(conn: Connection) -> None:
    conn.exec_driver_sql("BEGIN IMMEDIATE" if conn.get_execution_options().get("drip_write") else "BEGIN")


def _copy(source: Path, to: Path) -> None:
    """A consistent copy, also while others write (the file alone could lack what is in the write-ahead log)."""
    partial = to.with_suffix(".part")
    with sqlite3.connect(source) as old, sqlite3.connect(partial) as new:
        old.backup(new)
    shutil.move(partial, to)


def _readable(error: DatabaseError, url: str) -> StoreError:
    words = str(error.orig or error).strip()
    if "no such table" in words or "does not exist" in words:
        return StoreError(f"the database {url} has no tables yet: run `drip db upgrade` ({words})")
    if "locked" in words:
        return StoreError(
            f"the database {url} was busy for {BUSY_FOR_SECONDS} seconds: is another program holding it open?"
        )
    if "full" in words or "I/O" in words:
        return StoreError(f"the disk under {url} does not take more ({words}): free some space, then start again")
    return StoreError(f"the database {url} does not work: {words}")
