"""A mail server that says no, not now, or nothing: who failed, who is tried again, and who was never tried."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from drip.render.message import Message
from drip.transports import Outcome, Result
from drip.transports.smtp import Smtp
from drip.transports.smtp_batch import LOST_IN_A_ROW, REFUSED_IN_A_ROW

Mail = Callable[..., Message]
SENT, RETRY, REFUSED = Outcome.SENT, Outcome.RETRY, Outcome.REFUSED
IN_DOUBT, UNTRIED = Outcome.IN_DOUBT, Outcome.UNTRIED

#: Seconds that a server is waited for (five times that after the dot): few where it is going to be silent.
PATIENCE, LITTLE_PATIENCE = 20.0, 1.0


class Scene:
    """A peer with its script, and a transport that speaks to it."""

    def __init__(self, server: Any, smtp: Smtp) -> None:
        self.server, self.smtp = server, smtp

    def send(self, messages: list[Message]) -> Result:
        result = self.smtp.send(messages)
        assert [receipt.delivery_id for receipt in result.receipts] == [message.delivery_id for message in messages]
        return result

    def outcomes(self, messages: list[Message]) -> list[Outcome]:
        return [receipt.outcome for receipt in self.send(messages).receipts]

    def lines(self, verb: str) -> list[str]:
        return [event["line"] for event in self.server.events("line") if event["line"].startswith(verb)]

    def opened(self) -> int:
        return len(self.server.events("open"))


@pytest.fixture(params=["one by one", "pipelining", "pipelining without uvloop"])
def scene(
    request: pytest.FixtureRequest, start_smtp_server: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Scene]]:
    """Raise the curtain: `scene(RCPT=["450 later", "ok"])`. `connections` is 1 unless said otherwise."""
    transports: list[Smtp] = []
    if "without" in request.param:
        monkeypatch.setitem(sys.modules, "uvloop", None)  # as where it is not installed

    def start(connections: int = 1, always_354: bool = False, late: bool = False, **script: Any) -> Scene:
        extensions = ["PIPELINING"] if "pipelining" in request.param else []
        server = start_smtp_server(script=script, extensions=extensions, always_354=always_354, late=late)
        silent = late or any("hang" in actions for actions in script.values())
        timeout = LITTLE_PATIENCE if silent else PATIENCE
        transports.append(Smtp("127.0.0.1", server.port, connections=connections, timeout=timeout))
        return Scene(server, transports[-1])

    yield start
    for smtp in transports:
        smtp.close()


@pytest.fixture
def three(mail: Mail) -> list[Message]:
    return [mail(1), mail(2), mail(3)]


# One message, or one person ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "reply", ["450 4.2.0 Greylisted", "451 4.3.0 Try later", "452 4.5.3 Too many", "421 4.3.2 Busy"]
)
@pytest.mark.parametrize("stage", ["MAIL", "RCPT", "DATA", "dot"])
def test_not_now_is_a_retry(scene: Callable[..., Scene], three: list[Message], stage: str, reply: str) -> None:
    """4xx once a message is under way, 421 included: that message is tried again, the others go, with its words."""
    on = scene(**{stage: [reply, "ok"]})
    result = on.send(three)
    assert [receipt.outcome for receipt in result.receipts] == [RETRY, SENT, SENT]
    assert result.receipts[0].answer == reply
    assert result.trouble is None
    assert len(on.server.messages()) == 2


def test_dead_addresses_among_living_ones(scene: Callable[..., Scene], mail: Mail) -> None:
    """5.1.1 and a plain 550 at RCPT are dead addresses; a full mailbox is refused and not dead; the others get mail."""
    on = scene(
        RCPT={
            "dead@x.example": "550 5.1.1 User unknown",
            "gone@x.example": "550 no such user",
            "full@x.example": "552 5.2.2 Mailbox full",
            "late@x.example": "451 4.7.1 Greylisted",
        }
    )
    who = ["ada", "dead", "bob", "gone", "full", "late", "cleo"]
    result = on.send([mail(number, f"{name}@x.example") for number, name in enumerate(who, 1)])
    assert [receipt.outcome for receipt in result.receipts] == [SENT, REFUSED, SENT, REFUSED, REFUSED, RETRY, SENT]
    assert [receipt.dead_address for receipt in result.receipts] == [False, True, False, True, False, False, False]
    assert result.receipts[1].answer == "550 5.1.1 User unknown"
    assert result.trouble is None
    assert [message["rcpt_to"] for message in on.server.messages()] == [
        ["ada@x.example"],
        ["bob@x.example"],
        ["cleo@x.example"],
    ]
    assert on.opened() == 1, "a refusal is no reason to hang up"


def test_content_refused_is_about_the_message(scene: Callable[..., Scene], three: list[Message]) -> None:
    """554 after the dot refuses that message; the address is not dead, the others go."""
    on = scene(dot=["554 5.6.0 Content rejected", "ok"])
    result = on.send(three)
    assert [receipt.outcome for receipt in result.receipts] == [REFUSED, SENT, SENT]
    assert not result.receipts[0].dead_address


def test_refused_recipient_gets_no_content(scene: Callable[..., Scene], mail: Mail) -> None:
    """Where a server says 354 after refusing the only recipient, nothing is sent to it, and the next mail goes."""
    on = scene(always_354=True, RCPT=["550 5.1.1 User unknown", "ok"])
    result = on.send([mail(1), mail(2)])
    assert [receipt.outcome for receipt in result.receipts] == [REFUSED, SENT]
    assert result.receipts[0].dead_address
    assert [message["rcpt_to"] for message in on.server.messages()] == [["learner2@lovelace.example"]]
    assert len(on.server.events("body")) == 1, "not a byte, not even RSET, goes where a body is waited for"


# The sender's own trouble -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stage", "reply"),
    [
        ("connect", "554 5.7.1 Your address is on a list"),
        ("EHLO", "550 5.7.1 Go away"),
        ("MAIL", "550 5.7.1 Sender address rejected"),
        ("MAIL", "501 Syntax error"),
        ("MAIL", "550 5.1.1 whatever its number"),
        ("RCPT", "554 5.7.1 Relay access denied"),
        ("RCPT", "550 relay not permitted"),
        ("DATA", "550 5.7.1 Not today"),
        ("dot", "550 5.7.26 Unauthenticated sender"),
    ],
)
def test_own_trouble_stops_and_fails_nobody(
    scene: Callable[..., Scene], three: list[Message], stage: str, reply: str
) -> None:
    """Everything undecided goes back untried, the trouble tells the server's words, and nobody else is bothered."""
    on = scene(**{stage: [reply]})
    result = on.send(three)
    assert [receipt.outcome for receipt in result.receipts] == [UNTRIED] * 3
    assert not any(receipt.dead_address for receipt in result.receipts)
    assert result.trouble
    assert reply in result.trouble
    assert len(on.lines("MAIL")) <= 1


