"""What is deleted shall be gone from the file too. SQLite keeps more than its tables show:

- the write-ahead log holds what pages were before, until it is emptied (`wipe`);
- a page from which rows have moved to another keeps their bytes in its gap, `secure_delete` or not (2 of 150 people
  were found there): only a file written anew has none (`compact`).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, delete, select
from sqlalchemy import exc as sa

from drip.store.database import Store
from drip.store.once import put_all
from drip.store.tables import chore
from drip.store.troubles import BUSY_FOR_SECONDS, readable

#: So long is waited for whoever reads at this moment: drip's own reads take milliseconds.
PATIENCE_SECONDS = 5.0
_COMPACT = "compact"


def wipe(store: Store, *, patience: float = PATIENCE_SECONDS) -> bool:
    """Empty SQLite's write-ahead log into the file. False where somebody reads an old picture for longer than that.

    On PostgreSQL there is nothing to do here: what its VACUUM and its own log keep is for whoever runs it.
    """
    if not store.sqlite:
        return True
    with _alone(store, patience) as sqlite:
        busy, _, _ = sqlite.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return not busy


def compact(store: Store, *, patience: float = PATIENCE_SECONDS) -> bool:
    """Write SQLite's file anew, so that nothing of what was deleted is in it. Whoever writes waits meanwhile.

    It takes as much room on the disk again, for that long. False where the write-ahead log could not be emptied.
    Raises StoreError where there is no room, or no moment in which nobody writes: the night tries again.
    """
    if not store.sqlite:
        return True
    with _alone(store, BUSY_FOR_SECONDS) as sqlite:
        sqlite.execute("PRAGMA temp_store=FILE")  # not in memory, whatever the size
        try:
            sqlite.execute("VACUUM")
        finally:
            sqlite.execute("PRAGMA temp_store=MEMORY")
    if not wipe(store, patience=patience):
        return False
    with store.write() as conn:
        conn.execute(delete(chore).where(chore.c.name == _COMPACT))
    return wipe(store, patience=patience)


def ask_to_compact(conn: Connection) -> None:
    """Somebody was erased: the file is to be written anew, tonight at the latest."""
    put_all(conn, chore, [{"name": _COMPACT, "night": "", "worker": "", "done_up_to": 0}], key=("name",))


def is_to_be_compacted(store: Store) -> bool:
    """Whether somebody was erased since the file was written anew."""
    with store.read() as conn:
        return store.sqlite and conn.execute(select(chore).where(chore.c.name == _COMPACT)).first() is not None


@contextmanager
def _alone(store: Store, patience: float) -> Iterator[Any]:
    """A connection outside any transaction, which waits for others for so many seconds. Raises StoreError."""
    with store._told(), store.engine.connect() as conn:
        sqlite: Any = conn.connection.driver_connection
        sqlite.execute(f"PRAGMA busy_timeout={int(patience * 1000)}")
        try:
            yield sqlite
        except sqlite3.Error as error:  # asked past SQLAlchemy, which would have told it as its own
            raise readable(sa.DBAPIError(None, None, error), store.shown) from error
        finally:
            sqlite.execute(f"PRAGMA busy_timeout={BUSY_FOR_SECONDS * 1000}")


def size(store: Store) -> int:
    """How large SQLite's file is, in bytes."""
    return 0 if store.file is None else store.file.stat().st_size
