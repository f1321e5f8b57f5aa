"""What is PostgreSQL's own: addresses, what it says when it cannot, locks that nobody waits for, and its clock."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from postgres import Server
from sqlalchemy import text
from sqlalchemy.engine import make_url
from stage import OPENED, PLAIN_COURSE, Stage, set_up

from drip.engine.claim import claim_due
from drip.engine.deliver import until_idle
from drip.errors import SettingsError, StoreError
from drip.store import Store, breaker, learners, ledger, postgresql, suppression, turns
from drip.store.ledger import Phase
from drip.store.troubles import TRIES, Undone, tried_again


@pytest.fixture
def stage(postgres_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    """A stage on PostgreSQL, with the plain course."""
    monkeypatch.setattr("stage.database_of", lambda _folder: postgres_database)
    stage = set_up(tmp_path)
    stage.publish(PLAIN_COURSE)
    yield stage
    while OPENED:
        OPENED.pop().close()


def opened(url: str) -> Store:
    """A store that is closed when the test has ended."""
    OPENED.append(Store(url))
    return OPENED[-1]


@pytest.mark.parametrize("name", ["postgresql", "postgres", "postgresql+psycopg"])
def test_every_spelling_of_the_address_is_taken(postgres_database: str, name: str) -> None:
    """As hosts and tools write it; for people it is written in one way."""
    store = opened(postgres_database.replace("postgresql", name, 1))
    store.require_current()
    assert store.shown.startswith("postgresql://drip@/")


def test_a_driver_that_drip_lacks_is_named() -> None:
    """There is one driver, and the message says what to write."""
    with pytest.raises(SettingsError, match=r"psycopg2.*postgresql://user@host/database"):
        Store("postgresql+psycopg2://drip@localhost/drip")


def test_a_transaction_has_limits_and_no_zone_of_its_own(postgres_database: str) -> None:
    """A lock, a statement and a stopped process are not waited for without end; what the address says goes over it."""
    said = opened(postgres_database)
    assert settings(said) == {
        "timezone": "UTC",
        "lock_timeout": "30s",
        "statement_timeout": "1min",
        "idle_in_transaction_session_timeout": "1min",
        "application_name": "drip",
    }
    over = f"{postgres_database}&options=-c%20lock_timeout%3D5s&application_name=ours"
    assert settings(opened(over)) == settings(said) | {"lock_timeout": "5s", "application_name": "ours"}


def settings(store: Store) -> dict[str, str]:
    names = (
        "timezone",
        "lock_timeout",
        "statement_timeout",
        "idle_in_transaction_session_timeout",
        "application_name",
    )
    with store.read() as conn:
        return {name: conn.execute(text(f"SHOW {name}")).scalar_one() for name in names}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda url: url.set(host="127.0.0.1", port=1, query={}), "cannot be reached.*refused"),
        (lambda url: url.set(host="127.0.0.1", port=1, query={}).set(password="a-secret"), "refused"),
        (lambda url: url.set(host="nowhere.invalid", query={}), "nowhere.invalid"),
        (lambda url: url.set(database="nonsense"), "nonsense.*createdb"),
        (lambda url: url.set(username="stranger"), "lets nobody in.*stranger"),
        (lambda url: url.update_query_dict({"sslmode": "nonsense"}), "sslmode"),
        (lambda url: url.update_query_dict({"nonsense": "1"}), "nonsense"),
        (lambda url: url.update_query_dict({"connect_timeout": "soon"}), "soon"),
    ],
)
def test_what_cannot_be_reached_is_told_in_words(
    postgres_database: str, change: Callable[..., object], words: str
) -> None:
    """A server that is not there, a wrong name, a slip in the address: in words, and without the password."""
    url = change(make_url(postgres_database))
    with pytest.raises(StoreError, match=words) as caught:
        opened(url.render_as_string(hide_password=False)).version()  # type: ignore[attr-defined]
    assert "a-secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_reader_cannot_write(stage: Stage) -> None:
    """A slip in drip itself is found, not carried out."""
    with pytest.raises(StoreError, match="read-only"), stage.store.read() as conn:
        suppression.suppress(conn, "x", reason="x", now=stage.clock())


def test_a_standby_is_told_apart(stage: Stage) -> None:
    """A server that takes no writes says so, and drip asks whether it is a standby."""
    with stage.store.write() as conn:
        name = conn.execute(text("SELECT current_database()")).scalar_one()
        conn.execute(text(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on'))
    stage.store.close()
    with pytest.raises(StoreError, match="standby"):
        stage.add("ada@customer.example")


def test_a_user_who_may_not_is_told_so(stage: Stage, postgres_database: str) -> None:
    """The tables belong to somebody else: what is not allowed is named."""
    role = f"guest_{os.getpid()}"
    with stage.store.write() as conn:
        conn.execute(text(f"DROP ROLE IF EXISTS {role}"))
        conn.execute(text(f"CREATE ROLE {role} LOGIN"))
    try:
        guest = opened(make_url(postgres_database).set(username=role).render_as_string())
        with pytest.raises(StoreError, match=r"does not let this user.*learner"), guest.read() as conn:
            learners.count(conn)
    finally:
        with stage.store.write() as conn:
            conn.execute(text(f"DROP ROLE {role}"))


def test_a_lock_that_is_not_let_go_ends_in_words(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits gives up, and the transaction leaves nothing."""
    monkeypatch.setattr(postgresql, "BUSY_FOR_SECONDS", 0.1)
    impatient = opened(stage.store.engine.url.render_as_string(hide_password=False))
    with stage.store.write() as conn:
        suppression.suppress(conn, "x", reason="x", now=stage.clock())
        with pytest.raises(StoreError, match="busy"), impatient.write() as other:
            suppression.suppress(other, "x", reason="y", now=stage.clock())


