"""The database: does it answer, is it one that keeps its promises, and has it room?"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from shlex import quote

from drip.engine.doctor.row import Row, error, hint, line, ok, warning
from drip.errors import StoreError
from drip.store import Store
from drip.store.condition import Condition, condition

#: The oldest that drip's queries run on (UPDATE … RETURNING), and the oldest that PostgreSQL's makers nearly mend.
_OLDEST_SQLITE, _OLDEST_POSTGRESQL = (3, 35), (13,)
#: Bytes of free disk below which SQLite may soon fail to write: a little for the log, and a lot.
_LITTLE, _SCANT = 100 * 2**20, 2**30
#: File systems over a network: the locks and the shared memory that SQLite's WAL needs do not work there.
_NETWORKED = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "glusterfs", "lustre", "fuse.sshfs", "fuse.s3fs",
     "fuse.glusterfs", "fuse.rclone", "davfs", "beegfs", "gpfs", "ocfs2"}
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The file of a SQLite database and what it lies on."""

    path: Path
    exists: bool
    folder: bool = True  # it is there
    mode: int = 0  # of a file
    free: int | None = None
    file_system: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """What was found of the database. `asked_at` is our clock when its own was read."""

    shown: str
    place: Place | None = None
    condition: Condition | None = None
    trouble: str = ""
    asked_at: datetime | None = None


def look(open_store: Callable[[], Store], folder: Path, clock: Callable[[], datetime]) -> Opened:
    """Open the database and ask it; one that is not there yet is not made. What lies in `folder` is named within it."""
    store = open_store()
    shown = store.shown.replace(f"{folder}/", "", 1)
    place = None if store.file is None else _place(store.file, folder)
    try:
        if place is not None and not place.exists:
            return Opened(shown=shown, place=place)
        before = clock()
        found = condition(store)
        return Opened(shown=shown, place=place, condition=found, asked_at=before + (clock() - before) / 2)
    except StoreError as failed:
        return Opened(shown=shown, place=place, trouble=str(failed))
    finally:
        store.close()


def _place(file: Path, workspace: Path) -> Place:
    folder = file.parent
    path = file.relative_to(workspace) if file.is_relative_to(workspace) else file
    try:
        free = shutil.disk_usage(folder).free
    except OSError:
        free = None
    try:
        mode = stat.S_IMODE(file.stat().st_mode) if file.is_file() else 0
    except OSError:
        mode = 0
    return Place(
        path=path,
        exists=file.exists(),
        folder=folder.is_dir(),
        mode=mode,
        free=free,
        file_system=file_system_of(folder),
    )


def file_system_of(folder: Path, mounts: Path = Path("/proc/self/mounts")) -> str:
    """The kind of file system that a folder is on, such as `ext4` or `nfs4`; empty where the machine does not say."""
    try:
        real = os.path.realpath(folder)
        lines = mounts.read_text("utf-8", "replace").splitlines()
    except OSError:
        return ""
    best, kind = "", ""
    for fields in (mount.split(" ") for mount in lines):
        if len(fields) < 3:
            continue
        point = fields[1].replace("\\040", " ").rstrip("/")
        if (real == point or real.startswith(f"{point}/")) and len(point) >= len(best):
            best, kind = point, fields[2]
    return kind


def judge(found: Opened) -> list[Row]:
    """What is off with the database."""
    return list(_judged(found))


def _judged(found: Opened) -> Iterator[Row]:
    if found.place is not None:
        yield from _on_disk(found.place)
    if found.trouble:
        look = f"pg_isready -d {quote(found.shown)}" if found.place is None else f"ls -l {quote(str(found.place.path))}"
        yield error("database-opening", found.shown, line(found.trouble), look)
    elif found.place is not None and not found.place.folder:
        folder = str(found.place.path.parent)
        yield error(
            "database-opening", found.shown, "the folder that it is to be in is not there", f"mkdir -p {quote(folder)}"
        )
    elif found.condition is None:
        yield hint("database-missing", found.shown, "there is none yet; publishing makes it", "drip db upgrade")
    else:
        yield from _migrations(found.shown, found.condition)
        yield from (_sqlite if found.condition.sqlite else _postgresql)(found.shown, found.condition)


