"""`drip bounces read` and `fetch`: files, a pipe whose mail server must never lose a mail, mailboxes."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from came_back import LETTER, bounce
from terminal import SETTINGS, Terminal

from drip.inbound.maildir import keep
from drip.track.token import Ring

RING = Ring.of(["a secret that is long enough for tests"])
ADA, BO = "ada@customer.example", "bo@customer.example"
CORPUS = Path(__file__).parents[1] / "data" / "bounces"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Terminal:
    """A workspace where Ada (delivery 1) and Bo (2) have got their first mail."""
    here = Terminal(folder=tmp_path, monkeypatch=monkeypatch, capsys=capsys).found()
    here.write("people.csv", f"email\n{ADA}\n{BO}\n")
    here.drip("learners", "import", "people.csv")
    here.drip("publish", "hello")
    here.drip("enrol", "hello", "--all")
    here.drip("run", "--until-idle")
    return here


def piped(here: Terminal, content: bytes, *words: str, code: int = 0, **variables: str) -> tuple[str, str]:
    """What `drip bounces read -` says to that on its standard input, in a process of its own."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("DRIP_")}
    done = subprocess.run(
        [sys.executable, "-m", "drip", "bounces", "read", "-", *words],
        cwd=here.folder,
        env={**own, **variables},
        input=content,
        capture_output=True,
        check=False,
    )
    out, err = done.stdout.decode(), done.stderr.decode()
    assert done.returncode == code, (out, err)
    assert "Traceback" not in err
    return out, err


def ended(here: Terminal, email: str) -> list[str]:
    return [one["state"] for one in here.json("learners", "show", email)["enrolments"]]


def test_files_are_read_and_what_follows_is_done(here: Terminal) -> None:
    """Rows of file, kind, recipient and verdict; the dead address ends its course, a second reading does nothing."""
    (here.folder / "one.eml").write_bytes(bounce(RING, 1, ADA))
    (here.folder / "two.eml").write_bytes(LETTER)
    row = {"file": "one.eml", "kind": "bounce", "recipient": ADA, "verdict": "hard", "status": "5.1.1", "delivery": 1}
    rows = here.json("bounces", "read", "one.eml", "two.eml")
    assert rows[0] == {**row, "done": "suppressed, bounced"}
    assert [rows[1][key] for key in ("file", "kind", "recipient", "verdict")] == ["two.eml", "none", "", None]
    assert ended(here, ADA) != ["active"]
    assert ended(here, BO) == ["active"]
    assert here.json("bounces", "read", "one.eml") == [{**row, "done": "known already"}]
    said = here.drip("bounces", "read", "one.eml", "two.eml").out
    assert said == (
        f"one.eml: hard bounce of {ADA} (5.1.1): known already\ntwo.eml: a mail from somebody: left alone\n"
    )


def test_a_dry_run_does_nothing(here: Terminal, tmp_path: Path) -> None:
    """It tells what a mail is, also where there is no workspace; everywhere the ledger stays."""
    (here.folder / "one.eml").write_bytes(bounce(RING, 1, ADA))
    (row,) = here.json("bounces", "read", "--dry-run", "one.eml")
    assert (row["kind"], row["verdict"], row["delivery"], row["done"]) == ("bounce", "hard", 1, "a mail of ours")
    assert ended(here, ADA) == ["active"]
    (tmp_path / "empty").mkdir()
    bare = Terminal(folder=tmp_path / "empty", monkeypatch=here.monkeypatch, capsys=here.capsys)
    rows = bare.json("bounces", "read", "--dry-run", *map(str, sorted(CORPUS.glob("postfix-*.eml"))))
    assert len(rows) == len(list(CORPUS.glob("postfix-*.eml")))
    assert {row["done"] for row in rows} == {"not provably a mail of ours"}
    assert list((tmp_path / "empty").iterdir()) == []


