"""What the tests of crashes share: an academy whose mails all fall due at once, and looks at what a process left."""

from __future__ import annotations

import subprocess
import time
from collections import Counter
from pathlib import Path

from academy import Academy, found_academy
from judge import read_ledger, read_log
from mail_server import MailServer

#: More learners than may be in doubt at once, so that the bound can be broken.
LEARNERS, TIPS = 100, 3
#: Promise 3: in doubt after a kill are at most the connections (ten, unless the URL says otherwise) and a group of 50.
IN_DOUBT = 10 + 50
#: A peer that takes its time: most moments of a run are then moments in which rows are handed.
SLOW = {"script": {}, "extensions": ["PIPELINING"], "delay": 0.003}


def course(number: int) -> str:
    """Tips that fall due one after the other without a gap, at any hour."""
    timing = '{every: 0 minutes, between: "00:00-24:00", days: daily}'
    lines = [f"title: Course {number}", f"timing: {timing}", "steps:"]
    for n in range(1, TIPS + 1):
        lines += [f"  - tip: tip-{n}", f"    subject: Tip {n} of course {number}"]
        lines += ["    body: 'Dear {{ learner.first_name }}, press *Save*.'"]
    return "\n".join(lines) + "\n"


def found(folder: Path, *, learners: int = LEARNERS, **variables: str) -> Academy:
    """The learners, and a course; nobody is enrolled yet."""
    people = "".join(f"learner{n}@customer.example,Åsa {n}\n" for n in range(learners))
    return found_academy(folder, {"course-1": course(1)}, f"email,first_name\n{people}", **variables)


def wait_for(server: MailServer, messages: int, process: subprocess.Popen[str]) -> None:
    """Wait until the server has taken so many messages, or the process has ended by itself."""
    while process.poll() is None and taken(server) < messages:
        time.sleep(0.002)


def taken(server: MailServer) -> int:
    """How many messages the server has taken."""
    return server.log.read_bytes().count(b'"event": "message"') if server.log.exists() else 0


def handed_by(process: int, academy: Academy) -> list[int]:
    """The ledger rows that this process had handed, and not marked, when it ended."""
    rows, _ = read_ledger(academy.database)
    return [row.id for row in rows if row.state == "handed" and f"-{process}-" in str(row.leased_by)]


def everyone_got(server: MailServer, *, learners: int = LEARNERS) -> None:
    """Each learner has each tip, whatever came twice."""
    got = {(message.rcpt_to, message.subject) for message in read_log(server.log)}
    assert len({subject for _, subject in got}) == TIPS
    per_learner = Counter(address for address, _ in got)
    assert per_learner == {f"learner{n}@customer.example": TIPS for n in range(learners)}
