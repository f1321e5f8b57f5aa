"""The next mail's envelope behind the final dot of the one before: what it saves, and that it leaves no doubt."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from mail_server import MailServer

from drip.render.message import Message
from drip.render.mime import to_bytes
from drip.transports import Outcome
from drip.transports.smtp import Smtp

Mail = Callable[..., Message]
SENT, RETRY, IN_DOUBT, UNTRIED = Outcome.SENT, Outcome.RETRY, Outcome.IN_DOUBT, Outcome.UNTRIED
PIPELINING = ["PIPELINING"]


@pytest.fixture(params=["uvloop", "asyncio"])
def over(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Smtp]]:
    """A transport to a server: `over(server)`, on either event loop. One connection unless said otherwise."""
    if request.param == "uvloop":
        pytest.importorskip("uvloop")
    else:
        monkeypatch.setitem(sys.modules, "uvloop", None)  # as where it is not installed
    transports: list[Smtp] = []

    def smtp(server: MailServer, **options: Any) -> Smtp:
        transports.append(Smtp("127.0.0.1", server.port, **{"connections": 1, "timeout": 20, **options}))
        return transports[-1]

    yield smtp
    for one in transports:
        one.close()


def outcomes(smtp: Smtp, mails: list[Message]) -> list[Outcome]:
    return [receipt.outcome for receipt in smtp.send(mails).receipts]


def bodies(server: MailServer) -> int:
    """How often the first bytes of a content have come."""
    return len(server.events("body"))


def test_next_envelope_does_not_wait_for_the_verdict(
    start_smtp_server: Callable[..., MailServer], over: Callable[..., Smtp], mail: Mail
) -> None:
    """A server that says nothing of the second mail before it has the third's envelope takes all three."""
    server = start_smtp_server(script={}, extensions=PIPELINING, late_dot=2)
    assert outcomes(over(server), [mail(1), mail(2), mail(3)]) == [SENT] * 3
    assert [message["connection"] for message in server.messages()] == [1, 1, 1]


@pytest.mark.parametrize(
    ("options", "connections", "why"),
    [
        ({"late_dot": 2}, 1, "PIPELINING is not offered"),
        ({"late_dot": 1, "extensions": PIPELINING}, 1, "the connection has not delivered a mail yet"),
        ({"late_dot": 2, "extensions": PIPELINING}, 9, "there is room for a connection of its own"),
    ],
)
def test_where_it_waits(
    start_smtp_server: Callable[..., MailServer],
    over: Callable[..., Smtp],
    mail: Mail,
    options: dict[str, Any],
    connections: int,
    why: str,
) -> None:
    """Without the server's word, before a connection has shown that it works, and where it could go sooner alone."""
    # a tenth of a second for a reply, half a second for the verdict; whoever else connects is turned away
    server = start_smtp_server(script={"connect": ["ok", "421 Too many +cut"]}, **options)
    smtp = over(server, connections=connections, timeout=0.1)
    if connections > 1:
        assert outcomes(smtp, [mail(1)]) == [SENT]
        assert outcomes(smtp, [mail(2)]) == [IN_DOUBT], why
    else:
        assert IN_DOUBT in outcomes(smtp, [mail(1), mail(2), mail(3)]), why


def test_server_that_ends_connections_is_not_written_ahead_there_again(
    start_smtp_server: Callable[..., MailServer], over: Callable[..., Smtp], mail: Mail
) -> None:
    """Three mails a connection: the fourth's envelope is sent ahead once, and then it is known; all arrive."""
    server = start_smtp_server(script={"MAIL": ["ok", "ok", "ok", "421 Enough +cut"] * 9}, extensions=PIPELINING)
    smtp = over(server, timeout=0.2)
    assert outcomes(smtp, [mail(number) for number in range(1, 9)]) == [SENT] * 8
    server.become(script={"MAIL": ["ok"] * 9}, extensions=PIPELINING, late_dot=3)
    smtp.close()
    assert outcomes(smtp, [mail(number) for number in range(11, 15)]) == [SENT, SENT, IN_DOUBT, SENT]


# A stop, while an envelope is ahead ---------------------------------------------------------------------------------


def test_trouble_leaves_the_mail_ahead_untried(
    start_smtp_server: Callable[..., MailServer], over: Callable[..., Smtp], mail: Mail
) -> None:
    """The second content is refused for what the sender did: the third's envelope stands, and gets no content."""
    server = start_smtp_server(script={"dot": ["ok", "550 5.7.26 Unauthenticated"]}, extensions=PIPELINING, late_dot=2)
    result = over(server).send([mail(1), mail(2), mail(3)])
    assert [receipt.outcome for receipt in result.receipts] == [SENT, UNTRIED, UNTRIED]
    assert [receipt.met_trouble for receipt in result.receipts] == [False, True, False]
    assert bodies(server) == 2
    assert len(server.messages()) == 1


@pytest.mark.parametrize("extensions", [[], PIPELINING])
def test_trouble_elsewhere_stops_whoever_has_sent_no_content(
    start_smtp_server: Callable[..., MailServer], over: Callable[..., Smtp], mail: Mail, extensions: list[str]
) -> None:
    """What one connection meets holds for the other: a 354 that comes after it gets no content."""
    rcpt = {"bad@x.example": "554 5.7.1 Blocked", "ada@x.example": "ok", "bob@x.example": "ok"}
    server = start_smtp_server(script={"RCPT": rcpt, "DATA": ["ok", "ok after a no"]}, extensions=extensions)
    smtp = over(server, connections=2)
    assert outcomes(smtp, [mail(1, "ada@x.example")]) == [SENT]
    result = smtp.send([mail(2, "bob@x.example"), mail(3, "bad@x.example")])
    assert [receipt.outcome for receipt in result.receipts] == [UNTRIED, UNTRIED]
    assert "Blocked" in str(result.trouble)
    assert bodies(server) == 1