def test_a_connection_that_was_cut_is_told_and_made_anew(stage: Stage) -> None:
    """In the middle of a transaction it is an error in words; the next transaction has a connection that works."""

    def half() -> None:
        with stage.store.write() as conn:
            _cut(stage, conn.execute(text("SELECT pg_backend_pid()")).scalar_one())
            learners.count(conn)

    with pytest.raises(StoreError, match="went away"):
        half()
    with stage.store.read() as conn:
        idle = conn.execute(text("SELECT pg_backend_pid()")).scalar_one()
        assert learners.count(conn) == 0
    _cut(stage, idle)
    with stage.store.read() as conn:
        assert learners.count(conn) == 0


def _cut(stage: Stage, backend: int) -> None:
    other = opened(stage.store.engine.url.render_as_string(hide_password=False))
    with other.write() as conn:
        conn.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": backend})
    other.close()


def test_a_deadlock_is_tried_again(stage: Stage) -> None:
    """Two who lock the same rows in opposite order: the database undoes one, and it is done again."""
    stage.add("ada@customer.example", "bo@customer.example")
    met = threading.Barrier(2)
    tries = []

    @tried_again
    def work(first: int, second: int) -> None:
        tries.append(first)
        with stage.store.write() as conn:
            learners.change(conn, first, {"first_name": f"{first}"})
            if len(tries) <= 2:
                met.wait()
            learners.change(conn, second, {"last_name": f"{first}"})

    with ThreadPoolExecutor(2) as pool:
        for one in [pool.submit(work, 1, 2), pool.submit(work, 2, 1)]:
            one.result()
    assert len(tries) >= 3


def test_what_is_undone_for_ever_is_told(stage: Stage) -> None:
    """After a few attempts it is an error as any other."""
    tries = []

    @tried_again
    def work() -> None:
        tries.append(1)
        raise Undone("again")

    with pytest.raises(StoreError):
        work()
    assert len(tries) == TRIES


def test_letters_must_fit(postgres_server: Server) -> None:
    """A database that keeps its texts as anything but UTF-8 gets no tables, and drip says how to make another."""
    name = f"latin_{os.getpid()}"
    with postgres_server.connect() as conn:
        conn.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'")  # type: ignore[arg-type]
    try:
        store = opened(postgres_server.url(name))
        with pytest.raises(StoreError, match=r"LATIN1.*UTF8"):
            store.upgrade()
        assert store.version()[0] is None
        store.close()
    finally:
        postgres_server.drop(name)


def test_leases_run_on_the_servers_clock(stage: Stage) -> None:
    """Whatever --now says, and not on the transaction's: it goes on while one is open."""
    with stage.store.write() as conn:
        first, second = stage.store.lease_clock(conn), stage.store.lease_clock(conn)
    assert first < second
    assert abs(second - time.time()) < 3600
    assert second - stage.clock().timestamp() > 3600


def test_two_workers_do_not_look_at_one_learner_at_once(stage: Stage) -> None:
    """Somebody in two courses: while one claim has their first mail in hand, another leaves the second alone."""
    stage.publish(PLAIN_COURSE, name="other")
    stage.add("ada@customer.example", "bo@customer.example")
    stage.enrol("ada@customer.example")
    stage.course_id = "other"
    stage.enrol("ada@customer.example", "bo@customer.example")
    with stage.store.write() as conn:
        (first,) = turns.due(conn, now=stage.clock(), limit=1)
        assert first.learner.email == "ada@customer.example"
        with stage.store.write() as other:
            found = turns.due(other, now=stage.clock(), limit=10)
    assert [one.learner.email for one in found] == ["bo@customer.example"]


def test_a_retry_is_not_looked_at_by_two(stage: Stage) -> None:
    """Nor is a learner's other course, while one mail of theirs is being tried again."""
    stage.people(1)
    (parcel,) = claim_due(stage.sending, now=stage.clock()).parcels
    with stage.store.write() as conn:
        ledger.unclaim(conn, "worker-1", parcel.delivery_id, due_at=stage.clock())
    with stage.store.write() as conn, stage.store.write() as other:
        assert len(ledger.due_again(conn, now=stage.clock(), limit=10)) == 1
        assert ledger.due_again(other, now=stage.clock(), limit=10) == []
        assert claim_due(stage.other_worker("worker-2"), now=stage.clock()).looked_at == 0