def test_a_forged_report_does_nothing(here: Terminal) -> None:
    """A stranger who knows an address, and no return address of its mails, silences nobody: it is listed."""
    (here.folder / "forged.eml").write_bytes(bounce(RING, 2, BO, to="learn@acme.example"))
    other = bounce(Ring.of(["a guess at the secret"]), 2, BO)
    (here.folder / "guessed.eml").write_bytes(other)
    (here.folder / "victim.eml").write_bytes(bounce(RING, 1, BO))  # Ada's own return address, Bo's name
    rows = here.json("bounces", "read", "forged.eml", "guessed.eml")
    assert {(row["verdict"], row["delivery"], row["done"]) for row in rows} == {
        ("hard", None, "not provably a mail of ours, nothing done")
    }
    (row,) = here.json("bounces", "read", "victim.eml")
    # whose mail it was says the signature; that it names another than whom we wrote to makes it soft (decision 023)
    assert (row["delivery"], row["recipient"], row["verdict"], row["done"]) == (1, ADA, "soft", "noted")
    assert (ended(here, BO), ended(here, ADA)) == (["active"], ["active"])
    (here.folder / "own.eml").write_bytes(bounce(RING, 1, ADA, said="550 5.1.1 no such user"))
    here.json("bounces", "read", "own.eml")
    assert (ended(here, BO), ended(here, ADA)) == (["active"], ["failed"])


def test_a_maildir_and_an_mbox_are_read_where_they_are(here: Terminal) -> None:
    """Each mail of them, and nothing is moved."""
    keep(here.folder / "box", bounce(RING, 1, ADA))
    keep(here.folder / "box", LETTER)
    before = sorted((here.folder / "box").rglob("*"))
    assert sorted(row["kind"] for row in here.json("bounces", "read", "box")) == ["bounce", "none"]
    assert sorted((here.folder / "box").rglob("*")) == before
    line = b"From MAILER-DAEMON Tue Nov 24 09:00:05 2026\n"
    escaped = LETTER + b"\n>From now on I will read them all.\n"
    (here.folder / "mbox").write_bytes(line + bounce(RING, 2, BO) + b"\n" + line + escaped + b"\n")
    rows = here.json("bounces", "read", "--mailbox", "mbox")
    assert [(row["file"], row["kind"], row["delivery"]) for row in rows] == [
        ("mbox:1", "bounce", 2),
        ("mbox:2", "none", None),
    ]
    assert "mbox of several mails: read it with --mailbox" in here.drip("bounces", "read", "mbox", code=1).err
    (here.folder / "one").write_bytes(line + bounce(RING, 2, BO))  # as a mail server's pipe may have written it
    assert [row["delivery"] for row in here.json("bounces", "read", "one")] == [2]
    (here.folder / "plain").mkdir()
    assert "no Maildir" in here.drip("bounces", "read", "plain", code=1).err


def test_what_cannot_be_read_is_said_after_the_rest(here: Terminal) -> None:
    """A name that is wrong keeps no other file back; a pipe by its name is not waited for."""
    (here.folder / "one.eml").write_bytes(bounce(RING, 1, ADA))
    os.mkfifo(here.folder / "pipe")
    said = here.drip("bounces", "read", "gone.eml", "one.eml", "pipe", code=1)
    assert "hard bounce" in said.out
    assert "there is no file gone.eml" in said.err
    assert "pipe is no file" in said.err
    assert "name no other file" in here.drip("bounces", "read", "-", "one.eml", code=2).err


def test_a_pipe_takes_a_mail(here: Terminal) -> None:
    """As behind a mail server, with the line that some write before it, in either kind of line ends: exit 0."""
    content = b"From MAILER-DAEMON  Tue Nov 24 09:00:05 2026\n" + bounce(RING, 1, ADA)
    assert piped(here, content)[0] == f"-: hard bounce of {ADA} (5.1.1): suppressed, bounced\n"
    assert "known already" in piped(here, bounce(RING, 1, ADA).replace(b"\n", b"\r\n"))[0]
    for odd in (b"", b"\0" * 1000, b"From \n", LETTER, os.urandom(10_000)):
        piped(here, odd)


