"""What an operator types, and what comes back: publish, send, run, pause, resume, status, why, report, db."""

from __future__ import annotations

import shutil
from datetime import datetime
from pathlib import Path

import pytest
from mail_server import MailServer
from terminal import COURSE, Terminal

ADA = "ada@customer.example"
MONDAY = "2026-03-02T08:00+00:00"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Terminal:
    """A workspace with Ada, who may be enrolled."""
    terminal = Terminal(folder=tmp_path, monkeypatch=monkeypatch, capsys=capsys).found()
    terminal.write("people.csv", f"email,first_name,timezone\n{ADA},Ada,Europe/London\n")
    terminal.drip("learners", "import", "people.csv")
    return terminal


def enrolled(here: Terminal, at: str = MONDAY) -> Terminal:
    here.drip("publish", "hello")
    here.drip("enrol", "hello", "--email", ADA, "--at", at)
    return here


def test_publish_says_what_it_did(here: Terminal) -> None:
    """New, unchanged, and anew with what it did to those who are in the course."""
    [first] = here.json("publish", "hello")
    assert (first["course_id"], first["mails"], first["before"], first["in_it"]) == ("hello", 3, None, 0)
    assert "unchanged" in here.drip("publish", "hello").out
    here.drip("enrol", "hello", "--email", ADA)
    here.write("campaigns/hello.yaml", COURSE.replace("Export it", "Export it now"))
    said = here.drip("publish", "campaigns/hello.yaml").out
    assert "published anew" in said
    assert "1 person is on the way" in said


def test_publish_stores_nothing_unless_all_is_right(here: Terminal) -> None:
    """A mistake in one course keeps the others back, and the mistakes of all are told; two of one id are refused."""
    here.write("campaigns/bad.yaml", "title: Bad\nsteps: []\n")
    here.write("campaigns/worse.yaml", "title: Worse\nsteps: 1\n")
    said = here.drip("publish", "hello", "bad", "worse", code=1)
    assert "campaigns/bad.yaml:" in said.err
    assert "campaigns/worse.yaml:" in said.err
    assert here.json("status")["courses"] == []
    here.write("campaigns/twin.yaml", "id: hello\n" + COURSE.replace("Export it", "Another"))
    assert 'have the id "hello"' in here.drip("publish", "campaigns/hello.yaml", "campaigns/twin.yaml", code=1).err


def test_send_is_a_test_that_leaves_no_trace(here: Terminal, smtp_server: MailServer) -> None:
    """A tip goes to an address now, over outbox and SMTP, in each variant, and the ledger knows nothing of it."""
    [sent] = here.json("send", "hello", "welcome", "--to", "boss@acme.example")
    assert (sent["to"], sent["subject"]) == ("boss@acme.example", "Welcome, Ada")
    assert len(list((here.folder / "outbox").glob("*.eml"))) == 1
    said = here.drip("send", "hello", "goodbye", "--to", "boss@acme.example", DRIP_TRANSPORT=smtp_server.url)
    assert len(said.out.splitlines()) == 2
    assert [message["rcpt_to"] for message in smtp_server.messages()] == [["boss@acme.example"]] * 2
    assert here.json("status")["deliveries"] == {}
    guarded = here.drip(
        "send", "hello", "welcome", "--to", "eve@acme.example", code=1, DRIP_ONLY_TO="boss@acme.example"
    )
    assert "eve@acme.example" in guarded.err


def test_run_until_idle_sends_what_is_due(here: Terminal) -> None:
    """What is due goes once; the tally is one JSON object; a second time nothing is due."""
    enrolled(here)
    tally = here.json("run", "--until-idle", "--now", MONDAY)
    assert tally == {"sent": 1, "retried": 0, "held": 0, "failed": 0, "in_doubt": 0, "confirmations": 0,
                     "fresh_links": 0, "trouble": None}  # fmt: skip
    assert here.drip("run", "--until-idle", "--now", MONDAY).out == "0 sent: nothing was due\n"
    mail = next((here.folder / "outbox").glob("*.eml")).read_text()
    assert f"To: Ada <{ADA}>" in mail


def test_the_clock_is_not_put_forward_by_accident(here: Terminal, smtp_server: MailServer) -> None:
    """--now ahead of the real time is refused where mail is real, unless it is meant; with the outbox it is fine."""
    enrolled(here, "2031-03-03T08:00Z")
    late = ["run", "--until-idle", "--now", "2031-03-03T09:00Z"]
    refused = here.drip(*late, code=1, DRIP_TRANSPORT=smtp_server.url)
    assert "--send-early" in refused.err
    assert smtp_server.messages() == []
    assert here.json(*late, "--send-early", DRIP_TRANSPORT=smtp_server.url)["sent"] == 1
    assert len(smtp_server.messages()) == 1
    here.drip("learners", "add", "bo@kund.example")
    here.drip("enrol", "hello", "--email", "bo@kund.example", "--at", "2031-03-03T08:00Z")
    assert here.json(*late)["sent"] == 1


