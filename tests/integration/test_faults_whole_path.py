"""Every way in which a mail server misbehaves, through the whole path: what the ledger says, and how it ends.

The rows stand in faults.py. Course, claim, ledger and transport are the real ones; the server is a process of its own,
which does what its row says, and then is well again.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from faults import ALL_SENT, FAULTS, NOBODY, Fault
from mail_server import MailServer, mail_server, self_signed
from stage import OPENED, PLAIN_COURSE, Stage, set_up

from drip.engine.settle import Decision, settle, waiting
from drip.people import State
from drip.schedule.backoff import FIRST, PAUSE, retry_after
from drip.store import breaker
from drip.store.breaker import Trouble
from drip.store.ledger import Delivery, Phase
from drip.transports.smtp import Smtp

TWO_TIPS = PLAIN_COURSE.split("  - {tip: tip-3")[0]
LEARNERS = 5
#: A server that misbehaves in no way: what each row's becomes in the end.
WELL = {"script": {}, "extensions": ["AUTH PLAIN LOGIN"]}


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    """Five learners, whose first tip is due."""
    stage = set_up(tmp_path)
    stage.publish(TWO_TIPS)
    stage.people(LEARNERS)
    return stage


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MailServer]:
    """One process for all rows; it becomes what each says."""
    with mail_server(tmp_path_factory.mktemp("faults") / "smtp.jsonl", script={}) as server:
        yield server


@pytest.fixture
def server(process: MailServer) -> MailServer:
    """Nothing in its log is from another row."""
    process.log.write_text("")
    return process


def over_smtp(stage: Stage, server: MailServer, **options: object) -> None:
    smtp = Smtp("127.0.0.1", server.port, **{"connections": 1, "timeout": 20, **options})  # type: ignore[arg-type]
    stage.sending = stage.other_worker("worker-1", transport=smtp)


def trouble_of(stage: Stage) -> Trouble | None:
    with stage.store.read() as conn:
        return breaker.read(conn, stage.sending.transport.name)


def stands(stage: Stage, row: Delivery) -> str:
    """How a mail stands, in the words of faults.py."""
    now = stage.clock()
    tried = retry_after(row.id, row.attempts) if row.attempts else None
    match row.state:
        case Phase.RETRY if tried is not None and row.due_at == now + tried:
            return "soon"
        case Phase.RETRY if row.attempts == 0 and row.due_at == now:
            return "next"
        case Phase.RETRY if row.attempts == 0 and row.due_at == now + FIRST:
            return "behind"
        case Phase.IN_DOUBT if row.due_at == now + stage.sending.in_doubt_after:
            return "doubt"
        case Phase.FAILED:
            return "dead"
        case _:
            return str(row.state)


@pytest.mark.parametrize("pipelining", [False, True], ids=["one by one", "pipelining"])
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: re.sub(r"[^\w .,]+", "", fault.name))
def test_fault(stage: Stage, server: MailServer, fault: Fault, pipelining: bool) -> None:
    """The ledger says what is known; the others go; the sender's trouble opens the breaker and fails nobody; and when
    the server is well again everything arrives, once: twice at most, and the same, where nobody could know."""
    extensions = [*fault.peer.get("extensions", []), *(["PIPELINING"] if pipelining else [])]
    server.become(**{**fault.peer, "script": fault.script, "extensions": extensions})
    over_smtp(stage, server, **fault.smtp)
    tally = stage.deliver()

    rows = stage.rows()
    assert " ".join(stands(stage, row) for row in rows) == fault.stands
    touched = [row.answer for row in rows if stands(stage, row) not in ("sent", "next")]
    kept = tally.trouble if fault.trips else " ".join(touched)
    assert fault.words.replace("\x00", " ").replace("\udce5", "�") in str(kept)
    assert not re.search("[\x00-\x1f\ud800-\udfff]", f"{kept}{touched}"), "words that a database or a screen chokes on"
    it_took = Counter(rcpt_to for message in server.messages() for rcpt_to in message["rcpt_to"])
    for row, email in zip(rows, (f"learner{n}@customer.example" for n in range(LEARNERS)), strict=True):
        assert it_took[email] == {"sent": 1, "doubt": fault.copies}.get(stands(stage, row), 0)

    trouble = trouble_of(stage)
    assert (trouble is not None) == (tally.trouble is not None) == fault.trips
    if trouble is not None:
        assert {row.state for row in rows} <= {Phase.SENT, Phase.RETRY, Phase.IN_DOUBT}, "it fails and holds nobody"
        assert trouble.until == stage.clock() + PAUSE
    opened = len(server.events("open"))
    stage.deliver()
    assert len(server.events("open")) == opened, "nothing is due, or the transport is left alone: nobody knocks"

    dead = [row for row in rows if row.state is Phase.FAILED]
    all_is_well(stage, server, fault, dead=len(dead))


def all_is_well(stage: Stage, server: MailServer, fault: Fault, *, dead: int) -> None:
    """The server starts anew and is well (a person decides what was held): everything arrives."""
    server.become(**WELL)
    stage.sending.transport.close()
    if fault.smtp.get("tls") == "starttls":
        over_smtp(stage, server)  # the operator has given in
    settle(stage.store, Decision.RETRY, now=stage.clock())
    stage.live(days=0.25, hours=0.5)
    assert [row.state for row in stage.rows()].count(Phase.SENT) == 2 * (LEARNERS - dead)
    assert trouble_of(stage) is None
    assert waiting(stage.store) == []
    assert all(message["data"].isascii() for message in server.messages()), "whatever the server offers"
    assert all(re.match("EHLO|HELO|MAIL FROM:<[^ ]+>$|RCPT|DATA|RSET|QUIT|AUTH|STARTTLS|[^ ]+$", line) for line in
               (event["line"] for event in server.events("line")))  # fmt: skip
    copies: dict[tuple[str, str], list[str]] = {}
    for message in server.messages():
        subject = re.search(r"^Subject: (.*)$", message["data"], re.MULTILINE)
        assert subject
        copies.setdefault((message["rcpt_to"][0], subject[1].strip()), []).append(message["data"])
    assert len(copies) == 2 * (LEARNERS - dead), "every tip has arrived"
    assert all(len(same) <= 1 + fault.copies and len(set(same)) == 1 for same in copies.values())
    for number in range(LEARNERS):
        enrolment = stage.standing(f"learner{number}@customer.example").enrolment
        assert enrolment.state is (State.FAILED if dead and number == 1 else State.FINISHED)


def test_wrong_certificate(stage: Stage, tmp_path: Path) -> None:
    """A certificate that nobody vouches for stops everything where TLS was insisted on, and fails nobody; once its
    authority is named, everything goes."""
    certificate = self_signed(tmp_path)
    with mail_server(tmp_path / "smtp.jsonl", **certificate) as server:
        over_smtp(stage, server, tls="starttls")
        assert "certificate" in str(stage.deliver().trouble)
        assert " ".join(stands(stage, row) for row in stage.rows()) == NOBODY
        assert server.messages() == []
        over_smtp(stage, server, tls="starttls", ca_file=certificate["cert"])
        stage.clock.turn(seconds=PAUSE.total_seconds())
        stage.deliver()
        assert " ".join(stands(stage, row) for row in stage.rows()) == ALL_SENT
        while OPENED:  # before its server ends
            OPENED.pop().close()


@pytest.mark.parametrize("pipelining", [False, True], ids=["one by one", "pipelining"])
def test_cut_in_the_middle_of_a_mail(stage: Stage, server: MailServer, pipelining: bool) -> None:
    """The connection ends with half a mail: where the dot had not left, it is tried again soon, else it is in doubt;
    either way it arrives once, since the server kept no half."""
    fault = Fault(name="halfway", stands="", script={"halfway": ["cut", "ok"]})
    server.become(script=fault.script, extensions=["PIPELINING"] if pipelining else [])
    over_smtp(stage, server)
    assert stage.deliver().sent == LEARNERS - 1
    assert stands(stage, stage.rows()[0]) in ("soon", "doubt")
    all_is_well(stage, server, fault, dead=0)
