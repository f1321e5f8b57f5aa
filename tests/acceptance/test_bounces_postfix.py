"""A course goes out through a real Postfix, and what a real Postfix sends back is read: into a Maildir, and by a pipe.

The mail server behind it refuses; Postfix writes the reports, and delivers them itself to the return addresses.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from academy import Academy, found_academy
from mail_server import mail_server
from postfix import WANTS_ROOT, Postfix, postfix

pytestmark = WANTS_ROOT

COURSE = """\
title: Two tips
sender: {name: Acme Academy, email: learn@acme.example, reply_to: help@acme.example, bounces: bounces.acme.example}
timing: {every: 1 day, at: "09:00", timezone: UTC}
steps:
  - {tip: first, subject: The first, body: One.}
  - {tip: second, subject: The second, body: Two.}
"""
PEOPLE = "email\n" + "".join(f"{name}@customer.example\n" for name in ("dead", "fine", "full", "large", "spam"))
#: What the next server says to them.
SCRIPT = {
    "RCPT": {"dead@customer.example": "550 5.1.1 No such user here"},
    "dot": {
        "full@customer.example": "552 5.2.2 Mailbox full",
        "large@customer.example": "552 5.3.4 Message size exceeds fixed limit",
        "spam@customer.example": "554 5.7.1 Rejected as spam by our policy",
    },
}
#: Every address of the domain is one Maildir's (Postfix, virtual(8)).
MAILDIR = {
    "virtual_mailbox_domains": "bounces.acme.example",
    "virtual_mailbox_maps": "static:box/",
    "virtual_mailbox_base": "{folder}/boxes",
    "virtual_uid_maps": "static:65534",
    "virtual_gid_maps": "static:65534",
    "virtual_transport": "virtual",
}
#: Every address of the domain is a pipe's (Postfix, pipe(8)), which tries again when it is told to.
PIPE = {
    "transport_maps": "inline:{ {bounces.acme.example = drip-bounces:} }",
    "drip-bounces_destination_recipient_limit": "1",
    "minimal_backoff_time": "1s",
}
#: A pipe's command may not be root, and this workspace may be root's: it hands the mail over, and the answer back.
BRIDGE = """\
cd "$1"
cat >"mail.$$.part" && mv "mail.$$.part" "mail.$$"
until [ -e "answer.$$" ]; do sleep 0.05; done
exit "$(cat "answer.$$")"
"""
DAY = "2035-03-05"


def eventually(happened: Callable[[], bool], server: Postfix) -> None:
    for _ in range(6000):
        if happened():
            return
        time.sleep(0.01)
    raise AssertionError(server.log)


@pytest.fixture
def behind(tmp_path: Path) -> Iterator[int]:
    """The port of the server that has the mailboxes."""
    with mail_server(tmp_path / "smtp.jsonl", script=SCRIPT) as server:
        yield server.port


def course_goes_out(folder: Path, server: Postfix) -> Academy:
    academy = found_academy(folder, {"two": COURSE}, PEOPLE, DRIP_TRANSPORT=server.url)
    academy.drip("enrol", "two", "--all", "--at", f"{DAY}T06:00Z")
    assert "5 sent" in academy.drip("run", "--until-idle", "--send-early", "--now", f"{DAY}T09:00Z")
    return academy


def test_reports_into_a_maildir_are_fetched_and_matched(tmp_path: Path, behind: int) -> None:
    """Unknown, full, too large, unwanted: four reports by Postfix, four verdicts, one address that gets no more."""
    with postfix(behind, settings=MAILDIR, services=["virtual unix - n n - - virtual"]) as server:
        boxes = server.folder / "boxes"
        boxes.mkdir()
        shutil.chown(boxes, "nobody")
        academy = course_goes_out(tmp_path / "academy", server)
        eventually(lambda: len(list(boxes.glob("box/new/*"))) == 4, server)
        with (academy.folder / "drip.toml").open("a", encoding="utf-8") as file:
            file.write(f'\n[bounces]\nmaildir = "{boxes / "box"}"\n')
        rows = sorted(academy.told("bounces", "fetch"), key=lambda row: row["recipient"])
        assert [(row["kind"], row["recipient"].partition("@")[0], row["verdict"], row["done"]) for row in rows] == [
            ("bounce", "dead", "hard", "suppressed, bounced"),
            ("bounce", "full", "soft", "noted"),
            ("bounce", "large", "other", "noted"),
            ("bounce", "spam", "other", "noted"),
        ]
        assert [row["status"] for row in rows] == ["5.1.1", "5.2.2", "5.3.4", "5.7.1"]
        assert len({row["delivery"] for row in rows} - {None}) == 4
        assert academy.told("bounces", "fetch") == []
        assert "4 sent" in academy.drip("run", "--until-idle", "--send-early", "--now", "2035-03-06T09:00Z")
        state = academy.told("learners", "show", "dead@customer.example")["enrolments"][0]["state"]
        assert state not in ("active", "finished")


def test_a_pipe_that_cannot_take_a_report_gets_it_again(tmp_path: Path, behind: int) -> None:
    """`drip bounces read -` behind Postfix's pipe(8): while its database is gone Postfix keeps the report, later it is
    taken; and a report that was taken is gone from the queue.
    """
    service = "drip-bounces unix - n n - 1 pipe flags=DRX user=nobody argv=/bin/sh {folder}/bridge.sh {folder}/bridge"
    with postfix(behind, settings=PIPE, services=[service]) as server:
        bridge = server.folder / "bridge"
        bridge.mkdir()
        shutil.chown(bridge, "nobody")
        (server.folder / "bridge.sh").write_text(BRIDGE)
        academy = course_goes_out(tmp_path / "academy", server)
        academy.drip("pause", "two")

        def take(**variables: str) -> tuple[int, str]:
            eventually(lambda: bool([one for one in bridge.glob("mail.*") if one.suffix != ".part"]), server)
            mail = next(one for one in bridge.glob("mail.*") if one.suffix != ".part")
            own = {name: value for name, value in os.environ.items() if not name.startswith("DRIP_")}
            command = [sys.executable, "-m", "drip", "bounces", "read", "-"]
            with mail.open("rb") as content:
                done = subprocess.run(
                    command,
                    cwd=academy.folder,
                    env={**own, **variables},
                    stdin=content,
                    capture_output=True,
                    text=True,
                    check=False,
                )
            mail.unlink()
            answer = bridge / mail.name.replace("mail", "answer")
            (bridge / "part").write_text(str(done.returncode))
            (bridge / "part").rename(answer)
            return done.returncode, done.stdout

        code, _ = take(DRIP_DATABASE_URL="sqlite:///gone/drip.db")
        assert code == 75
        eventually(lambda: "status=deferred" in server.log, server)
        for _ in range(3):
            assert take()[0] == 0
        eventually(lambda: server.log.count("status=sent (delivered via drip-bounces service)") == 3, server)
        time.sleep(1)  # Postfix's own shortest pause before it tries again
        flush = ["postkick", "-c", server.folder / "etc", "public", "qmgr", "FADI"]  # as postqueue -f
        # the queue manager may hang up just as it is asked, and postkick ends by SIGPIPE then
        eventually(lambda: subprocess.run(flush, check=False).returncode == 0, server)
        assert take()[0] == 0
        eventually(lambda: server.log.count("status=sent (delivered via drip-bounces service)") == 4, server)
        verdicts = [row["item"] for name in ("dead", "full", "large", "spam") for row in evidence(academy, name)]
        assert verdicts == ["hard", "soft", "other", "other"]


def evidence(academy: Academy, name: str) -> list[dict[str, str]]:
    told = academy.told("learners", "show", f"{name}@customer.example")["evidence"]
    return [row for row in told if row["kind"] == "bounce"]


def test_replies_reach_the_courses_own_address(tmp_path: Path, behind: int) -> None:
    """What a person answers goes to `reply_to`, which is no address of drip's: it stands in every mail as it was
    written, while the envelope names the bounce domain.
    """
    with mail_server(tmp_path / "all.jsonl") as taking:
        academy = found_academy(tmp_path / "academy", {"two": COURSE}, PEOPLE, DRIP_TRANSPORT=taking.url)
        academy.drip("enrol", "two", "--all", "--at", f"{DAY}T06:00Z")
        academy.drip("run", "--until-idle", "--send-early", "--now", f"{DAY}T09:00Z")
        for mail in taking.messages():
            assert mail["data"].count("\nReply-To: help@acme.example\r\n") == 1
            assert mail["mail_from"].endswith("@bounces.acme.example")
            assert "bounces.acme.example" not in mail["data"].partition("\r\n\r\n")[0]
        assert len(taking.messages()) == 5
