"""Every way in which SendGrid can answer, or not, through the whole path: what the ledger says, and how it ends.

Course, claim, ledger and transport are the real ones; the SendGrid of tests/sendgrid_server.py is a process of its own,
which does what its row says, and then is well again. How a mail stands is told in the words of faults.py.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from faults import ALL_SENT, FIRST_LATER, NOBODY, SECOND, THEIR_SENDER
from sendgrid_server import UNVERIFIED, SendGridServer, sendgrid_server
from stage import COURSE, PLAIN_COURSE, Stage, set_up
from test_faults_whole_path import stands, trouble_of

from drip.engine.settle import Decision, settle, waiting
from drip.people import State
from drip.schedule.backoff import PAUSE
from drip.store.ledger import Phase
from drip.transports.sendgrid import SendGrid

KEY = "SG.kept-to-itself.0123456789abcdef"
TWO_TIPS = PLAIN_COURSE.split("  - {tip: tip-3")[0]
LEARNERS = 5
SECOND_HELD = "sent held sent sent sent"
FIRST_IN_DOUBT = "doubt sent sent sent sent"
THREE_IN_DOUBT = "doubt doubt doubt next next"
NO_ADDRESS = {"status": 400, "message": "Does not contain a valid address.", "field": "personalizations.0.to.0.email"}
RATE = {"status": 429, "headers": {"Retry-After": "0"}}


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What SendGrid does, and how five mails stand right after. `copies`: so many it may have taken of one in doubt."""

    name: str
    script: Any
    stands: str
    words: str = ""
    trips: bool = False
    copies: int = 0
    pause: timedelta = PAUSE
    key: str = KEY
    timeout: float = 20


FAULTS = [
    # the account, or the address of the API
    Fault(name="wrong key", script=["ok"], key="SG.another", stands=NOBODY, trips=True, words="authorization grant"),
    Fault(name="no right to send", script=[403], stands="soon next next next next", trips=True,
          words="403 access forbidden"),
    Fault(name="no credits", script=[{"status": 401, "message": "Maximum credits exceeded"}], stands=NOBODY, trips=True,
          words="Maximum credits exceeded"),
    Fault(name="no such API", script=[404], stands=NOBODY, trips=True, words="host="),
    Fault(name="200 outside sandbox mode", script=[200], stands=NOBODY, trips=True, words="host="),
    # one sender
    Fault(name="unverified sender", script=[{"status": 403, "message": UNVERIFIED, "field": "from"}],
          stands=THEIR_SENDER, trips=True, words="verified Sender Identity"),
    Fault(name="400 for the sender", script=[{"status": 400, "message": "no", "field": "from.email"}],
          stands=THEIR_SENDER, trips=True, words="400 from.email: no"),
    # too fast
    Fault(name="429, and then well", script=[RATE, "ok", RATE, RATE, "ok"], stands=ALL_SENT),
    Fault(name="429 without a reset", script=["ok", 429, "ok"], stands=ALL_SENT),
    Fault(name="429 again and again", script=["ok", RATE], stands="sent next next next next", trips=True,
          words="slow down: 429 too many requests"),
    Fault(name="429 for two minutes", script=["ok", {"status": 429, "headers": {"Retry-After": "120"}}],
          stands="sent next next next next", trips=True, words="slow down", pause=timedelta(minutes=2)),
    # not now
    Fault(name="one 500", script=[500, "ok"], stands=FIRST_LATER, words="500 Internal Server Error"),
    Fault(name="one 503", script=[503, "ok"], stands=FIRST_LATER, words="503 Service Unavailable"),
    Fault(name="one 502 with a page", script=[{"status": 502, "body": "<h1>Bad\x00 Gateway</h1>"}, "ok"],
          stands=FIRST_LATER, words="Bad Gateway"),
    Fault(name="502 in broken UTF-8", script=[{"status": 502, "body": "l\udce5da"}, "ok"], stands=FIRST_LATER,
          words="l\ufffdda"),
    Fault(name="every 500", script=[500], stands="soon soon soon soon soon", words="500"),
    Fault(name="endless answer", script=["endless", "ok"], stands=FIRST_LATER, words="500"),
    # one mail
    Fault(name="address refused", script={SECOND: NO_ADDRESS}, stands=SECOND_HELD, words="Does not contain a valid"),
    Fault(name="too large", script={SECOND: 413}, stands=SECOND_HELD, words="413 The JSON payload"),
    # nobody knows
    Fault(name="cut", script=["cut", "ok"], stands=FIRST_IN_DOUBT, words="after the mail had left"),
    Fault(name="taken, then cut", script=["take and cut", "ok"], stands=FIRST_IN_DOUBT, copies=1),
    Fault(name="silent", script=["hang", "ok"], stands=FIRST_IN_DOUBT, timeout=0.4, words="no answer within 0.4 s"),
    Fault(name="taken, then silent", script=["take and hang", "ok"], stands=FIRST_IN_DOUBT, timeout=0.4, copies=1),
    Fault(name="gateway timeout", script=[504, "ok"], stands=FIRST_IN_DOUBT, words="504"),
    Fault(name="no HTTP", script=["nonsense", "ok"], stands=FIRST_IN_DOUBT),
    Fault(name="always taken, then cut", script=["take and cut"], stands=THREE_IN_DOUBT, trips=True, copies=1,
          words="lost in a row"),
    # odd, and no fault
    Fault(name="half an answer that says yes", script=["half", "ok"], stands=ALL_SENT),
    Fault(name="a connection a mail", script=["ok, close"], stands=ALL_SENT),
]  # fmt: skip


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    """Five learners, whose first tip is due."""
    stage = set_up(tmp_path, in_doubt="resend")
    stage.publish(TWO_TIPS)
    stage.people(LEARNERS)
    return stage


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SendGridServer]:
    """One process for all rows; it becomes what each says."""
    with sendgrid_server(tmp_path_factory.mktemp("faults") / "sendgrid.jsonl") as server:
        yield server