def test_a_pipe_puts_letters_aside(here: Terminal) -> None:
    """With --keep a person's mail lies in a Maildir, whole, and a bounce does not."""
    piped(here, bounce(RING, 1, ADA), "--keep", "letters")
    assert not (here.folder / "letters").exists()
    piped(here, LETTER, "--keep", "letters")
    (kept,) = (here.folder / "letters" / "new").iterdir()
    assert kept.read_bytes() == LETTER


def test_a_pipe_never_refuses_a_mail(here: Terminal, tmp_path: Path) -> None:
    """A database that is locked, gone or too old, settings that are wrong, no secret: exit 75, and nothing is taken."""
    content = bounce(RING, 1, ADA)
    assert "tried again later" in piped(here, content, code=75, DRIP_DATABASE_URL="sqlite:///nowhere/drip.db")[1]
    assert "DRIP_LEASE" in piped(here, content, code=75, DRIP_LEASE="soon")[1]
    assert piped(here, content, code=75, DRIP_DATABASE_URL="postgresql://127.0.0.1:1/none")[1]
    (here.folder / "drip.toml").write_text("this is no TOML")
    assert "not TOML" in piped(here, content, code=75)[1]
    here.write("drip.toml", SETTINGS)
    empty = tmp_path / "elsewhere"
    empty.mkdir()
    bare = Terminal(folder=empty, monkeypatch=here.monkeypatch, capsys=here.capsys)
    piped(bare, content, code=75, DRIP_SECRET_KEY="a secret that is long enough for tests")
    assert list(empty.iterdir()) == []  # no database is made by a mail
    (empty / "drip.toml").write_text("")
    assert "no secret" in piped(bare, content, code=75)[1]
    assert ended(here, ADA) == ["active"]
    assert "suppressed" in piped(here, content)[0]


def test_a_pipe_waits_for_a_database_that_is_busy(here: Terminal) -> None:
    """While somebody else writes, it waits; where that does not end, it says 75; then it takes the mail."""
    busy = sqlite3.connect(here.folder / "drip.db", isolation_level=None)
    busy.execute("BEGIN IMMEDIATE")
    assert "tried again later" in piped(here, bounce(RING, 1, ADA), code=75)[1]
    busy.execute("ROLLBACK")
    busy.close()
    assert "suppressed" in piped(here, bounce(RING, 1, ADA))[0]


def test_a_pipe_is_read_to_its_end(here: Terminal) -> None:
    """Whoever writes more than is read is not cut off, and is told that it was too much."""
    assert piped(here, LETTER + b"x" * 12_000_000)[0] == "-: larger than 10 MB: not read\n"


def test_fetch_takes_what_waits(here: Terminal) -> None:
    """From the Maildir that drip.toml names, from the workspace."""
    here.write("drip.toml", SETTINGS + '[bounces]\nmaildir = "box"\n')
    assert "the Maildir" in here.drip("bounces", "fetch", code=3).err
    keep(here.folder / "box", bounce(RING, 1, ADA))
    keep(here.folder / "box", LETTER)
    rows = here.json("bounces", "fetch")
    assert sorted((row["kind"], row["done"]) for row in rows) == [
        ("bounce", "suppressed, bounced"),
        ("none", "a mail from somebody: left alone"),
    ]
    assert here.json("bounces", "fetch") == []
    assert here.drip("bounces", "fetch").out == "nothing there\n"


def test_fetch_without_a_mailbox_says_what_to_write(here: Terminal) -> None:
    """Both ways."""
    said = here.drip("bounces", "fetch", code=1).err
    assert "[bounces]" in said
    assert "maildir" in said
    assert "imaps://" in said


def test_a_file_that_is_not_there_is_all_that_is_said(here: Terminal) -> None:
    """Where no file could be read, nothing says that there was no mail in it."""
    done = here.drip("bounces", "read", "nope.eml", code=1)
    assert done.out == ""
    assert done.err == "drip: there is no file nope.eml\n"
