"""`drip status` as it is typed at three in the morning: its text, its JSON, its exit, whatever the database is like."""

from __future__ import annotations

import re
import shutil
import sqlite3
from pathlib import Path

import pytest
from mail_server import reserved_port
from terminal import SETTINGS, Terminal

ADA = "ada@customer.example"
#: What programs have read since there was a `drip status`, and what came later.
FIRST_KEYS = {"now", "due", "lag", "next_at", "deliveries", "problems", "troubles", "courses", "learners"}
LATER_KEYS = {"verdict", "sent", "in_doubt", "waiting", "workers", "pace", "guarded", "asking", "came_back", "webhooks"}
NIGHT = "2026-03-02T02:14Z"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Terminal:
    """A workspace in which Ada's first mail has long been due, and nobody sends."""
    terminal = Terminal(folder=tmp_path, monkeypatch=monkeypatch, capsys=capsys).found()
    terminal.drip("publish", "hello")
    terminal.drip("learners", "add", ADA)
    terminal.drip("enrol", "hello", "--email", ADA, "--at", NIGHT)
    return terminal


def first_line(here: Terminal, *words: str, code: int = 0, **variables: str) -> str:
    """The verdict, which may have been folded."""
    return " ".join(here.drip("status", *words, code=code, **variables).out.split("\n\n")[0].split())


def test_the_verdict_comes_first_and_strict_says_it_by_its_exit(here: Terminal) -> None:
    """Nobody sends: the first line says so with what to type, --strict ends with 1, and with 0 once it is well."""
    told = first_line(here)
    assert told.startswith("Nobody is sending: 1 is due since Mon 2 Mar")
    assert told.endswith("and no worker has been seen; type: drip run")
    assert first_line(here, "--strict", code=1) == told
    assert "none has been seen; type: drip run" in here.drip("status").out
    here.drip("run", "--until-idle")
    assert first_line(here, "--strict") == "All is well: nothing is due."
    said = here.drip("status").out
    assert "Sent:      1 in the last hour, 1 in 24 hours; the last" in said
    assert "Workers:   none is running:" in said
    assert "stopped" in said


def test_json_keeps_its_keys(here: Terminal) -> None:
    """Programs find what they have always found, and the verdict in a word, a sentence, and what to type."""
    found = here.json("status")
    assert found.keys() == FIRST_KEYS | LATER_KEYS
    assert found["verdict"]["kind"] == "nobody"
    assert (found["verdict"]["type"], found["verdict"]["alarm"]) == ("drip run", True)
    assert (found["waiting"], found["pace"], found["workers"]) == (0, None, [])
    assert found["in_doubt"] == {"mails": 0, "first_at": None, "last_at": None, "then": "resend"}
    here.drip("run", "--until-idle")
    [worker] = here.json("status")["workers"]
    assert worker.keys() == {"name", "host", "process", "transport", "started_at", "seen_at", "stopped_at"}


@pytest.mark.parametrize("wide", [60, 80, 100])
def test_it_fits_a_terminal(here: Terminal, wide: int) -> None:
    """No line is wider than the terminal, whatever a server says; what would play with the terminal is left out."""
    words = "550 5.7.1 " + "your message looks like something that nobody here wants to read " * 4
    with sqlite3.connect(here.folder / "drip.db") as conn:
        conn.execute(
            "INSERT INTO breaker VALUES ('smtp mail.acme.example:587', ?, ?, ?, 3)",
            (words + "\x1b]0;owned\x07", "2026-03-02 01:14:00.000000", "2026-03-02 03:14:00.000000"),
        )
    conn.close()
    said = here.drip("status", COLUMNS=str(wide), DRIP_TRANSPORT="smtp://mail.acme.example:587").out
    assert max(map(len, said.splitlines())) <= wide
    assert said.startswith("NOTHING GOES OUT since Mon 2 Mar 02:14")
    assert "type: drip doctor" in " ".join(said.split("\n\n")[0].split())
    assert "\x1b" not in said
    assert "\x07" not in said


def test_a_server_that_is_gone_is_told_with_its_words(here: Terminal) -> None:
    """Nobody listens: the verdict has the way out and what happened, and what is due is still due."""
    with reserved_port() as port:
        url = f"smtp://127.0.0.1:{port}"
        here.drip("run", "--until-idle", code=3, DRIP_TRANSPORT=url)
        told = first_line(here, "--strict", code=1, DRIP_TRANSPORT=url)
    assert told.startswith("NOTHING GOES OUT since ")
    assert f"smtp 127.0.0.1:{port} says" in told
    assert here.json("status")["due"] == 1


def test_pace_is_told_where_it_is_set(here: Terminal) -> None:
    """Where a pace is set, what is used of it stands there, and as JSON what `drip` knows of it."""
    here.write("drip.toml", SETTINGS + '\n[pace]\nrate = "1/hour"\n')
    here.drip("learners", "add", "bo@kund.example")
    here.drip("enrol", "hello", "--email", "bo@kund.example", "--at", NIGHT)
    here.drip("run", "--until-idle")
    said = here.drip("status").out
    assert "Pace:      1 used of 1/hour" in said
    assert re.search(r"Next: .*, when the pace lets it", said)
    assert here.json("status")["pace"]["limits"][0]["used"] == 1


def test_a_workspace_without_a_database(tmp_path: Path, here: Terminal) -> None:
    """In a workspace the tables are made, and nothing is published; elsewhere words say that nothing is here."""
    (here.folder / "drip.db").unlink()
    assert first_line(here) == "Nothing to send yet: no course is published; type: drip publish COURSE"
    (here.folder / "drip.db").write_bytes(b"")
    assert first_line(here, "--strict").startswith("Nothing to send yet")
    elsewhere = Terminal(folder=tmp_path / "elsewhere", monkeypatch=here.monkeypatch, capsys=here.capsys)
    elsewhere.folder.mkdir()
    assert "no drip.toml and no database here" in elsewhere.drip("status", code=1).err


def test_a_database_that_is_not_well(here: Terminal) -> None:
    """Other tables, and a file that is no database, are told in words with what to type: exit 3, nothing on stdout."""
    shutil.copy(here.folder / "drip.db", here.folder / "older.db")
    with sqlite3.connect(here.folder / "older.db") as conn:
        conn.execute("UPDATE alembic_version SET version_num = '0003'")
    conn.close()
    said = here.drip("status", code=3, DRIP_DATABASE_URL="sqlite:///older.db")
    assert "run `drip db upgrade`" in said.err
    (here.folder / "text.db").write_text("this is no database, whatever it is called" * 100)
    said = here.drip("status", code=3, DRIP_DATABASE_URL="sqlite:///text.db")
    assert "not a database" in said.err
    assert said.out == ""


def test_a_database_that_is_written_to_or_may_not_be(here: Terminal) -> None:
    """While somebody holds the pen, and where nothing may be written, it says the same."""
    with sqlite3.connect(here.folder / "drip.db", isolation_level=None) as conn:
        conn.execute("BEGIN IMMEDIATE")
        assert first_line(here).startswith("Nobody is sending")
        conn.execute("ROLLBACK")
        read_only = "sqlite:///file:drip.db?mode=ro&uri=true"
        assert first_line(here, DRIP_DATABASE_URL=read_only).startswith("Nobody is sending")
    conn.close()