@pytest.fixture
def api(process: SendGridServer) -> SendGridServer:
    """Nothing in its log is from another row."""
    process.log.write_text("")
    process.become(key=KEY)
    return process


def over_sendgrid(stage: Stage, api: SendGridServer, key: str = KEY, **options: Any) -> None:
    way = SendGrid(key, api.host, **{"connections": 1, "timeout": 20, **options})
    stage.sending = stage.other_worker("worker-1", transport=way)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_fault(stage: Stage, api: SendGridServer, fault: Fault) -> None:
    """The ledger says what is known; the others go; the sender's trouble opens the breaker for as long as it asks for,
    and fails and holds nobody; then everything arrives, once: twice at most where nobody could know."""
    api.become(key=KEY, script=fault.script)
    over_sendgrid(stage, api, fault.key, timeout=fault.timeout)
    tally = stage.deliver()

    rows = stage.rows()
    assert " ".join(stands(stage, row) for row in rows) == fault.stands
    touched = [row.answer for row in rows if stands(stage, row) not in ("sent", "next")]
    assert fault.words in str(tally.trouble if fault.trips else " ".join(touched))
    assert KEY not in f"{touched}{tally.trouble}"
    it_took = Counter(message["rcpt_to"][0] for message in api.messages())
    for row, email in zip(rows, (f"learner{n}@customer.example" for n in range(LEARNERS)), strict=True):
        assert it_took[email] == {"sent": 1, "doubt": fault.copies}.get(stands(stage, row), 0)
    trouble = trouble_of(stage)
    assert (trouble is not None) == (tally.trouble is not None) == fault.trips
    if trouble is not None:
        assert {row.state for row in rows} <= {Phase.SENT, Phase.RETRY, Phase.IN_DOUBT}, "it fails and holds nobody"
        assert trouble.until == stage.clock() + fault.pause
    asked = len(api.requests())
    stage.deliver()
    assert len(api.requests()) == asked, "nothing is due, or the transport is left alone: nobody knocks"

    api.become(key=KEY)
    over_sendgrid(stage, api)
    settle(stage.store, Decision.RETRY, now=stage.clock())
    stage.live(days=0.25, hours=0.5)
    assert [row.state for row in stage.rows()].count(Phase.SENT) == 2 * LEARNERS
    assert (trouble_of(stage), waiting(stage.store)) == (None, [])
    copies = Counter((message["rcpt_to"][0], message["data"]) for message in api.messages())
    assert len(copies) == 2 * LEARNERS, "every tip has arrived, and a repeat is the same request, byte for byte"
    assert max(copies.values()) <= 1 + fault.copies
    assert all(
        stage.standing(f"learner{number}@customer.example").enrolment.state is State.FINISHED
        for number in range(LEARNERS)
    )


