"""A mail server that misbehaves for days: who is tried how often, who is held in the end, and who never is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from mail_server import MailServer
from stage import PLAIN_COURSE, Stage, send_group, set_up

from drip.engine.claim import claim_due
from drip.engine.settle import Decision, settle, waiting
from drip.people import State
from drip.schedule.backoff import ATTEMPTS, DOUBTFUL_ATTEMPTS, PAUSE, retry_after
from drip.store import breaker
from drip.store.ledger import Delivery, Phase
from drip.transports.smtp import Smtp
from drip.transports.smtp_batch import LOST_IN_A_ROW, REFUSED_IN_A_ROW

ONE_TIP = PLAIN_COURSE.split("  - {tip: tip-2")[0]
ADA = "learner1@customer.example"
Start = Callable[..., MailServer]


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    stage = set_up(tmp_path)
    stage.publish(ONE_TIP)
    return stage


def over_smtp(stage: Stage, server: MailServer, **options: object) -> None:
    smtp = Smtp("127.0.0.1", server.port, **{"connections": 2, "timeout": 20, **options})  # type: ignore[arg-type]
    stage.sending = stage.other_worker("worker-1", transport=smtp)


def row_of(stage: Stage, email: str) -> Delivery:
    standing = stage.standing(email)
    return next(row for row in stage.rows() if row.enrolment_id == standing.enrolment.id)


def copies(server: MailServer) -> Counter[str]:
    """address → how many mails the server took for it."""
    return Counter(message["rcpt_to"][0] for message in server.messages())


def test_a_mailbox_that_is_always_busy_is_tried_sixteen_times(stage: Stage, start_smtp_server: Start) -> None:
    """Each time when its backoff says; then it is held, with the server's words, and a person can have it tried on.
    The others had their mail at once."""
    server = start_smtp_server(script={"RCPT": {ADA: "450 4.2.1 mailbox busy"}})
    over_smtp(stage, server)
    stage.people(4)
    assert stage.deliver().sent == 3
    for attempts in range(1, ATTEMPTS):
        row = row_of(stage, ADA)
        assert (row.state, row.attempts) == (Phase.RETRY, attempts)
        assert row.due_at == stage.clock() + (retry_after(row.id, attempts) or timedelta(0))
        stage.clock.now = row.due_at - timedelta(seconds=1)
        assert stage.deliver().retried == 0
        stage.clock.now = row.due_at
        stage.deliver()
    row = row_of(stage, ADA)
    assert (row.state, row.attempts) == (Phase.HELD, ATTEMPTS)
    assert row.answer == "handed over 16 times, the last answer: 450 4.2.1 mailbox busy"
    assert [one.problem for one in waiting(stage.store)] == [row.answer]
    assert len([event for event in server.events("line") if f"<{ADA}>" in event["line"]]) == ATTEMPTS
    stage.live(days=3)
    assert row_of(stage, ADA).attempts == ATTEMPTS, "nothing happens to it by itself"
    server.become(script={})
    settle(stage.store, Decision.RETRY, now=stage.clock())
    assert stage.deliver().sent == 1
    assert set(copies(server).values()) == {1}


@pytest.mark.parametrize(
    ("stage_", "reply"),
    [
        ("connect", "421 4.3.2 Too many connections +cut"),
        ("MAIL", "452 4.3.1 You are over your quota"),
        ("MAIL", "421 4.7.0 Too fast +cut"),
        ("MAIL", "550 5.4.5 Daily quota exceeded"),
        ("RCPT", "452 4.5.3 Too many recipients today"),
        ("RCPT", "550 5.1.1 No such user"),
        ("RCPT", "554 5.7.1 You are on a list"),
        ("dot", "451 4.7.0 Rate limit"),
        ("dot", "554 5.7.1 Daily quota exceeded"),
    ],
)
def test_a_no_to_everybody_for_three_days_is_nobodys(
    stage: Stage, start_smtp_server: Start, stage_: str, reply: str
) -> None:
    """Longer than any mail would be tried alone: the breaker tells it, few are bothered, nobody is failed or held, and
    when it is over everything arrives, once."""
    server = start_smtp_server(script={stage_: [reply]})
    over_smtp(stage, server)
    emails = stage.people(15)
    stage.live(days=3, hours=1)
    assert {row.state for row in stage.rows()} == {Phase.RETRY}
    with stage.store.read() as conn:
        trouble = breaker.read(conn, stage.sending.transport.name)
    assert trouble is not None
    assert reply.removesuffix(" +cut")[:20] in trouble.words
    # a probe each hour: of one mail, or of a row where only the row shows what it is
    tried = [event for event in server.events("line") if event["line"].startswith("MAIL")]
    assert len(tried) <= 73 * (REFUSED_IN_A_ROW + 2)
    server.become(script={})
    stage.live(days=1)
    assert copies(server) == dict.fromkeys(emails, 1)
    assert {row.state for row in stage.rows()} == {Phase.SENT}


def test_greylisting_delays_each_mail_once_and_stops_nothing(stage: Stage, start_smtp_server: Start) -> None:
    """A server that turns every stranger away once, two hundred of them: all arrive ten minutes later; no alarm."""
    emails = [f"learner{n}@customer.example" for n in range(200)]
    server = start_smtp_server(script={"RCPT": {email: ["451 4.7.1 Greylisted", "ok"] for email in emails}})
    over_smtp(stage, server)
    stage.people(200)
    tally = stage.deliver()
    assert (tally.retried, tally.trouble) == (200, None)
    stage.clock.turn(minutes=7)
    assert stage.deliver().sent == 200
    assert copies(server) == dict.fromkeys(emails, 1)


def test_greylisting_that_does_not_say_so_is_survived(stage: Stage, start_smtp_server: Start) -> None:
    """The same without the word looks like a quota: the queue goes on in rows of ten, and all arrive within hours."""
    emails = [f"learner{n}@customer.example" for n in range(100)]
    server = start_smtp_server(script={"RCPT": {email: ["450 4.7.1 Come back later", "ok"] for email in emails}})
    over_smtp(stage, server)
    stage.people(100)
    stage.live(days=0.2, hours=0.02)
    assert copies(server) == dict.fromkeys(emails, 1)


def test_a_mail_that_breaks_the_connection_each_time_is_held(stage: Stage, start_smtp_server: Start) -> None:
    """Taken, and hung up upon before saying so, always: five copies at most, all the same, with growing pauses; then a
    person decides. The others go."""
    server = start_smtp_server(script={"dot": {ADA: "take and cut"}})
    over_smtp(stage, server)
    stage.people(10)
    assert stage.deliver().sent == 9
    stage.live(days=4)
    row = row_of(stage, ADA)
    assert row.state is Phase.HELD
    assert "handed over 5 times" in row.answer
    assert "after the final dot" in row.answer
    same = [message["data"] for message in server.messages() if message["rcpt_to"] == [ADA]]
    assert len(same) == DOUBTFUL_ATTEMPTS
    assert len(set(same)) == 1, "Message-ID, Date and every byte are the same"
    settle(stage.store, Decision.SENT, now=stage.clock())
    assert stage.standing(ADA).enrolment.state is State.FINISHED


def test_a_server_that_takes_and_never_says_so_gets_few_copies(stage: Stage, start_smtp_server: Start) -> None:
    """For an hour it hangs up after each dot: one mail a probe is risked, and not ten, and none more than twice."""
    server = start_smtp_server(script={"dot": ["take and cut"]})
    over_smtp(stage, server, connections=10)
    emails = stage.people(40)
    stage.live(days=1 / 24, hours=1 / 120)  # a look each half minute
    assert {row.state for row in stage.rows()} <= {Phase.RETRY, Phase.IN_DOUBT}
    assert len(server.messages()) <= LOST_IN_A_ROW + 9 + 12, "those under way when it began, and a dozen probes"
    server.become(script={})
    stage.live(days=1)
    assert set(copies(server)) == set(emails)
    assert max(copies(server).values()) <= 3
    assert len({message["data"] for message in server.messages()}) == len(emails)


def test_a_sender_who_is_refused_does_not_stop_other_courses(tmp_path: Path, start_smtp_server: Start) -> None:
    """One course writes from an address that the server refuses: the other's mails go, the first's wait."""
    stage = set_up(tmp_path)
    stage.publish(ONE_TIP.replace("learn@acme.example", "wrong@other.example"), name="refused")
    stage.publish(ONE_TIP, name="good")
    server = start_smtp_server(script={"MAIL": {"wrong@other.example": "553 5.7.1 Sender not owned by you"}})
    over_smtp(stage, server)
    emails = [f"learner{n}@customer.example" for n in range(100)]
    stage.add(*emails)
    for stage.course_id in ("refused", "good"):
        stage.enrol()
    stage.live(days=1 / 24, hours=0.02)
    assert copies(server) == dict.fromkeys(emails, 1)
    assert {message["mail_from"] for message in server.messages()} == {"learn@acme.example"}
    states = Counter(row.state for row in stage.rows())
    assert states[Phase.SENT] == 100
    assert states[Phase.RETRY] + states[Phase.HELD] == 100
    server.become(script={})
    settle(stage.store, Decision.RETRY, now=stage.clock())
    stage.live(days=1)
    assert copies(server) == dict.fromkeys(emails, 2)


def test_workers_who_meet_the_same_trouble_at_once_are_one_trip(stage: Stage) -> None:
    """Eight in one instant: the pause is the first one's, and not two hours because each added its own."""
    stage.people(8)
    workers: list[Any] = []
    for number in range(8):
        sending = stage.other_worker(f"worker-{number}", transport=Smtp("127.0.0.1", 1, timeout=20))
        workers.append((sending, claim_due(sending, now=stage.clock(), limit=1).parcels))
    for sending, parcels in workers:
        assert send_group(sending, parcels).trouble
    with stage.store.read() as conn:
        [trouble] = breaker.listed(conn)
    assert trouble.until == stage.clock() + PAUSE
    assert {row.state for row in stage.rows()} == {Phase.RETRY}
