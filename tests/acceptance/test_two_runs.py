"""Several `drip run` processes at once, on one SQLite file and one mail server: nothing goes twice, nothing is lost."""

from __future__ import annotations

import os
import re
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from academy import Academy, found_academy
from judge import judge
from mail_server import MailServer

#: More than one claim takes, so that two workers always have something to do.
LEARNERS, TIPS = 250, 2
COURSE = """\
title: Two tips
timing: {every: 0 minutes, between: "00:00-24:00", days: daily}
steps:
  - {tip: first, subject: The first tip, body: "Dear {{ learner.first_name }}, press *Save*."}
  - {tip: second, subject: The second tip, body: Press *Save* again.}
"""


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Academy:
    """Everybody is enrolled, and everything is due."""
    people = "".join(f"learner{n}@customer.example,Åsa {n}\n" for n in range(LEARNERS))
    academy = found_academy(
        tmp_path_factory.mktemp("runs") / "academy", {"course": COURSE}, f"email,first_name\n{people}"
    )
    academy.drip("enrol", "course", "--all")
    return academy


@pytest.fixture
def server(start_smtp_server: Callable[..., Any]) -> MailServer:
    return start_smtp_server()


@pytest.fixture
def academy(founded: Academy, server: MailServer, tmp_path: Path) -> Academy:
    """One of its own for each test."""
    return founded.copy(tmp_path / "academy", DRIP_TRANSPORT=server.url)


@contextmanager
def two_runs(academy: Academy) -> Iterator[tuple[subprocess.Popen[str], subprocess.Popen[str]]]:
    """Two that both wait to write into the database, and are let go at once."""
    command = ("run", "--until-idle")
    with academy.started(*command) as one, academy.started(*command) as other:
        with closing(sqlite3.connect(academy.database, isolation_level=None)) as pen:
            pen.execute("BEGIN IMMEDIATE")
            while not all(has_open(worker.pid, academy.database) for worker in (one, other)):
                time.sleep(0.01)
            pen.execute("ROLLBACK")
        yield one, other


def has_open(process: int, file: Path) -> bool:
    """Whether a process has this file open."""
    for handle in Path(f"/proc/{process}/fd").iterdir():
        try:
            if os.path.samefile(handle, file):
                return True
        except OSError:  # closed meanwhile
            continue
    return False


def ended(worker: subprocess.Popen[str]) -> str:
    """What a process said; it must have ended well."""
    told, _ = worker.communicate(timeout=120)
    assert worker.returncode == 0
    return told


def sent(told: str) -> int:
    """How many mails a run says that it sent."""
    return sum(int(number) for number in re.findall(r"(\d+) sent", told))


def everything_went_once(academy: Academy, server: MailServer) -> None:
    verdict = judge(server.log, academy.database)
    assert verdict.broken() == {}
    assert verdict.messages == LEARNERS * TIPS


def test_two_runs_at_once_share_the_work_and_send_nothing_twice(academy: Academy, server: MailServer) -> None:
    """Both send, each mail goes once, and what they say adds up; run once more, nothing is left to send."""
    with two_runs(academy) as workers:
        counts = [sent(ended(worker)) for worker in workers]
    assert all(counts)
    assert sum(counts) == LEARNERS * TIPS
    everything_went_once(academy, server)
    assert sent(academy.drip("run", "--until-idle")) == 0
    everything_went_once(academy, server)


def test_three_workers_send_each_mail_once(academy: Academy, server: MailServer) -> None:
    """`--workers 3 --until-idle` sends everything and ends well when all three have."""
    assert sent(academy.drip("run", "--workers", "3", "--until-idle")) == LEARNERS * TIPS
    everything_went_once(academy, server)


@pytest.mark.parametrize("after", [0, 1, 120], ids="after {} mails".format)
def test_sigterm_drains_all_workers(academy: Academy, server: MailServer, after: int) -> None:
    """SIGTERM to the parent of three, also while they start: exit 0, nobody holds anything, the rest goes once."""
    with academy.started("run", "--workers", "3") as parent:
        while not (len(children(parent.pid)) == 3 and len(server.messages()) >= after):
            time.sleep(0.01)
        workers = children(parent.pid)
        parent.send_signal(signal.SIGTERM)
        ended(parent)
        assert not any(Path(f"/proc/{worker}").exists() for worker in workers)
    stopped = judge(server.log, academy.database)
    assert stopped.leases == 0
    assert set(stopped.unsettled) <= {"retry"}
    academy.drip("run", "--until-idle")
    everything_went_once(academy, server)


def children(process: int) -> list[int]:
    """The processes that this one has started."""
    return [int(pid) for pid in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


def test_a_run_takes_over_from_one_that_was_killed(academy: Academy, server: MailServer) -> None:
    """Two run, one is killed: the other sends all that is left, and repeats only what the dead one had handed."""
    here = replace(academy, variables={**academy.variables, "DRIP_LEASE": "6", "DRIP_IN_DOUBT_AFTER": "0"})
    with two_runs(here) as (dead, alive):
        while not held_by(dead.pid, here, "handed"):
            time.sleep(0.002)
            assert dead.poll() is None, "it was never seen with a row handed: the test has shown nothing"
        dead.kill()
        dead.wait()
        in_doubt = held_by(dead.pid, here, "handed")
        ended(alive)
    verdict = judge(server.log, here.database)
    assert verdict.broken(repeats=len(in_doubt)) == {}
    assert verdict.mails == LEARNERS * TIPS
    assert set(verdict.repeated) <= in_doubt


def held_by(process: int, academy: Academy, state: str) -> set[int]:
    """The ledger rows in this state whose lease names the process."""
    with closing(sqlite3.connect(academy.database)) as ledger:
        query = "SELECT id FROM delivery WHERE state = ? AND leased_by LIKE ?"
        return {id_ for (id_,) in ledger.execute(query, (state, f"%-{process}-%"))}
