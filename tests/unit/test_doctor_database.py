"""What the doctor says of a database, by its condition and the place it lies in."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from dns_facts import found, one

from drip.engine.doctor.database import Opened, Place, file_system_of, judge
from drip.engine.doctor.row import Row
from drip.store.condition import Condition

SQLITE = Condition(
    sqlite=True,
    version=(3, 40, 1),
    settings={"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1"},
    stands_at="0002",
    newest="0002",
)
POSTGRESQL = Condition(
    sqlite=False,
    version=(15, 4),
    settings={"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on", "server_encoding": "UTF8"},
    stands_at="0002",
    newest="0002",
)
PLACE = Place(path=Path("drip.db"), exists=True, mode=0o640, free=50 * 2**30, file_system="ext4")
GOOD = [("database-space", "ok"), ("database-migrations", "ok"), ("database-version", "ok")]


def sqlite(place: Place = PLACE, **changes: object) -> list[Row]:
    condition = replace(SQLITE, **changes)  # type: ignore[arg-type]
    return judge(Opened(shown="sqlite:///drip.db", place=place, condition=condition))


def postgresql(**settings: str) -> list[Row]:
    condition = replace(POSTGRESQL, settings={**POSTGRESQL.settings, **settings})
    return judge(Opened(shown="postgresql://drip@db/drip", condition=condition))


def test_all_is_well() -> None:
    """SQLite on a disk, and PostgreSQL."""
    assert found(sqlite()) == GOOD
    assert found(postgresql()) == GOOD[1:]


def test_migrations() -> None:
    """No tables are a hint, old or too new ones an error, with the command."""
    assert one(sqlite(stands_at=None), "database-migrations").severity.value == "hint"
    row = one(sqlite(stands_at="0001"), "database-migrations")
    assert (row.severity.value, row.type) == ("error", "drip db upgrade")


def test_sqlite_set_up_wrongly() -> None:
    """Too old, without WAL, or without waiting for the disk."""
    assert one(sqlite(version=(3, 34, 1)), "database-version").severity.value == "error"
    settings = {**SQLITE.settings, "journal_mode": "delete"}
    assert one(sqlite(settings=settings), "database-wal").severity.value == "error"
    settings = {**SQLITE.settings, "synchronous": "1"}
    assert one(sqlite(settings=settings), "database-durable").severity.value == "error"


@pytest.mark.parametrize("name", ["fsync", "full_page_writes", "synchronous_commit"])
def test_postgresql_that_forgets(name: str) -> None:
    """Each promise that was switched off is an error with the statement that switches it on."""
    row = one(postgresql(**{name: "off"}), "database-durable")
    assert row.severity.value == "error"
    assert row.type == f"ALTER SYSTEM SET {name} = on; SELECT pg_reload_conf();"


def test_postgresql_too_old_or_without_letters() -> None:
    """Version 12, and an encoding that lacks letters."""
    old = judge(Opened(shown="x", condition=replace(POSTGRESQL, version=(12, 9))))
    assert one(old, "database-version").severity.value == "error"
    assert found(judge(Opened(shown="x", condition=replace(POSTGRESQL, version=(13, 0))))) == GOOD[1:]
    assert one(postgresql(server_encoding="SQL_ASCII"), "database-encoding").severity.value == "error"


@pytest.mark.parametrize(
    ("changes", "row"),
    [
        ({"mode": 0o644}, ("database-permissions", "warning")),
        ({"mode": 0o666}, ("database-permissions", "warning")),
        ({"file_system": "nfs4"}, ("database-network", "error")),
        ({"file_system": "fuse.sshfs"}, ("database-network", "error")),
        ({"free": 300 * 2**20}, ("database-space", "warning")),
        ({"free": 30 * 2**20}, ("database-space", "error")),
    ],
)
def test_the_place(changes: dict[str, object], row: tuple[str, str]) -> None:
    """Readable by everybody, on a network, on a full disk."""
    rows = sqlite(replace(PLACE, **changes))  # type: ignore[arg-type]
    assert row in found(rows)
    assert one(rows, row[0]).type


def test_none_yet_and_none_that_answers() -> None:
    """A workspace without a database is a hint; one that does not open is an error in the store's words."""
    missing = judge(Opened(shown="sqlite:///drip.db", place=replace(PLACE, exists=False)))
    assert found(missing) == [("database-space", "ok"), ("database-missing", "hint")]
    lost = judge(Opened(shown="sqlite:///x/drip.db", place=Place(path=Path("x y/drip.db"), exists=False, folder=False)))
    assert found(lost) == [("database-opening", "error")]
    assert lost[0].type == "mkdir -p 'x y'"
    broken = judge(Opened(shown="postgresql://db/drip", trouble="cannot be reached"))
    assert found(broken) == [("database-opening", "error")]
    assert broken[0].type == "pg_isready -d postgresql://db/drip"


def test_the_file_system_of_a_folder(tmp_path: Path) -> None:
    """The longest mount point above it counts, and one whose name only begins alike does not."""
    mounts = tmp_path / "mounts"
    base = tmp_path.resolve()
    mounts.write_text(f"/dev/a / ext4 rw 0 0\nhost:/x {base}/share nfs4 rw 0 0\nx {base}/sha cifs rw 0 0\nbroken\n")
    assert file_system_of(tmp_path / "share" / "deep", mounts) == "nfs4"
    assert file_system_of(tmp_path / "shared", mounts) == "ext4"
    assert file_system_of(tmp_path, tmp_path / "none") == ""