def test_row_of_refusals_leaves_the_mail_ahead_untried(
    start_smtp_server: Callable[..., MailServer], over: Callable[..., Smtp], mail: Mail
) -> None:
    """Ten contents refused in a row: nothing more is sent, whatever stands ready."""
    server = start_smtp_server(script={"dot": ["ok", "554 5.6.0 No"]}, extensions=PIPELINING)
    result = over(server).send([mail(number) for number in range(1, 31)])
    assert Counter(receipt.outcome for receipt in result.receipts) == {SENT: 1, UNTRIED: 29}
    assert bodies(server) == 11


def test_content_refused_behind_which_the_next_stands(
    start_smtp_server: Callable[..., MailServer], over: Callable[..., Smtp], mail: Mail
) -> None:
    """A content that is refused for itself, or for now, takes nothing from the one whose envelope is there already."""
    dot = ["ok", "554 5.6.0 No", "ok", "451 4.3.0 Later", "ok"]
    server = start_smtp_server(script={"dot": dot}, extensions=PIPELINING)
    assert outcomes(over(server), [mail(n) for n in range(1, 7)]) == [SENT, Outcome.REFUSED, SENT, RETRY, SENT, SENT]
    assert [message["connection"] for message in server.messages()] == [1, 1, 1, 1]


def test_lost_connection_takes_one_mail_with_it(
    start_smtp_server: Callable[..., MailServer], over: Callable[..., Smtp], mail: Mail
) -> None:
    """Silence, a cut or a 421 after the dot is about that mail alone; the one ahead goes over a new connection."""
    server = start_smtp_server(
        script={"dot": ["ok", "take and cut", "ok", "421 Bye +cut", "ok"]}, extensions=PIPELINING
    )
    smtp = over(server)
    assert outcomes(smtp, [mail(n) for n in range(1, 7)]) == [SENT, IN_DOUBT, SENT, RETRY, SENT, SENT]
    server.become(script={"dot": ["ok", "hang", "ok"]}, extensions=PIPELINING)
    assert outcomes(over(server, timeout=0.1), [mail(n) for n in range(11, 15)]) == [SENT, IN_DOUBT, SENT, SENT]


# A cut at each byte -------------------------------------------------------------------------------------------------

#: How many copies the server may hold of a mail that is called this.
COPIES = {SENT: {1}, IN_DOUBT: {0, 1}, RETRY: {0}, UNTRIED: {0}}


@pytest.mark.parametrize("reset", [False, True], ids=["FIN", "RST"])
@pytest.mark.parametrize("verdict", ["ok", "take and cut"])
def test_cut_at_each_byte(
    start_smtp_server: Callable[..., MailServer], over: Callable[..., Smtp], mail: Mail, verdict: str, reset: bool
) -> None:
    """Wherever in the second mail, in the third's envelope or in its content the server hangs up: the receipts say what
    it may have taken, and nothing else; whoever had only an envelope there goes over a new connection."""
    mails = [mail(number) for number in (1, 2, 3)]
    hello = len("EHLO drip.example\r\n")
    envelope = len(f"MAIL FROM:<{mails[0].mail_from}>\r\nRCPT TO:<{mails[0].rcpt_to}>\r\nDATA\r\n")
    content = len(to_bytes(mails[0])) + len(".\r\n")
    second = hello + 2 * envelope + content
    third = second + content + envelope
    # every byte of what is said between contents and near their ends, and some within
    cuts = [*range(second - envelope, second + 3), *range(second + 3, second + content - 9, 97)]
    cuts += [*range(second + content - 9, third + 3), *range(third + 3, third + content - 9, 97)]
    cuts += range(third + content - 9, third + content)
    if verdict != "ok":  # it hangs up after the second content, and had read so much of the third's envelope
        cuts = list(range(second + content, third))
    server = start_smtp_server(script={})
    for cut_at in cuts:
        server.log.write_text("")
        server.become(script={"dot": ["ok", verdict, "ok"]}, extensions=PIPELINING, cut_at=cut_at, reset=reset)
        smtp = over(server, tls="none", local_hostname="drip.example")
        called = outcomes(smtp, mails)
        smtp.close()
        took = Counter(message["rcpt_to"][0] for message in server.messages())
        assert all(took[one.rcpt_to] in COPIES[outcome] for one, outcome in zip(mails, called, strict=True)), cut_at
        if cut_at < second:
            assert called[1] in (SENT, RETRY), "its envelope alone had come, of which a part may have been answered"
        elif cut_at < second + content or verdict != "ok":
            assert called == [SENT, IN_DOUBT, SENT] or (cut_at == second and called == [SENT, RETRY, SENT]), cut_at
        elif cut_at < third:
            assert called[:2] == [SENT, SENT], "the verdict was heard"
            assert called[2] in (SENT, RETRY)
        else:
            assert called[:2] == [SENT, SENT]
            assert called[2] is IN_DOUBT or cut_at == third, cut_at