def test_pause_and_resume_tell_what_they_changed(here: Terminal) -> None:
    """A paused course sends nothing and says so in status and why; resumed, it goes on."""
    enrolled(here)
    assert here.json("pause", "hello") == {"paused": ["hello"]}
    assert here.json("pause", "--all") == {"paused": []}
    assert here.json("run", "--until-idle", "--now", MONDAY)["sent"] == 0
    assert "PAUSED since" in here.drip("status").out
    assert "drip resume hello" in here.drip("why", ADA, "hello").out
    assert datetime.fromisoformat(here.json("why", ADA, "hello")["paused_at"]).tzinfo is not None
    assert here.drip("resume", "--all").out == "resumed hello\n"
    assert here.json("run", "--until-idle", "--now", "2026-03-02T23:30Z")["sent"] == 1


def test_status_tells_what_is_due_and_what_waits_for_a_person(here: Terminal) -> None:
    """An empty workspace, a queue with a lag, and a mail that a person must decide on."""
    assert "No course is published yet" in here.drip("status").out
    here.drip("learners", "add", "nameless@kund.example")
    here.found(COURSE.replace(" | default('there')", ""))
    enrolled(here)
    here.drip("enrol", "hello", "--email", "nameless@kund.example", "--at", MONDAY)
    before = here.json("status")
    assert before["due"] == 2
    assert before["lag"] > 0
    assert "Due:       2, the oldest for" in here.drip("status").out
    here.drip("run", "--until-idle", "--now", MONDAY)
    after = here.json("status")
    assert after["deliveries"] == {"held": 1, "sent": 1}
    assert [(one["email"], one["step"]) for one in after["problems"]] == [("nameless@kund.example", "welcome")]
    assert "first_name" in str(after["problems"][0]["problem"])
    text = here.drip("status", COLUMNS="80").out
    assert "These wait for a person" in text
    assert max(map(len, text.splitlines())) <= 80


def test_why_gives_a_reason_for_every_mail(here: Terminal) -> None:
    """What came, what was passed over and what is next, each with its reason; a late mail says that it was late."""
    enrolled(here)
    first = here.json("why", ADA, "hello")
    assert (first["state"], first["next_step"], first["next_reason"]) == ("active", "welcome", "the first mail")
    here.drip("run", "--until-idle", "--now", "2026-03-02T11:00Z")
    here.drip("run", "--until-idle", "--now", "2026-03-05T11:00Z")
    told = here.json("why", ADA, "hello")
    assert [(row["kind"], row["step"], row["reason"]) for row in told["rows"]] == [
        ("enrol", "", ""),
        ("mail", "welcome", "the first mail; 3 hours late"),
        ("wait", "welcome/wait", 'answered("welcome") did not come true in time'),
        ("skip", "export", 'correct("welcome") is false'),
        ("mail", "goodbye", "as soon as the wait is over"),
        ("finish", "", "the last step is done"),
    ]
    assert {row["local"][-6:] for row in told["rows"]} == {"+00:00"}
    assert f"{ADA} in hello: finished (last step); times in Europe/London" in here.drip("why", ADA, "hello").out


def test_report_fits_a_terminal(here: Terminal) -> None:
    """The report is one object as JSON; as text its table fits 100 columns, and 80."""
    enrolled(here)
    here.drip("run", "--until-idle", "--now", MONDAY)
    found = here.json("report", "hello")
    assert (found["course"], found["enrolled"]) == ("hello", 1)
    for wide in (80, 100):
        table = here.drip("report", "hello", COLUMNS=str(wide)).out.split("\n\n")[1]
        assert max(map(len, table.splitlines()[:-1])) <= wide


def test_db_upgrade_says_where_the_database_stands(here: Terminal) -> None:
    """A current database is left alone; a new one gets its tables."""
    done = here.json("db", "upgrade")
    assert done["changed"] is False
    shutil.rmtree(here.folder / "outbox", ignore_errors=True)
    fresh = here.json("db", "upgrade", DRIP_DATABASE_URL="sqlite:///fresh.db")
    assert fresh == {"changed": True, "version": done["version"]}
    assert (here.folder / "fresh.db").exists()
