"""What every transport promises, tried on each: the outbox, SMTP against two servers, and SendGrid."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sendgrid_server import sendgrid_server

from drip.render.message import Message
from drip.render.mime import to_bytes
from drip.transports import Outcome, Transport
from drip.transports.outbox import Outbox
from drip.transports.sendgrid import SendGrid
from drip.transports.smtp import Smtp

Mail = Callable[..., Message]


@dataclass(frozen=True, kw_only=True)
class Way:
    """A transport, what came out at its other end, and the same transport where it cannot work.

    `written` is what a message looks like at the other end; `connections` is what the transport was made with.
    """

    transport: Transport
    arrived: Callable[[], list[bytes]]
    unusable: Transport
    written: Callable[[Message], bytes] = to_bytes
    connections: int = 4


def as_sendgrid_has_it(message: Message) -> bytes:
    """What must have come of a message, whatever the order of the request's keys."""
    values = (
        message.rcpt_to,
        message.subject,
        message.message_id,
        str(message.delivery_id),
        message.text,
        message.html,
    )
    return json.dumps(values).encode()


def sendgrid_has(body: dict[str, Any]) -> bytes:
    """The same of a request."""
    [to], [text, html] = body["personalizations"][0]["to"], body["content"]
    ids = (body["headers"]["Message-ID"], body["custom_args"]["drip_delivery"])
    return json.dumps((to["email"], body["subject"], *ids, text["value"], html["value"])).encode()


@pytest.fixture(params=["outbox", "smtp", "smtp-pipelining", "smtp-peer", "sendgrid"])
def way(request: pytest.FixtureRequest, tmp_path: Path, start_smtp_server: Callable[..., object]) -> Iterator[Way]:
    if request.param == "outbox":
        folder = tmp_path / "made" / "outbox"
        (tmp_path / "file").write_text("in the way")
        way = Way(
            transport=Outbox(folder),
            arrived=lambda: [path.read_bytes() for path in sorted(folder.glob("*.eml"))],
            unusable=Outbox(tmp_path / "file" / "outbox"),
            connections=1,
        )
    elif request.param == "sendgrid":
        with sendgrid_server(tmp_path / "sendgrid.jsonl", key="SG.k") as api, socket.socket() as free:
            free.bind(("127.0.0.1", 0))  # bound and not listening: connections are refused
            way = Way(
                transport=SendGrid("SG.k", api.host, connections=4, timeout=10),
                arrived=lambda: [sendgrid_has(body) for body in api.bodies()],
                unusable=SendGrid("SG.k", f"http://127.0.0.1:{free.getsockname()[1]}", timeout=10),
                written=as_sendgrid_has_it,
            )
            yield way
            way.transport.close()
            way.unusable.close()
            return
    else:
        options: dict[str, object] = {
            "smtp": {},
            "smtp-pipelining": {"pipelining": True},
            "smtp-peer": {"script": {}, "extensions": ["PIPELINING", "8BITMIME"]},
        }[request.param]
        server = start_smtp_server(**options)
        with socket.socket() as free:  # bound and not listening: connections are refused
            free.bind(("127.0.0.1", 0))
            way = Way(
                transport=Smtp("127.0.0.1", server.port, connections=4, timeout=10),  # type: ignore[attr-defined] # a MailServer
                arrived=lambda: [message["data"].encode() for message in server.messages()],  # type: ignore[attr-defined] # a MailServer
                unusable=Smtp("127.0.0.1", free.getsockname()[1], timeout=10),
            )
            yield way
            way.transport.close()
            way.unusable.close()
            return
    yield way


def test_every_message_arrives_whole_and_once(way: Way, mail: Mail) -> None:
    """Sixty messages over fewer connections: each there once, byte for byte, a receipt for each in their order."""
    messages = [mail(number, text="Hej\n" * number * 40) for number in range(1, 61)]
    result = way.transport.send(messages)
    assert [(receipt.delivery_id, receipt.outcome) for receipt in result.receipts] == [
        (number, Outcome.SENT) for number in range(1, 61)
    ]
    assert result.trouble is None
    assert all(receipt.answer for receipt in result.receipts)
    assert sorted(way.arrived()) == sorted(map(way.written, messages))


def test_empty_batch_does_nothing(way: Way) -> None:
    """No message, no receipt, no trouble; not even where the transport could not work."""
    for transport in (way.transport, way.unusable):
        result = transport.send([])
        assert (result.receipts, result.trouble) == ((), None)
    assert way.arrived() == []