def test_what_was_decided_before_the_trouble_stands(scene: Callable[..., Scene], three: list[Message]) -> None:
    """A mail that was taken before the server turned on us stays sent."""
    on = scene(RCPT=["ok", "554 5.7.1 Over quota", "ok"])
    result = on.send(three)
    assert [receipt.outcome for receipt in result.receipts] == [SENT, UNTRIED, UNTRIED]
    assert "Over quota" in str(result.trouble)


@pytest.mark.parametrize(
    ("stage", "action"),
    [
        ("connect", "421 4.3.2 Too busy +cut"),
        ("connect", "450 Not yet"),
        ("connect", "cut"),
        ("connect", "hang"),
        ("connect", "HTTP/1.1 400 Bad Request"),
        ("EHLO", "421 4.3.2 Shutting down +cut"),
        ("EHLO", "cut"),
        ("EHLO", "hang"),
    ],
)
def test_server_out_of_reach_fails_nobody(
    scene: Callable[..., Scene], three: list[Message], stage: str, action: str
) -> None:
    """Not now, silence or nonsense before MAIL: all untried, told as passing; when it is over, everything goes."""
    on = scene(**{stage: [action, "ok"]})
    result = on.send(three)
    assert [receipt.outcome for receipt in result.receipts] == [UNTRIED] * 3
    assert "for now" in str(result.trouble)
    on.smtp.close()
    assert on.outcomes(three) == [SENT] * 3


@pytest.mark.parametrize("connections", [1, 4])
def test_many_refused_in_a_row_fail_nobody(scene: Callable[..., Scene], mail: Mail, connections: int) -> None:
    """A server that calls every address dead is not believed: the row goes back untried, and a person is told."""
    on = scene(connections=connections, RCPT=["550 5.1.1 User unknown"])
    result = on.send([mail(number, f"a@domain{number}.example") for number in range(1, 41)])
    assert {receipt.outcome for receipt in result.receipts} == {UNTRIED}
    tried = [receipt for receipt in result.receipts if receipt.met_trouble]
    assert REFUSED_IN_A_ROW <= len(tried) < REFUSED_IN_A_ROW + connections, "those that were tried go behind the others"
    assert "in a row" in str(result.trouble)
    assert "User unknown" in str(result.trouble)
    assert REFUSED_IN_A_ROW <= len(on.lines("RCPT")) < REFUSED_IN_A_ROW + connections


