"""SendGrid's events lived through: `drip run` sends over SendGrid, which posts to a real `drip serve`."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sendgrid_events import Account, Answer, post
from sendgrid_server import SendGridServer, sendgrid_server
from terminal import Terminal

PATIENCE = 60
ADA, BO = "ada@customer.example", "bo@customer.example"
COURSE = (
    "title: Two tips\nsteps:\n"
    "  - {tip: first, subject: First, preheader: The first, body: Hello there.}\n"
    "  - {tip: second, subject: Second, preheader: The second, body: Hello again., after: 1 day}\n"
)


@pytest.fixture
def account() -> Account:
    return Account()


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Terminal:
    """A workspace in which two people's first mails are due."""
    terminal = Terminal(folder=tmp_path, monkeypatch=monkeypatch, capsys=capsys).found(COURSE)
    terminal.drip("publish", "hello")
    for email in (ADA, BO):
        terminal.drip("learners", "add", email)
        terminal.drip("enrol", "hello", "--email", email)
    return terminal


def until(happened: Callable[[], object]) -> None:
    for _ in range(PATIENCE * 10):
        if happened():
            return
        time.sleep(0.1)
    raise AssertionError("it did not happen")


@contextmanager
def serving(here: Terminal, **variables: str) -> Iterator[str]:
    """The address of a `drip serve` in a process of its own."""
    process = here.start("serve", "--port", "0", "--format", "json", **variables)
    try:
        assert process.stdout
        text = ""
        while not text.rstrip().endswith("}"):
            text += process.stdout.readline()
        yield json.loads(text)["url"]
    finally:
        process.terminate()
        process.communicate(timeout=PATIENCE)


def event(api: SendGridServer, name: str, email: str, **values: Any) -> dict[str, Any]:
    """What SendGrid tells of a mail that it took: the custom_args of its request stand beside the rest."""
    taken = next(body for body in api.bodies() if body["personalizations"][0]["to"][0]["email"] == email)
    at = int(datetime.now(UTC).timestamp())
    known = {"email": email, "timestamp": at, "event": name, "sg_event_id": f"{name}-{email}"}
    return {**known, **taken["custom_args"], **values}


def told(account: Account, url: str, *events: dict[str, Any]) -> Answer:
    return account.post(url, list(events), datetime.now(UTC))


def states(here: Terminal) -> dict[str, int]:
    return dict(here.json("status")["deliveries"])


def test_events_reach_the_ledger_the_list_and_the_report(here: Terminal, tmp_path: Path, account: Account) -> None:
    """From the request that drip makes to what it shows: the digest that went out proves the event that comes in."""
    with sendgrid_server(tmp_path / "sendgrid.jsonl") as api:
        way = {"DRIP_TRANSPORT": api.url, "DRIP_SENDGRID_API_KEY": "SG.x"}
        here.drip("run", "--until-idle", **way)
        assert states(here) == {"sent": 2}
        with serving(here, DRIP_SENDGRID_WEBHOOK_KEY=account.verification_key) as url:
            news = [
                event(api, "processed", ADA),
                event(api, "delivered", ADA, response="250 OK"),
                event(api, "bounce", BO, type="bounce", status="5.1.1", reason="550 5.1.1 no such user"),
            ]
            assert told(account, url, *news).status == 204
            assert told(Account(), url, event(api, "spamreport", ADA)).status == 403
            assert post(url, b"[]", {}).status == 403
    assert states(here) == {"bounced": 1, "delivered": 1}
    assert here.json("learners", "show", BO)["suppressed"] == "bounced"
    assert here.json("learners", "show", ADA)["suppressed"] is None
    found = here.json("report", "hello")
    assert (found["sent"], found["delivered"], found["bounced"], found["failed"]) == (2, 1, 1, 1)
    assert "Of 2 sent: 1 delivered, 1 came back, 0 called spam." in here.drip("report", "hello").out
    assert "5.1.1 no such user" in here.drip("why", BO, "hello").out
    assert "1 from dead addresses in 24 hours" in here.drip("status").out


def test_a_kill_is_settled_by_what_sendgrid_tells(here: Terminal, tmp_path: Path, account: Account) -> None:
    """kill -9 with two mails handed over, of which SendGrid has one: that one is never sent again, and the other is."""
    script = {ADA: "take and hang", BO: ["hang before", "ok"]}
    with sendgrid_server(tmp_path / "sendgrid.jsonl", script=script) as api:
        way = {
            "DRIP_TRANSPORT": f"{api.url}&connections=2",
            "DRIP_SENDGRID_API_KEY": "SG.x",
            "DRIP_SENDGRID_WEBHOOK_KEY": account.verification_key,
            "DRIP_LEASE": "1",
            "DRIP_IN_DOUBT_AFTER": "3",
        }
        worker = here.start("run", **way)
        until(lambda: states(here) == {"handed": 2} and api.bodies())
        worker.kill()
        worker.communicate(timeout=PATIENCE)
        with serving(here, **way) as url:
            assert told(account, url, event(api, "processed", ADA)).status == 204
        assert states(here) == {"handed": 1, "sent": 1}
        until(lambda: here.drip("run", "--until-idle", **way) and states(here) == {"sent": 2})
        sent_to = [body["personalizations"][0]["to"][0]["email"] for body in api.bodies()]
        assert sorted(sent_to) == [ADA, BO]
    assert here.json("learners", "show", ADA)["enrolments"][0]["next_step"] == "second"


def test_the_doctor_asks_for_the_events(here: Terminal, account: Account) -> None:
    """Over SendGrid without its events the doctor warns, and says what to set."""
    way = {"DRIP_TRANSPORT": "sendgrid:", "DRIP_SENDGRID_API_KEY": "SG.x"}

    def warned(**more: str) -> list[str]:
        command = ["doctor", "--only", "sending", "--format", "json"]
        done = here.start(*command, **way, **more)
        out, _ = done.communicate(timeout=PATIENCE)
        return [row["type"] for row in json.loads(out) if row["check"] == "sending-events"]

    assert warned() == ['sendgrid_webhook_key = "MFkw…"']
    assert warned(DRIP_SENDGRID_WEBHOOK_KEY=account.verification_key) == []


@pytest.mark.parametrize("key", ["MFkw", "not base64!", "MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE="])
def test_a_key_that_is_none_is_refused(here: Terminal, key: str) -> None:
    """A piece of a key, no base64, a key of another kind (Ed25519): said before anything is served."""
    said = here.drip("status", code=1, DRIP_SENDGRID_WEBHOOK_KEY=key)
    assert "copy SendGrid's verification key, which begins with MFkw" in said.err