def test_broken_message_does_not_stop_the_others(way: Way, mail: Mail) -> None:
    """A header with a line break and a mail without From are refused; those around them go."""
    messages = [
        mail(1),
        mail(2, subject="Hello\r\nBcc: everyone@acme.example"),
        mail(3),
        mail(4, headers=()),
        mail(5),
    ]
    result = way.transport.send(messages)
    assert [receipt.outcome for receipt in result.receipts] == [
        Outcome.SENT,
        Outcome.REFUSED,
        Outcome.SENT,
        Outcome.REFUSED,
        Outcome.SENT,
    ]
    assert result.trouble is None
    assert "line break" in result.receipts[1].answer
    assert not any(receipt.dead_address for receipt in result.receipts)
    assert len(way.arrived()) == 3


@pytest.mark.parametrize("rcpt_to", ["åsa@lovelace.example", "a@b>\r\nRCPT TO:<c@d", "ada", "ada lovelace@x.example"])
def test_address_that_cannot_be_mailed_is_refused(way: Way, mail: Mail, rcpt_to: str) -> None:
    """An address that no mail server could be given is refused with the reason, and is not called dead."""
    headers = (("From", "learn@acme.example"),)
    result = way.transport.send([mail(1, rcpt_to, headers=headers), mail(2)])
    assert [receipt.outcome for receipt in result.receipts] == [Outcome.REFUSED, Outcome.SENT]
    assert "cannot be mailed" in result.receipts[0].answer
    assert not result.receipts[0].dead_address
    assert len(way.arrived()) == 1


def test_a_batch_of_broken_messages_is_no_trouble(way: Way, mail: Mail) -> None:
    """Many messages that drip itself cannot write say nothing about the way out."""
    result = way.transport.send([mail(number, subject="a\nb") for number in range(1, 30)])
    assert {receipt.outcome for receipt in result.receipts} == {Outcome.REFUSED}
    assert result.trouble is None


def test_retry_has_the_same_bytes(way: Way, mail: Mail) -> None:
    """What is sent again is the same mail to the last byte, so that whoever gets both can tell."""
    way.transport.send([mail(7)])
    way.transport.send([mail(7)])
    assert set(way.arrived()) == {way.written(mail(7))}


def test_large_message_arrives(way: Way, mail: Mail) -> None:
    """Two million characters are no different."""
    message = mail(1, html="<p>å</p>\n" * 220_000)
    assert [receipt.outcome for receipt in way.transport.send([message]).receipts] == [Outcome.SENT]
    assert way.arrived() == [way.written(message)]


def test_closed_transport_works_again(way: Way, mail: Mail) -> None:
    """Closing is polite, may come twice or before anything, and is no end."""
    way.transport.close()
    assert way.transport.send([mail(1)]).receipts[0].outcome is Outcome.SENT
    way.transport.close()
    way.transport.close()
    assert way.transport.send([mail(2)]).receipts[0].outcome is Outcome.SENT
    assert len(way.arrived()) == 2


def test_any_thread_may_send(way: Way, mail: Mail) -> None:
    """Callers in several threads get their own receipts."""
    outcomes: dict[int, list[tuple[int, Outcome]]] = {}

    def send(first: int) -> None:
        receipts = way.transport.send([mail(number) for number in range(first, first + 5)]).receipts
        outcomes[first] = [(receipt.delivery_id, receipt.outcome) for receipt in receipts]

    threads = [threading.Thread(target=send, args=(first,)) for first in (1, 101, 201)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes == {first: [(first + n, Outcome.SENT) for n in range(5)] for first in (1, 101, 201)}
    assert len(way.arrived()) == 15


def test_a_way_out_that_cannot_work_fails_nobody(way: Way, mail: Mail) -> None:
    """Everything goes back untried, and the trouble is told in words."""
    result = way.unusable.send([mail(1), mail(2)])
    assert [(receipt.delivery_id, receipt.outcome) for receipt in result.receipts] == [
        (1, Outcome.UNTRIED),
        (2, Outcome.UNTRIED),
    ]
    assert result.trouble
    assert "Errno" in result.trouble


def test_transport_says_how_many_go_at_once(way: Way) -> None:
    """`connections` is how many mails may be under way at a time, and it can be asked before anything is sent."""
    assert way.transport.connections == way.connections


def test_transport_has_a_name_and_shows_no_secret(way: Way) -> None:
    """`name` says which way and, over the network, to which server; `repr` says it too."""
    kind = way.transport.name.split()[0]
    assert kind in ("outbox", "smtp", "sendgrid")
    assert kind in repr(way.transport).lower()