def test_row_counts_over_small_batches(scene: Callable[..., Scene], mail: Mail) -> None:
    """On a quiet day the row grows over many small batches, until the alarm; one accepted mail ends it."""
    on = scene(RCPT=["550 5.1.1 User unknown"] * (REFUSED_IN_A_ROW + 1) + ["ok", "550 5.1.1 User unknown"])
    results = [on.send([mail(number)]) for number in range(1, REFUSED_IN_A_ROW + 4)]
    outcomes = [result.receipts[0].outcome for result in results]
    assert outcomes == [REFUSED] * (REFUSED_IN_A_ROW - 1) + [UNTRIED, UNTRIED, SENT, REFUSED]
    assert [result.trouble is not None for result in results] == [outcome is UNTRIED for outcome in outcomes]


def test_accepted_mail_proves_that_refusals_are_real(scene: Callable[..., Scene], mail: Mail) -> None:
    """A company whose thirty addresses are dead ends them all, as long as other mail goes out between."""
    dead = [mail(number, f"d{number}@dead.example") for number in range(1, 31)]
    living = [mail(100 + number, f"l{number}@living.example") for number in range(1, 31)]
    on = scene(RCPT={f"d{number}@dead.example": "550 5.1.1 User unknown" for number in range(1, 31)})
    assert on.outcomes(dead + living) == [REFUSED] * 30 + [SENT] * 30


# Connections that end, and silence ---------------------------------------------------------------------------------


@pytest.mark.parametrize("action", ["cut", "hang"])
@pytest.mark.parametrize("stage", ["MAIL", "RCPT", "DATA"])
def test_lost_before_the_content_is_a_retry(
    scene: Callable[..., Scene], three: list[Message], stage: str, action: str
) -> None:
    """A connection that ends, or a server that falls silent, before any content: tried again; the others go."""
    on = scene(**{stage: [action, "ok"]})
    assert on.outcomes(three) == [RETRY, SENT, SENT]
    assert len(on.server.messages()) == 2


def test_lost_in_the_middle_of_a_large_body_is_a_retry(scene: Callable[..., Scene], mail: Mail) -> None:
    """The dot of a mail of many megabytes has not left when the server hangs up: nobody can have taken it."""
    on = scene(halfway=["cut", "ok"])
    result = on.send([mail(1, html="x" * 20_000_000), mail(2)])
    assert [receipt.outcome for receipt in result.receipts] == [RETRY, SENT]
    assert "before the final dot" in result.receipts[0].answer


def test_lost_in_the_middle_of_a_small_body_is_never_called_sent(scene: Callable[..., Scene], mail: Mail) -> None:
    """A small mail has left in whole when the server hangs up: in doubt at worst, and never sent or refused."""
    on = scene(halfway=["cut", "ok"])
    first, second = on.outcomes([mail(1), mail(2)])
    assert first in (IN_DOUBT, RETRY)
    assert second is SENT


@pytest.mark.parametrize("action", ["cut", "hang"])
def test_lost_after_the_dot_is_in_doubt(scene: Callable[..., Scene], three: list[Message], action: str) -> None:
    """No reply to the final dot, by silence or by hanging up: in doubt, and the others go."""
    on = scene(dot=[action, "ok"])
    result = on.send(three)
    assert [receipt.outcome for receipt in result.receipts] == [IN_DOUBT, SENT, SENT]
    assert "after the final dot" in result.receipts[0].answer
    assert result.trouble is None


def test_ill_server_is_left_alone(scene: Callable[..., Scene], mail: Mail) -> None:
    """Lost again and again: the rest of the batch is not sent into the same hole."""
    on = scene(dot=["cut"])
    result = on.send([mail(number) for number in range(1, 31)])
    assert [receipt.outcome for receipt in result.receipts] == [IN_DOUBT] * LOST_IN_A_ROW + [UNTRIED] * (
        30 - LOST_IN_A_ROW
    )
    assert "lost in a row" in str(result.trouble)


@pytest.mark.parametrize("stage", ["MAIL", "RCPT", "DATA", "dot"])
@pytest.mark.parametrize("nonsense", ["nonsense", "99", "250", "354 what?", "199 hm"])
def test_nonsense_never_fails_a_person(
    scene: Callable[..., Scene], three: list[Message], stage: str, nonsense: str
) -> None:
    """Whatever a broken server says, nobody is refused, and every message has its receipt."""
    on = scene(**{stage: [nonsense]})
    outcomes = on.outcomes(three)
    assert REFUSED not in outcomes
    if stage == "dot" and nonsense != "250":
        assert SENT not in outcomes


