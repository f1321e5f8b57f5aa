"""The mail server is down for an hour in the middle of a run: everything arrives afterwards, once, at the allowed pace.

The hour is virtual: a look at the queue each 10 seconds, as `drip run` looks each 2.
"""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from mail_server import MailServer, mail_server, reserved_port
from sqlalchemy import event
from stage import START, Stage, set_up

from drip.engine.deliver import deliver_due
from drip.people import State
from drip.store import breaker
from drip.store.breaker import Trouble
from drip.store.ledger import Phase
from drip.transports.smtp import Smtp

HEAD = "title: Course\nsender: {name: Acme Academy, email: learn@acme.example}\nsteps:\n"
#: From one connection attempt to the next half a minute, doubled up to ten: ten in an hour, and one in hand.
ATTEMPTS_AN_HOUR = 11
LOOK_EACH = timedelta(seconds=10)


def course(timing: str, tips: int) -> str:
    steps = [f"  - {{tip: tip-{n}, subject: Tip {n}, body: 'Dear {{{{ learner.first_name }}}}.'}}" for n in range(tips)]
    return HEAD.replace("steps:", f"timing: {timing}\nsteps:") + "\n".join(steps) + "\n"


@pytest.fixture
def port() -> Iterator[int]:
    """The server's, whether it is there or not."""
    with reserved_port() as port:
        yield port


@pytest.fixture
def start(port: int, tmp_path: Path) -> Callable[..., Any]:
    """Start the server, on its port and with its log: each time the same server, as far as anybody can see."""
    return lambda **options: mail_server(tmp_path / "smtp.jsonl", port=port, **options)


def over_smtp(stage: Stage, port: int) -> None:
    stage.sending = stage.other_worker("worker-1", transport=Smtp("127.0.0.1", port, timeout=20, connections=10))


def an_hour(stage: Stage) -> None:
    end = stage.clock() + timedelta(hours=1)
    while stage.clock() < end:
        stage.deliver()
        stage.clock.now += LOOK_EACH


def trouble_of(stage: Stage) -> Trouble | None:
    with stage.store.read() as conn:
        return breaker.read(conn, stage.sending.transport.name)


@contextmanager
def counting_writes(stage: Stage) -> Iterator[Counter[str]]:
    """Rows that statements changed, by table."""
    changed: Counter[str] = Counter()

    def count(conn: Any, cursor: Any, statement: str, parameters: Any, context: Any, many: bool) -> None:
        found = re.match(r"(?:UPDATE|INSERT INTO|DELETE FROM) (\w+)", statement)
        if found and cursor.rowcount > 0:
            changed[found[1]] += cursor.rowcount

    event.listen(stage.store.engine, "after_cursor_execute", count)
    yield changed
    event.remove(stage.store.engine, "after_cursor_execute", count)


def got(server: MailServer) -> Counter[tuple[str, str]]:
    """(address, subject) → how many times."""
    subject = re.compile(r"^Subject: (.*?)\r?$", re.MULTILINE)
    return Counter((message["rcpt_to"][0], subject.findall(message["data"])[0]) for message in server.messages())


@pytest.mark.parametrize(
    ("learners", "way"), [(5000, "nobody listens"), (500, "421 4.3.2 Down for repairs +cut"), (500, "cut")]
)
def test_an_hour_without_a_server_in_the_middle_of_a_run(
    tmp_path: Path, port: int, start: Callable[..., Any], learners: int, way: str
) -> None:
    """All arrive, once each; nobody is failed or held, no attempt is counted; in the whole hour the server is
    asked eleven times and the database is left in peace."""
    stage, stops_after = set_up(tmp_path), learners * 2 // 5
    stage.publish(course("{every: 1 day}", tips=1))
    stage.people(learners)
    over_smtp(stage, port)
    with start(script={}, stops_after=stops_after) as server:
        assert stage.deliver().trouble is not None
        server.process.wait(60)
        before = len(server.messages())
        assert stops_after <= before < stops_after + 100, "it stopped in the middle"
    knocks = len(server.events("open"))
    with counting_writes(stage) as changed:
        if way == "nobody listens":
            an_hour(stage)
        else:
            with start(script={"connect": [way]}):
                an_hour(stage)
                knocks = len(server.events("open")) - knocks
                assert 5 <= knocks <= ATTEMPTS_AN_HOUR
    trouble = trouble_of(stage)
    assert trouble is not None
    assert 5 <= trouble.trips <= ATTEMPTS_AN_HOUR
    rows = stage.rows()
    assert {row.state for row in rows} == {Phase.SENT, Phase.RETRY}
    assert {row.attempts for row in rows if row.state is Phase.RETRY} == {0}
    assert len(server.messages()) == before
    # a probe claims 200 rows, hands 50 and puts all back
    assert changed["delivery"] <= ATTEMPTS_AN_HOUR * 600
    assert sum(changed.values()) <= ATTEMPTS_AN_HOUR * 1000

    with start(script={}):
        stage.clock.now = trouble.until
        assert stage.deliver().sent == learners - before
        assert trouble_of(stage) is None
        stage.live(days=0.1)
    assert got(server) == {(f"learner{n}@customer.example", "Tip 0"): 1 for n in range(learners)}
    assert {(row.state, row.attempts) for row in stage.rows()} == {(Phase.SENT, 1)}


