"""PostgreSQL is stopped in the middle, as by a crash, and started again: nothing is lost, and nobody falls over."""

from __future__ import annotations

import random
import re
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from academy import BASE_URL, Academy, found_academy
from crashing import IN_DOUBT
from judge import OPEN_STATES, judge, read_ledger
from mail_sink import MailSink, mail_sink
from postgres import DURABLE, Server, cluster

LEARNERS, TIPS, STOPS = 1_500, 2, 3
#: What nobody has heard the end of is not sent again before the worker that sent it could say so.
PATIENCE = {"DRIP_LEASE": "10", "DRIP_IN_DOUBT_AFTER": "20"}
COURSE = """\
title: Two tips
timing: {every: 0 minutes, between: "00:00-24:00", days: daily}
steps:
  - {tip: first, subject: The first tip, body: "Dear {{ learner.first_name }}, press *Save*."}
  - {tip: second, subject: The second tip, body: Press *Save* again.}
"""


@pytest.fixture
def server() -> Iterator[Server]:
    """A PostgreSQL of our own, that keeps what it has committed; it is not running yet."""
    with cluster(*DURABLE) as server:
        yield server


@pytest.fixture
def sink(tmp_path: Path) -> Iterator[MailSink]:
    with mail_sink(tmp_path / "sink") as sink:
        yield sink


def taken(sink: MailSink) -> int:
    """How many messages the sink has taken."""
    return sink.log.read_bytes().count(b"X-Rcpt-Args") if sink.log.exists() else 0


def found(folder: Path, server: Server, sink: MailSink, learners: int) -> Academy:
    """Everybody is enrolled, and everything is due."""
    people = "".join(f"learner{n}@customer.example,Åsa {n}\n" for n in range(learners))
    variables = {"DRIP_DATABASE_URL": server.url(server.create()), "DRIP_TRANSPORT": sink.url, **PATIENCE}
    academy = found_academy(folder, {"course": COURSE}, f"email,first_name\n{people}", **variables)
    academy.drip("enrol", "course", "--all")
    return academy


def test_a_database_that_stops_in_the_middle_loses_nothing(server: Server, sink: MailSink, tmp_path: Path) -> None:
    """Stopped three times at random while two workers send: they wait, go on, and end well. Everybody gets every tip.

    A mail may come twice only where nobody could write down that it had gone, within promise 3; and as the same.
    """
    seed = random.randrange(1_000_000)
    print(f"seed {seed}")
    dice = random.Random(seed)
    log = tmp_path / "log"
    with ExitStack() as all_of_it:
        up = all_of_it.enter_context(ExitStack())
        up.enter_context(server.running())
        academy = found(tmp_path / "academy", server, sink, LEARNERS)
        stderr = all_of_it.enter_context(log.open("w"))
        crew = [all_of_it.enter_context(academy.started("run", stderr=stderr)) for _ in range(2)]
        for stop in range(STOPS):
            mails = (stop + dice.random()) * LEARNERS * TIPS / (STOPS + 1)
            while taken(sink) <= mails:
                assert all(worker.poll() is None for worker in crew)
                time.sleep(0.005)
            up.close()  # ended at once, and its connections are cut
            print(f"stopped at message {taken(sink)}")
            refused = academy.drip("status", exit_code=3)
            assert "the database postgresql://drip@/" in refused
            assert all(worker.poll() is None for worker in crew)
            up.enter_context(server.running())
        while judge(sink.log, academy.database).mails < LEARNERS * TIPS or still_open(academy):
            assert all(worker.poll() is None for worker in crew)
            time.sleep(0.5)
        for worker in crew:
            worker.terminate()
        assert [worker.wait(60) for worker in crew] == [0, 0]
        verdict = judge(sink.log, academy.database)
    said = log.read_text()
    assert "Traceback" not in said
    # whoever is met while a group is being marked waits right there; whoever is met between, until the next tick
    assert "is not written yet" in said or "tried again in" in said
    assert ("it goes again" in said) == ("tried again in" in said)
    print(f"repeated: {sum(verdict.repeated.values())}")
    assert verdict.broken(repeats=STOPS * len(crew) * IN_DOUBT) == {}
    assert verdict.mails == LEARNERS * TIPS


def still_open(academy: Academy) -> bool:
    """Whether any mail has no outcome yet."""
    rows, unfinished = read_ledger(academy.database)
    return unfinished > 0 or any(row.state in OPEN_STATES for row in rows)


def test_a_link_is_answered_when_the_database_is_back(server: Server, sink: MailSink, tmp_path: Path) -> None:
    """While it is away a press is answered with a 503; afterwards it counts, in the same process."""
    with ExitStack() as all_of_it:
        up = all_of_it.enter_context(ExitStack())
        up.enter_context(server.running())
        academy = found(tmp_path / "academy", server, sink, 1)
        academy.drip("run", "--until-idle")
        link = re.findall(rf"List-Unsubscribe: <{BASE_URL}(/u/[^>]+)>", sink.log.read_text("ascii"))[0]
        with academy.serving("2026-11-24T12:00Z") as address:
            assert get(f"{address}{link}") == 200
            up.close()
            assert get(f"{address}{link}") == 503
            up.enter_context(server.running())
            assert get(f"{address}{link}") == 200
            assert get(f"{address}{link}", b"List-Unsubscribe=One-Click") == 200
        assert academy.told("learners", "show", "learner0@customer.example")["suppressed"] == "unsubscribed"


def get(address: str, data: bytes | None = None) -> int:
    """The status of an answer."""
    try:
        with urllib.request.urlopen(address, data, timeout=30) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def test_a_stop_is_not_kept_waiting_by_a_database_that_is_away(server: Server, sink: MailSink, tmp_path: Path) -> None:
    """SIGTERM while nothing answers: it ends soon, and well, for there is nothing that it could do."""
    with ExitStack() as up:
        up.enter_context(server.running())
        academy = found(tmp_path / "academy", server, sink, 1)
        log = tmp_path / "log"
        with log.open("w") as stderr, academy.started("run", stderr=stderr) as worker:
            while taken(sink) < TIPS or still_open(academy):  # what has gone is marked: it waits for nothing but a tick
                time.sleep(0.02)
            up.close()
            while "tried again in" not in log.read_text():
                time.sleep(0.02)
            worker.terminate()
            assert worker.wait(60) == 0
