"""Signed mails on their way: what a mail server has in its hands is what was signed, however it came there."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from mail_server import MailServer
from verifiers import by_dkimpy, by_opendkim, ed25519, rsa

from drip.render.message import Message
from drip.render.mime import to_bytes
from drip.transports import Outcome, dkim
from drip.transports.dkim_keys import DkimKey
from drip.transports.outbox import Outbox
from drip.transports.smtp import Smtp
from drip.transports.smtp_batch import Batch, Record

Mail = Callable[..., Message]
KEYS = (rsa(), ed25519())
BOTH = [True, True]
SENT, REFUSED = Outcome.SENT, Outcome.REFUSED


def arrived(server: MailServer) -> list[bytes]:
    """The mails that a server has taken, as bytes."""
    return [message["data"].encode("utf-8", "surrogateescape") for message in server.messages()]


@pytest.mark.parametrize(
    "options",
    [{}, {"pipelining": True}, {"script": {}, "extensions": ["PIPELINING", "8BITMIME"]}],
    ids=["aiosmtpd", "aiosmtpd, pipelining", "scripted peer"],
)
def test_what_arrives_is_good(
    start_smtp_server: Callable[..., MailServer], mail: Mail, options: dict[str, object]
) -> None:
    """Forty mails over three connections, envelopes sent ahead and dots doubled: each is there once, byte for byte as
    it was signed, and both verifiers find both signatures good."""
    server = start_smtp_server(**options)
    smtp = Smtp("127.0.0.1", server.port, connections=3, timeout=20, keys=KEYS)
    mails = [mail(number, text="Hej\n.\n..två\n" * number) for number in range(1, 41)]
    assert {receipt.outcome for receipt in smtp.send(mails).receipts} == {SENT}
    smtp.close()
    contents = arrived(server)
    assert sorted(contents) == sorted(dkim.written(one, KEYS) for one in mails)
    assert [by_dkimpy(content, KEYS) for content in contents] == [BOTH] * 40
    assert by_opendkim(contents, KEYS) == [BOTH] * 40


def test_retry_has_the_same_bytes(start_smtp_server: Callable[..., MailServer], mail: Mail) -> None:
    """A mail whose verdict was lost goes again, from another transport with keys read anew: a receiver has the very
    same mail twice, signatures and all."""
    server = start_smtp_server(script={"dot": ["take and cut", "ok"]})
    for outcome in (Outcome.IN_DOUBT, SENT):
        smtp = Smtp("127.0.0.1", server.port, connections=1, timeout=20, keys=(rsa(), ed25519()))
        assert [receipt.outcome for receipt in smtp.send([mail(1)]).receipts] == [outcome]
        smtp.close()
    first, second = arrived(server)
    assert first == second
    assert by_opendkim([first], KEYS) == [BOTH]


def test_mail_that_cannot_be_written_stops_no_other(start_smtp_server: Callable[..., MailServer], mail: Mail) -> None:
    """First, last or between: it alone is refused, with the reason; the others go, signed."""
    server = start_smtp_server()
    broken = {"headers": (("From", "learn@acme.example"), ("From", "eve@evil.example"))}
    mails = [mail(number, **(broken if number in (1, 5, 10) else {})) for number in range(1, 11)]
    smtp = Smtp("127.0.0.1", server.port, connections=2, timeout=20, keys=KEYS)
    receipts = smtp.send(mails).receipts
    smtp.close()
    assert [receipt.outcome for receipt in receipts] == [
        REFUSED if number in (1, 5, 10) else SENT for number in range(1, 11)
    ]
    assert "more than one from header" in receipts[0].answer
    assert by_opendkim(arrived(server), KEYS) == [BOTH] * 7


def test_mail_of_another_domain_goes_unsigned(start_smtp_server: Callable[..., MailServer], mail: Mail) -> None:
    """No key covers its From: it goes as it is (the doctor says so), next to signed ones."""
    server = start_smtp_server()
    other = mail(2, headers=(("From", "learn@other.example"), ("To", "a@kund.example")))
    smtp = Smtp("127.0.0.1", server.port, connections=1, timeout=20, keys=KEYS)
    assert {receipt.outcome for receipt in smtp.send([mail(1), other]).receipts} == {SENT}
    smtp.close()
    signed, plain = sorted(arrived(server))
    assert by_dkimpy(signed, KEYS) == BOTH
    assert plain == to_bytes(other)


def test_outbox_holds_mails_as_they_would_travel(tmp_path: Path, mail: Mail) -> None:
    """A file of the outbox is signed, and good: keys can be tried before anything is sent."""
    Outbox(tmp_path, KEYS).send([mail(1)])
    content = next(tmp_path.glob("*.eml")).read_bytes()
    assert content == dkim.written(mail(1), KEYS)
    assert by_opendkim([content], KEYS) == [BOTH]


def test_two_threads_sign_each_mail_once(mail: Mail, monkeypatch: pytest.MonkeyPatch) -> None:
    """The thread that waits signs from the end, the one that sends takes from the front, and they meet: nothing is
    signed for nothing but the one mail at which both arrive, and every letter holds what its message says."""
    mails = [mail(number) for number in range(60)]
    wanted = [dkim.written(one, KEYS) for one in mails]
    times: list[int] = []
    real = DkimKey.sign
    monkeypatch.setattr(DkimKey, "sign", lambda key, data: times.append(1) or real(key, data))
    batch = Batch(mails, Record(), KEYS)
    ahead = threading.Thread(target=batch.sign_ahead)
    ahead.start()
    letters = []
    while (letter := batch.take(0)) is not None:
        letters.append(letter)
    ahead.join()
    assert [letter.content for letter in sorted(letters, key=lambda one: one.position)] == wanted
    assert len(times) in (2 * 60, 2 * 61)