def _migrations(shown: str, now: Condition) -> Iterator[Row]:
    if now.stands_at is None:
        yield hint("database-migrations", shown, "it has no tables yet", "drip db upgrade")
    elif now.stands_at != now.newest:
        words = f"it stands at {now.stands_at}, and this drip needs {now.newest}"
        yield error("database-migrations", shown, words, "drip db upgrade")
    else:
        yield ok("database-migrations", shown, f"it stands at {now.stands_at}, the newest")


def _version(now: Condition) -> str:
    return ".".join(map(str, now.version))


def _sqlite(shown: str, now: Condition) -> Iterator[Row]:
    if now.version < _OLDEST_SQLITE:
        words = f"SQLite {_version(now)} is too old; {'.'.join(map(str, _OLDEST_SQLITE))} or newer is wanted"
        yield error("database-version", shown, words, "apt-get install libsqlite3-0")
    else:
        yield ok("database-version", shown, f"SQLite {_version(now)}")
    if now.settings["journal_mode"].lower() != "wal":
        words = f"its journal is {now.settings['journal_mode']}, not WAL: readers and writers wait for each other"
        yield error("database-wal", shown, words, 'DRIP_DATABASE_URL="sqlite:////var/lib/drip/drip.db"')
    if now.settings["synchronous"] not in ("2", "3"):
        words = f"synchronous is {now.settings['synchronous']}: a power cut can lose what was sent"
        yield error("database-durable", shown, words, "PRAGMA synchronous=FULL")


def _postgresql(shown: str, now: Condition) -> Iterator[Row]:
    if now.version < _OLDEST_POSTGRESQL:
        words = f"PostgreSQL {_version(now)} is too old; {_OLDEST_POSTGRESQL[0]} or newer is wanted"
        yield error("database-version", shown, words, "pg_upgrade --help")
    else:
        yield ok("database-version", shown, f"PostgreSQL {_version(now)}")
    for name, safe_values in (
        ("fsync", ("on",)),
        ("full_page_writes", ("on",)),
        ("synchronous_commit", ("on", "local", "remote_write", "remote_apply")),
    ):
        if now.settings[name] not in safe_values:
            words = f"{name} is {now.settings[name]}: a power cut can lose what was sent, and mails go twice"
            yield error("database-durable", shown, words, f"ALTER SYSTEM SET {name} = on; SELECT pg_reload_conf();")
    if now.settings["server_encoding"] != "UTF8":
        words = f"it keeps its texts as {now.settings['server_encoding']}, which lacks letters"
        yield error("database-encoding", shown, words, "createdb --encoding=UTF8 --template=template0 drip")


def _on_disk(place: Place) -> Iterator[Row]:
    path = str(place.path)
    if place.mode & 0o007:
        words = (
            f"everybody on this machine may {'write' if place.mode & 0o002 else 'read'} it, with all addresses in it"
        )
        yield warning("database-permissions", path, words, f"chmod o= {quote(path)}*")
    if place.file_system in _NETWORKED:
        words = f"it lies on {place.file_system}, a network, where SQLite breaks: docs/postgresql.md says how to move"
        yield error("database-network", path, words, 'DRIP_DATABASE_URL="postgresql://user@host/drip"')
    if place.free is not None and place.free < _SCANT:
        row = error if place.free < _LITTLE else warning
        yield row(
            "database-space",
            path,
            f"{place.free // 2**20:,} MB of disk are free",
            f"df -h {quote(str(place.path.parent))}",
        )
    elif place.free is not None:
        yield ok("database-space", path, f"{place.free / 2**30:,.0f} GB of disk are free")
