"""The Postfix of the tests: it bounces as Postfix does, its milter says yes and no, and it leaves nothing behind."""

from __future__ import annotations

import email.policy
import os
import re
import signal
import smtplib
import subprocess
import sys
import time
from collections.abc import Callable
from email.parser import BytesParser
from pathlib import Path

from mail_server import MailServer
from postfix import HOST, WANTS_ROOT, postfix
from verifiers import ed25519, rsa

from drip.transports import dkim
from drip.transports.dkim_keys import public_record

pytestmark = WANTS_ROOT
TESTS = Path(__file__).parents[1]
MAIL = (
    b"From: a@acme.example\r\nTo: b@kund.example\r\nSubject: Hej\r\nDate: Thu, 05 Nov 2026 08:00:00 +0000\r\n"
    b"Message-ID: <1@acme.example>\r\n\r\nHej\r\n"
)


def came(server: MailServer, number: int) -> list[dict[str, object]]:
    """The first mails that have come to a server, once there are so many."""
    for _ in range(3000):
        if len(server.messages()) >= number:
            return server.messages()
        time.sleep(0.01)
    raise AssertionError(f"{len(server.messages())} mails came, {number} were to")


def test_it_bounces_what_the_next_hop_refuses(start_smtp_server: Callable[..., MailServer]) -> None:
    """A dead address behind it: a delivery status notification goes to the envelope's sender, with the reason and the
    mail's own headers."""
    hop = start_smtp_server(script={"RCPT": {"dead@kund.example": "550 5.1.1 No such user"}})
    with postfix(hop.port) as server, smtplib.SMTP("127.0.0.1", server.port) as talk:
        talk.sendmail("b-17@bounces.acme.example", ["dead@kund.example", "b@kund.example"], MAIL)
        messages = came(hop, 2)
    (bounce,) = [one for one in messages if one["mail_from"] == ""]
    assert bounce["rcpt_to"] == ["b-17@bounces.acme.example"]
    report = BytesParser(policy=email.policy.default).parsebytes(str(bounce["data"]).encode())
    assert report.get_content_type() == "multipart/report"
    assert "Final-Recipient: rfc822; dead@kund.example" in str(bounce["data"])
    assert "Status: 5.1.1" in str(bounce["data"])


def test_its_milter_says_yes_and_no(start_smtp_server: Callable[..., MailServer]) -> None:
    """Signed, unsigned, altered, and by a key that is not the published one: each gets its own verdict."""
    hop = start_smtp_server()
    key, other = rsa(), ed25519("s1")
    signed = dkim.sign(MAIL, [key])
    mails = {
        "pass": signed,
        "none": MAIL,
        "fail": signed.replace(b"Subject: Hej", b"Subject: Hallo"),
        "permerror": dkim.sign(MAIL, [other]),
    }
    with postfix(hop.port, records={key.name: public_record(key)}) as server:
        for verdict, content in mails.items():
            with smtplib.SMTP("127.0.0.1", server.port) as talk:
                talk.sendmail("a@acme.example", [f"{verdict}@kund.example"], content)
        messages = came(hop, 4)
    said = {one["rcpt_to"][0].partition("@")[0]: str(one["data"]) for one in messages}  # type: ignore[index] # a list
    for verdict, data in said.items():
        (head,) = re.findall(
            rf"^Authentication-Results: {re.escape(HOST)};(.*?)\r\n(?=\S)", data, re.MULTILINE | re.DOTALL
        )
        assert re.findall(r"\bdkim=(\w+)", head) == [verdict]


def test_nothing_is_left_behind_by_a_kill(tmp_path: Path) -> None:
    """The test run is killed: within seconds Postfix, its milter and their folder are gone."""
    program = """\
import time
from postfix import postfix
with postfix(1, records={}) as server:
    print(server.port, server.folder, flush=True)
    time.sleep(600)
"""
    process = subprocess.Popen(
        [sys.executable, "-c", program], cwd=TESTS, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stdout
    port, folder = process.stdout.readline().split()
    smtplib.SMTP("127.0.0.1", int(port)).quit()
    assert of_the_folder(folder)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    for _ in range(3000):
        if not of_the_folder(folder) and not Path(folder).exists():
            break
        time.sleep(0.01)
    assert not Path(folder).exists()
    assert of_the_folder(folder) == []


def of_the_folder(folder: str) -> list[str]:
    """The processes that stand in a folder or name it in their command."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            words = (place / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
            stands = os.readlink(place / "cwd")
        except OSError:
            continue
        if place.name != str(os.getpid()) and (folder in words or stands.startswith(folder)):
            found.append(words)
    return found
