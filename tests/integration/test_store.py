"""What every store keeps to, whichever database is under it: migrations, clear errors, whole transactions."""

from __future__ import annotations

import sqlite3
import threading
import traceback
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from edit_table import BASE, X
from sqlalchemy.exc import IntegrityError, StatementError
from sqlmodel import SQLModel
from stage import OPENED, set_up, steps_of

from drip.errors import SettingsError, StoreError
from drip.store import Store, learners
from drip.store.database import MIGRATIONS
from drip.store.tables import learner

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
both = pytest.mark.usefixtures("each_database")


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a database that nobody has used yet."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'a.db'}"
    address: str = request.getfixturevalue("empty_database")
    return address


def opened(url: str) -> Store:
    """A store that is closed when the test has ended."""
    OPENED.append(Store(url))
    return OPENED[-1]


@both
def test_the_migrations_make_the_tables(tmp_path: Path) -> None:
    """What Alembic builds is what SQLModel declares: no difference is left."""
    stage = set_up(tmp_path)
    with stage.store.read() as conn:
        context = MigrationContext.configure(conn, opts={"compare_type": False})
        assert compare_metadata(context, SQLModel.metadata) == []


def test_upgrading_twice_changes_nothing(url: str) -> None:
    """The second upgrade has nothing to do."""
    store = opened(url)
    assert store.version()[0] is None
    assert store.upgrade(now=NOW)
    assert not store.upgrade(now=NOW)
    store.require_current()


def test_what_goes_up_comes_down(url: str) -> None:
    """Each migration can be taken back, and made again."""
    store = opened(url)
    store.upgrade(now=NOW)
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with store.write() as conn:
        config.attributes["connection"] = conn
        command.downgrade(config, "base")
    assert store.version()[0] is None
    assert store.upgrade(now=NOW)
    store.require_current()