def test_a_claim_keeps_nobody_waiting_who_reads_or_answers(stage: Stage) -> None:
    """While a claim has rows in hand, a link is followed and an import of somebody else goes on."""
    stage.people(2)
    claim_due(stage.sending, now=stage.clock(), limit=1)
    with stage.store.write() as conn:
        assert len(turns.due(conn, now=stage.clock(), limit=10)) == 1
        stage.recorder.visited(1, "answer/1", stage.visit("v1"))
        stage.add("new@customer.example")


def test_an_expiry_waits_for_nobody(stage: Stage) -> None:
    """A row that another is marking just now is left to them; the rest of the dead worker's rows are taken back."""
    stage.people(2)
    parcels = claim_due(stage.other_worker("dead", lease_for=stage.sending.lease_for / 600), now=stage.clock()).parcels
    time.sleep(0.2)
    with stage.store.write() as conn:
        assert ledger.mark_sent(conn, {parcels[0].delivery_id: ""}, now=stage.clock())
        assert [p.delivery_id for p in claim_due(stage.sending, now=stage.clock()).parcels] == [parcels[1].delivery_id]
    assert [row.state for row in stage.rows()] == [Phase.SENT, Phase.CLAIMED]


def test_renewing_waits_for_nobody(stage: Stage) -> None:
    """While a group is being marked, the leases of the worker's other rows are renewed: the two cannot block."""
    stage.people(2)
    first, second = (parcel.delivery_id for parcel in claim_due(stage.sending, now=stage.clock()).parcels)
    with stage.store.write() as conn:
        ledger.mark_sent(conn, {first: ""}, now=stage.clock())
        with stage.store.write() as other:
            later = replace(stage.sending.lease(other), lasts_for=3600.0)
            ledger.renew(other, later, [first, second])
    with stage.store.read() as conn:
        ends = conn.execute(text("SELECT id, lease_until FROM delivery ORDER BY id")).all()
    assert [tuple(row) for row in ends] == [(first, None), (second, later.until)]


def test_it_is_not_idle_while_another_has_the_rest_in_hand(stage: Stage) -> None:
    """A claim that is under way shows no lease yet: `--until-idle` waits, and sends what is left if that one dies."""
    stage.people(5)
    other = opened(stage.store.engine.url.render_as_string(hide_password=False)).engine.connect()
    other.begin()
    assert len(turns.due(other, now=stage.clock(), limit=10)) == 5
    waits: list[float] = []

    def pause(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 2:  # it dies
            other.rollback()
            other.close()

    assert until_idle(stage.sending, pause=pause).sent == 5
    assert len(waits) == 2


def test_breakers_of_two_transports_are_two(stage: Stage) -> None:
    """A row for each name."""
    for name in ("smtp://a", "smtp://b"):
        with stage.store.write() as conn:
            trouble = breaker.Trouble(transport=name, words="x", since=stage.clock(), until=stage.clock(), trips=1)
            breaker.trip(conn, trouble)
    with stage.store.read() as conn:
        assert len(breaker.listed(conn)) == 2


@pytest.mark.parametrize(
    "command", [["run", "--until-idle"], ["up", "--port", "0"], ["status"], ["publish", "first-report"]]
)
def test_an_operator_is_told_to_migrate(empty_database: str, tmp_path: Path, command: list[str]) -> None:
    """No command makes tables in PostgreSQL by itself: exit 3, and what to type. Typed, everything goes."""
    password = "not-for-anybody"
    env = {name: value for name, value in os.environ.items() if not name.startswith("DRIP_")}
    address = empty_database.replace("drip@", f"drip:{password}@")

    def drip(*words: str, **more: str) -> subprocess.CompletedProcess[str]:
        full = [sys.executable, "-m", "drip", *words]
        return subprocess.run(full, cwd=tmp_path, env={**env, **more}, capture_output=True, text=True, check=False)

    assert drip("init").returncode == 0
    told = drip(*command, DRIP_DATABASE_URL=address)
    assert (told.returncode, told.stdout) == (3, "")
    assert "drip db upgrade" in told.stderr
    assert password not in told.stderr
    assert drip("db", "upgrade", DRIP_DATABASE_URL=address).returncode == 0
    assert drip("publish", "first-report", DRIP_DATABASE_URL=address).returncode == 0
    assert drip("run", "--until-idle", DRIP_DATABASE_URL=address).returncode == 0


def test_the_server_of_the_tests_ends_with_them(tmp_path: Path) -> None:
    """Whoever uses it is killed: the server is gone, and so is its folder."""
    program = (
        "import sys, time, postgres\nfrom pathlib import Path\n"
        "with postgres.shared(Path(sys.argv[1])) as server:\n"
        "    print(server.folder, flush=True)\n    time.sleep(600)\n"
    )
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    users = [
        subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], env=env, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    folders = [user.stdout.readline().strip() for user in users if user.stdout]
    assert len(set(folders)) == 1
    folder = Path(folders[0])
    users[0].kill()
    users[0].communicate()
    with psycopg.connect(host=str(folder), user="drip", dbname="postgres") as conn:
        assert conn.execute("SELECT 1").fetchone() == (1,)
    users[1].kill()
    users[1].communicate()
    while folder.exists():
        time.sleep(0.05)