def test_a_server_that_dies_in_the_middle_of_a_mail(tmp_path: Path, port: int, start: Callable[..., Any]) -> None:
    """Killed while ten connections are at work: nobody is lost; at most those ten come twice, and the same."""
    stage = set_up(tmp_path)
    stage.publish(course("{every: 1 day}", tips=1))
    emails = stage.people(600)
    over_smtp(stage, port)
    with start(script={}) as server:
        stops = iter(range(10**9))

        def kill_in_the_middle() -> bool:
            if next(stops) == 8:  # asked between groups of fifty: the next one meets a dying server
                threading.Timer(0.01, server.process.kill).start()
            return False

        deliver_due(stage.sending, stop=kill_in_the_middle)
        server.process.wait(60)
        assert 0 < len(server.messages()) < 600
    an_hour(stage)
    assert {row.state for row in stage.rows()} <= {Phase.SENT, Phase.RETRY, Phase.IN_DOUBT}
    with start(script={}):
        stage.live(days=0.5, hours=0.25)
    copies = got(server)
    assert {address for address, _ in copies} == set(emails)
    assert copies.total() <= len(emails) + 10
    assert len({message["data"] for message in server.messages()}) == len(emails)
    assert {row.state for row in stage.rows()} == {Phase.SENT}


def test_after_the_outage_windows_and_gaps_still_hold(tmp_path: Path, port: int, start: Callable[..., Any]) -> None:
    """Down from 11:30 to 12:30, and the window shut at 12:00: whoever waited gets their tip the next morning, the one
    after it a day later, and never two in one day; whoever had theirs in time is not delayed."""
    stage = set_up(tmp_path)
    timing = '{every: 1 day, between: "08:00-12:00", limit: 1 per day, timezone: UTC}'
    stage.publish(course(timing, tips=3))
    early = [f"early{n}@customer.example" for n in range(30)]
    late = [f"late{n}@customer.example" for n in range(70)]
    stage.add(*early, *late)
    over_smtp(stage, port)
    at: dict[str, list[datetime]] = {}
    seen = 0

    def look(server: MailServer) -> None:
        nonlocal seen
        stage.deliver()
        messages = server.messages()
        for message in messages[seen:]:
            at.setdefault(message["rcpt_to"][0], []).append(stage.clock())
        seen = len(messages)

    def live(server: MailServer, until: datetime) -> None:
        while stage.clock() < until:
            look(server)
            stage.clock.turn(minutes=10)

    day = START.replace(hour=0)
    with start(script={}) as server:
        stage.clock.now = day.replace(hour=11)
        stage.enrol(*early)
        live(server, day.replace(hour=11, minute=30))
    stage.enrol(*late)
    live(server, day.replace(hour=12, minute=30))
    assert set(at) == set(early)
    with start(script={}):
        live(server, day + timedelta(days=6))

    for number, email in enumerate((*early, *late)):
        days = [sent_at.date() - day.date() for sent_at in at[email]]
        first = 0 if number < len(early) else 1
        assert days == [timedelta(days=first + n) for n in range(3)], email
        assert all(8 <= sent_at.hour < 12 for sent_at in at[email])
        assert stage.standing(email).enrolment.state is State.FINISHED