def test_doubt_that_is_held_waits_for_a_person(stage: Stage, api: SendGridServer) -> None:
    """With `in_doubt = hold` a mail that nobody knows of is not sent again by itself, however long it takes."""
    api.become(key=KEY, script=["take and cut", "ok"])
    over_sendgrid(stage, api)
    stage.sending = stage.other_worker("worker-1", in_doubt="hold")
    stage.live(days=3)
    [held] = waiting(stage.store)
    assert "after the mail had left" in held.problem
    assert Counter(message["rcpt_to"][0] for message in api.messages())["learner0@customer.example"] == 1
    settle(stage.store, Decision.SENT, now=stage.clock())
    stage.live(days=1)
    assert [row.state for row in stage.rows()].count(Phase.SENT) == 2 * LEARNERS
    assert len(api.messages()) == 2 * LEARNERS, "nothing came twice"


def test_one_mail_that_is_forbidden_does_not_stop_the_others_for_ever(stage: Stage, api: SendGridServer) -> None:
    """403 may be about the account, or about what stands in one mail. That mail goes behind; once it has been so three
    times while others went, it is held, and nothing else is.
    """
    forbidden = {"status": 403, "message": "this content is forbidden"}
    api.become(key=KEY, script={"learner0@customer.example": forbidden})
    over_sendgrid(stage, api)
    stage.live(days=0.5, hours=0.25)
    [held] = waiting(stage.store)
    assert "this content is forbidden" in held.problem
    assert [row.state for row in stage.rows()].count(Phase.SENT) == 2 * (LEARNERS - 1)


def test_a_sender_that_is_not_verified_stops_no_other_course(stage: Stage, api: SendGridServer) -> None:
    """Two courses, of which SendGrid knows the sender of one: that one's mails go, and nobody's of the other fails."""
    api.become(key=KEY, verified=["learn@acme.example"])
    stage.publish(TWO_TIPS.replace("learn@acme.example", "sales@acme.example"), name="sales")
    stage.course_id = "sales"
    stage.enrol(*(f"learner{n}@customer.example" for n in range(LEARNERS)))
    over_sendgrid(stage, api)
    stage.deliver()
    assert {message["mail_from"] for message in api.messages()} == {"learn@acme.example"}
    assert len(api.messages()) == LEARNERS
    assert {row.state for row in stage.rows()} == {Phase.SENT, Phase.RETRY}
    assert len(api.requests()) == LEARNERS + 1, "asked once for the sender that it does not know"


def test_what_a_learner_gets_is_what_the_course_says(stage: Stage, api: SendGridServer) -> None:
    """A real tip: Unicode, tracked links of ours and no others, one-click leaving, the delivery, the categories."""
    tip = COURSE.replace("A chart starts", "En graf börjar – {% raw %}{{ not_filled }}{% endraw %} -name-")
    stage.publish(tip, name="real")
    stage.course_id = "real"
    stage.add("asa@smörgås.example", first_name="Åsa, Ö;")
    stage.enrol("asa@smörgås.example")
    over_sendgrid(stage, api)
    stage.clock.turn(hours=3)
    stage.deliver()
    [body] = [body for body in api.bodies() if body["personalizations"][0]["to"][0]["email"].startswith("asa@")]
    [row] = [row for row in stage.rows() if row.step == "welcome"]
    assert body["personalizations"][0]["to"] == [{"email": "asa@xn--smrgs-pra0j.example", "name": "Åsa Ö"}]
    assert body["subject"] == "Welcome, Åsa, Ö;"
    text, html = (part["value"] for part in body["content"])
    assert "En graf börjar – {{ not_filled }} -name-" in text
    assert "https://learn.acme.example/c/" in html
    assert body["headers"]["List-Unsubscribe"].startswith("<https://learn.acme.example/u/")
    assert body["headers"]["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert body["custom_args"]["drip_delivery"] == str(row.id)
    assert body["headers"]["Message-ID"] == f"<{body['custom_args']['drip_digest']}@acme.example>"
    assert body["categories"] == ["real", "real/welcome"]
    assert not any(setting["enable"] for setting in body["tracking_settings"].values())