# Connections that are kept -----------------------------------------------------------------------------------------


def test_connection_is_kept_between_calls(scene: Callable[..., Scene], mail: Mail) -> None:
    """Many calls, one connection, one QUIT at the end."""
    on = scene(connections=5)
    for number in range(1, 11):
        assert on.outcomes([mail(number)]) == [SENT]
    on.smtp.close()
    assert on.opened() == 1
    assert len(on.lines("QUIT")) == 1


def test_no_more_connections_than_told(scene: Callable[..., Scene], mail: Mail) -> None:
    """Three connections are three, whatever the batch, and each says QUIT."""
    on = scene(connections=3)
    assert on.outcomes([mail(number) for number in range(1, 61)]) == [SENT] * 60
    assert on.outcomes([mail(number) for number in range(61, 121)]) == [SENT] * 60
    on.smtp.close()
    assert on.opened() <= 3
    assert len(on.lines("QUIT")) == on.opened()


@pytest.mark.parametrize(
    ("connections", "script"),
    [
        (1, {"after": ["cut"]}),  # hangs up after each message
        (4, {"after": ["cut"]}),
        (1, {"dot": ["250 2.0.0 Ok +cut"]}),
        (4, {"dot": ["250 2.0.0 Ok +cut"]}),
        (1, {"MAIL": ["ok", "421 4.7.0 One message a connection +cut"] * 40}),  # says so at the next MAIL
        (1, {"MAIL": ["ok", "cut"] * 40}),
    ],
)
def test_one_message_a_connection(
    scene: Callable[..., Scene], mail: Mail, connections: int, script: dict[str, list[str]]
) -> None:
    """A server that takes one message a connection gets a new one for each, and every message goes once."""
    on = scene(connections=connections, **script)
    assert on.outcomes([mail(number) for number in range(1, 13)]) == [SENT] * 12
    assert on.outcomes([mail(13)]) == [SENT]
    recipients = [message["rcpt_to"][0] for message in on.server.messages()]
    assert sorted(recipients) == sorted(f"learner{number}@lovelace.example" for number in range(1, 14))


def test_fresh_connection_is_not_tried_for_ever(scene: Callable[..., Scene], mail: Mail) -> None:
    """421 at the first MAIL of a fresh connection is a retry, not a loop."""
    on = scene(MAIL=["421 4.7.0 No"])
    assert on.outcomes([mail(1), mail(2)]) == [RETRY, RETRY]
    assert len(on.lines("MAIL")) == 2


def test_server_that_allows_fewer_connections(scene: Callable[..., Scene], mail: Mail) -> None:
    """Where the third connection is turned away, two carry the batch, and that is no trouble."""
    on = scene(connections=8, connect=["ok", "ok", "421 4.7.0 Too many connections +cut"])
    result = on.send([mail(number) for number in range(1, 81)])
    assert {receipt.outcome for receipt in result.receipts} == {SENT}
    assert result.trouble is None


def test_pipelined_only_where_offered(scene: Callable[..., Scene], mail: Mail, request: pytest.FixtureRequest) -> None:
    """MAIL, RCPT and DATA leave together where the server says that they may, and only there."""
    on = scene(late=True)  # answers none of the three before it has them all
    pipelining = "pipelining" in request.node.name
    assert on.outcomes([mail(1)]) == [SENT if pipelining else RETRY]
    assert len(on.lines("RCPT")) == (1 if pipelining else 0)


def test_server_that_comes_back_is_used_again(mail: Mail, start_smtp_server: Callable[..., Any]) -> None:
    """Kept connections die with the server; the transport tells of it, and goes on when one listens again."""
    server = start_smtp_server(script={"after": ["ok", "cut"], "connect": ["ok", "421 restarting +cut", "ok"]})
    smtp = Smtp("127.0.0.1", server.port, connections=1, timeout=PATIENCE)
    try:
        assert smtp.send([mail(1), mail(2)]).trouble is None
        result = smtp.send([mail(3)])
        assert result.receipts[0].outcome is UNTRIED
        assert "restarting" in str(result.trouble)
        assert smtp.send([mail(3)]).receipts[0].outcome is SENT
    finally:
        smtp.close()


def test_name_that_does_not_resolve_fails_nobody(mail: Mail) -> None:
    """A host that DNS does not know is out of reach for now."""
    smtp = Smtp("mail.invalid", 25, timeout=PATIENCE)
    result = smtp.send([mail(1)])
    smtp.close()
    assert result.receipts[0].outcome is UNTRIED
    assert "for now" in str(result.trouble)