def test_many_processes_may_upgrade_at_once(url: str) -> None:
    """Whoever comes second finds the work done."""
    errors: list[Exception] = []

    def upgrade() -> None:
        try:
            store = opened(url)
            store.upgrade(now=NOW)
            store.require_current()
        except Exception as error:  # noqa: BLE001  (whatever it is, the test must hear of it)
            errors.append(error)

    threads = [threading.Thread(target=upgrade) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


def test_an_older_database_is_copied_before_it_is_migrated(tmp_path: Path) -> None:
    """Nothing is lost when a migration goes wrong: the copy is whole, and opens."""
    stage = set_up(tmp_path)
    stage.add("ada@customer.example")
    with stage.store.write() as conn:
        conn.exec_driver_sql("UPDATE alembic_version SET version_num = 'older'")
    with pytest.raises(StoreError, match="newer than this drip"):
        stage.store.require_current()
    with pytest.raises(Exception, match="older"):
        stage.store.upgrade(now=NOW)
    copy = next(tmp_path.glob("drip.db.*.bak"))
    with sqlite3.connect(copy) as conn:
        assert conn.execute("SELECT email FROM learner").fetchall() == [("ada@customer.example",)]
    assert copy.stat().st_mode & 0o777 == 0o600


def test_a_new_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    """Addresses are in it, and in its write-ahead log; a file that is there keeps the mode that somebody gave it."""
    store = Store(f"sqlite:///{tmp_path / 'drip.db'}")
    store.upgrade()
    with store.write() as conn:
        conn.exec_driver_sql("UPDATE alembic_version SET version_num = version_num")
        assert {file.stat().st_mode & 0o777 for file in tmp_path.iterdir()} == {0o600}
    store.close()
    (tmp_path / "drip.db").chmod(0o640)
    Store(f"sqlite:///{tmp_path / 'drip.db'}").upgrade()
    assert (tmp_path / "drip.db").stat().st_mode & 0o777 == 0o640


def test_an_empty_database_says_what_to_type(url: str) -> None:
    """No tables: `drip db upgrade`. Whoever asks all the same hears it too."""
    store = opened(url)
    with pytest.raises(StoreError, match="drip db upgrade"):
        store.require_current()
    with pytest.raises(StoreError, match="drip db upgrade"), store.read() as conn:
        learners.count(conn)


@pytest.mark.parametrize("url", ["nonsense", "oracle+nothing://x", ""])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    """A bad DRIP_DATABASE_URL names itself."""
    with pytest.raises(SettingsError, match="DRIP_DATABASE_URL"):
        Store(url)


def test_a_file_that_is_no_database_is_an_error_in_words(tmp_path: Path) -> None:
    """A text file, or a folder, under the database's name."""
    (tmp_path / "a.db").write_text("this is not a database, and long enough to be taken for one" * 50)
    with pytest.raises(StoreError):
        Store(f"sqlite:///{tmp_path / 'a.db'}").version()
    with pytest.raises(StoreError):
        Store(f"sqlite:///{tmp_path}").version()


@both
def test_a_write_that_fails_leaves_nothing(tmp_path: Path) -> None:
    """One transaction: all of it, or none."""
    stage = set_up(tmp_path)
    row = {"ref": "r", "email": "a@b.example", "first_name": None, "last_name": None, "language": None}

    def half() -> None:
        with stage.store.write() as conn:
            learners.add(conn, [{**row, "imported_timezone": None, "attributes": {}}], now=NOW)
            raise RuntimeError("the power goes")

    with pytest.raises(RuntimeError):
        half()
    with stage.store.read() as conn:
        assert learners.count(conn) == 0


@both
def test_a_naive_time_is_refused(tmp_path: Path) -> None:
    """Times without a zone do not get in."""
    stage = set_up(tmp_path)
    stage.add("ada@customer.example")
    with pytest.raises(StatementError), stage.store.write() as conn:
        conn.execute(learner.update().values(created_at=datetime(2026, 3, 2)))


@both
def test_a_time_is_what_it_was(tmp_path: Path) -> None:
    """An instant written in one zone is read as the same instant, in UTC, to the microsecond."""
    stage = set_up(tmp_path)
    stage.add("ada@customer.example")
    at = datetime(2026, 10, 25, 2, 30, 0, 123456, tzinfo=ZoneInfo("Europe/Stockholm"), fold=1)
    with stage.store.write() as conn:
        conn.execute(learner.update().values(created_at=at))
    with stage.store.read() as conn:
        read = conn.execute(learner.select()).one().created_at
    assert (read, read.utcoffset()) == (at.astimezone(UTC), timedelta(0))


@both
@pytest.mark.parametrize(
    "text", ["", "Åsa 👩🏽‍🚀 Öberg", "' OR 1=1; --", "%s %(x)s :x ? \\", "\u202eevil", "x" * 100_000]
)
def test_a_text_is_what_it_was(tmp_path: Path, text: str) -> None:
    """Whatever letters it has, in a column and inside JSON."""
    stage = set_up(tmp_path)
    stage.add("ada@customer.example", first_name=text, attributes={"plan": text, text: [1, None, "\u0000"]})
    with stage.store.read() as conn:
        (ada,) = learners.everyone(conn)
    assert (ada.first_name, ada.attributes) == (text, {"plan": text, text: [1, None, "\u0000"]})


@both
def test_a_reader_sees_one_picture(tmp_path: Path) -> None:
    """What others write while somebody reads is not seen in the middle."""
    stage = set_up(tmp_path)
    with stage.store.read() as conn:
        assert learners.count(conn) == 0
        stage.add("ada@customer.example")
        assert learners.count(conn) == 0
    with stage.store.read() as conn:
        assert learners.count(conn) == 1


@both
def test_addresses_compare_without_case(tmp_path: Path) -> None:
    """One person, however their address is written."""
    stage = set_up(tmp_path)
    stage.add("Åsa.Öberg@Customer.example")
    with stage.store.read() as conn:
        assert learners.by_addresses(conn, [" åsa.öberg@CUSTOMER.example "])
        key = learners.suppression_hash(b"k", "Åsa.Öberg@Customer.example")
        assert key == learners.suppression_hash(b"k", "åsa.öberg@customer.EXAMPLE")


@both
def test_parameters_stay_out_of_errors(tmp_path: Path) -> None:
    """A failing statement does not print people's addresses."""
    stage = set_up(tmp_path)
    address = "ada@customer.example"
    stage.add(address)
    with pytest.raises(IntegrityError, match=r"(?i)unique") as caught:
        stage.add(address)
    assert "ada@" not in "".join(traceback.format_exception(caught.value))


def test_people_who_came_before_edits_could_follow_them(tmp_path: Path) -> None:
    """A database of the first tables, with somebody on the way, is migrated; then a publish moves them."""
    stage = set_up(tmp_path)
    stage.publish(BASE)
    stage.people(1)
    stage.deliver()
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with stage.store.write() as conn:
        config.attributes["connection"] = conn
        command.downgrade(config, "0001")
    with pytest.raises(StoreError, match="stands at 0001"):
        stage.store.require_current()
    assert stage.store.upgrade()
    stage.publish(BASE + X)
    stage.live(days=6)
    assert steps_of(stage.rows()) == ["a", "b", "c", "d", "x"]
