"""Encryption and passwords: what is verified, what is tolerated towards this machine, and what is never said."""

from __future__ import annotations

import base64
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from mail_server import self_signed

from drip.render.message import Message
from drip.transports import Outcome, Result
from drip.transports.smtp import Smtp, parse_smtp_url

Mail = Callable[..., Message]
Server = Callable[..., Any]

PASSWORD = "hem:lig t@/ö%"
#: Reaches this machine and is not loopback by name: the rules for "elsewhere" hold, without a second machine.
ELSEWHERE = "0.0.0.0"


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A self-signed certificate for 127.0.0.1 and localhost, made now."""
    return self_signed(tmp_path_factory.mktemp("certificate"))


@pytest.fixture
def send(mail: Mail) -> Iterator[Callable[..., Result]]:
    """Send two mails by a transport with these arguments, and close it."""
    transports: list[Smtp] = []

    def send(port: int, *, host: str = "127.0.0.1", **arguments: Any) -> Result:
        transports.append(Smtp(host, port, timeout=20, connections=2, **arguments))
        return transports[-1].send([mail(1), mail(2)])

    yield send
    for smtp in transports:
        smtp.close()


def assert_sent(result: Result) -> None:
    assert [receipt.outcome for receipt in result.receipts] == [Outcome.SENT] * 2, result
    assert result.trouble is None


def assert_trouble(result: Result, *words: str) -> None:
    assert [receipt.outcome for receipt in result.receipts] == [Outcome.UNTRIED] * 2, result
    for word in words:
        assert word in str(result.trouble)


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_verified_certificate(
    start_smtp_server: Server, certificate: dict[str, str], send: Callable[..., Result], tls: str
) -> None:
    """A certificate that `ca_file` vouches for is good, for STARTTLS and for TLS from the first byte."""
    server = start_smtp_server(**certificate, implicit=tls == "implicit")
    assert_sent(send(server.port, tls=tls, ca_file=certificate["cert"]))
    assert len(server.messages()) == 2


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_wrong_certificate_is_trouble(
    start_smtp_server: Server, certificate: dict[str, str], send: Callable[..., Result], tls: str
) -> None:
    """A self-signed certificate stops everything where TLS was asked for by name, even towards this machine."""
    server = start_smtp_server(**certificate, implicit=tls == "implicit")
    assert_trouble(send(server.port, tls=tls), "certificate", "self-signed")
    assert server.messages() == []


def test_certificate_of_another_name_is_trouble(
    start_smtp_server: Server, certificate: dict[str, str], send: Callable[..., Result]
) -> None:
    """A trusted certificate for somebody else is no better."""
    server = start_smtp_server(**certificate)
    assert_trouble(send(server.port, host=ELSEWHERE, tls="auto", ca_file=certificate["cert"]), "certificate")
    assert_trouble(send(server.port, host=ELSEWHERE, tls="starttls", ca_file=certificate["cert"]), "certificate")


def test_auto_tolerates_an_unknown_certificate_only_towards_this_machine(
    start_smtp_server: Server, certificate: dict[str, str], send: Callable[..., Result]
) -> None:
    """`auto` encrypts to 127.0.0.1 whatever the certificate, and refuses it elsewhere."""
    server = start_smtp_server(**certificate, require_starttls=True)
    assert_sent(send(server.port, tls="auto"))
    assert_sent(send(server.port, host="localhost", tls="auto"))
    assert_trouble(send(server.port, host=ELSEWHERE, tls="auto"), "certificate", "self-signed")


def test_named_authorities_are_insisted_on_even_here(
    start_smtp_server: Server, certificate: dict[str, str], send: Callable[..., Result], tmp_path: Path
) -> None:
    """Whoever names a `ca_file` wants it held against every server; one that cannot be read is trouble."""
    server = start_smtp_server(**certificate)
    assert_sent(send(server.port, tls="auto", ca_file=certificate["cert"]))
    other = tmp_path / "other.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
         "-subj", "/CN=other", "-out", str(other), "-keyout", str(tmp_path / "other.key")],
        check=True,
        capture_output=True,
    )  # fmt: skip
    assert_trouble(send(server.port, tls="auto", ca_file=str(other)), "certificate")
    assert_trouble(send(server.port, tls="auto", ca_file=str(tmp_path / "missing.pem")), "missing.pem")


def test_starttls_that_is_not_offered(smtp_server: Any, send: Callable[..., Result]) -> None:
    """`starttls` insists; `auto` goes without where none is offered; `none` never asks."""
    assert_trouble(send(smtp_server.port, tls="starttls"), "STARTTLS")
    assert_sent(send(smtp_server.port, tls="auto"))
    assert_sent(send(smtp_server.port, tls="none"))


@pytest.mark.parametrize(
    ("reply", "words"),
    [("454 4.7.0 TLS not available", "for now"), ("554 5.7.3 No TLS for you", "refused"), ("cut", "for now")],
)
@pytest.mark.parametrize("tls", ["auto", "starttls"])
def test_starttls_offered_and_refused(
    start_smtp_server: Server, send: Callable[..., Result], reply: str, words: str, tls: str
) -> None:
    """A server that offers STARTTLS and refuses it gets no mail in the clear."""
    server = start_smtp_server(script={"STARTTLS": [reply]}, extensions=["STARTTLS"])
    assert_trouble(send(server.port, tls=tls), words)
    assert not [event for event in server.events("line") if event["line"].startswith("MAIL")]


def test_tls_from_the_first_byte_to_a_plain_server(smtp_server: Any, send: Callable[..., Result]) -> None:
    """The wrong port for implicit TLS is trouble in words, at once."""
    assert_trouble(send(smtp_server.port, tls="implicit"), "does not speak TLS")


@pytest.mark.parametrize("tls", ["auto", "starttls"])
def test_login_accepted(
    start_smtp_server: Server, certificate: dict[str, str], send: Callable[..., Result], tls: str
) -> None:
    """A user and a password, over TLS."""
    server = start_smtp_server(**certificate, user="åsa", password=PASSWORD)
    assert_sent(send(server.port, tls=tls, ca_file=certificate["cert"], username="åsa", password=PASSWORD))
    assert_trouble(send(server.port, tls=tls, ca_file=certificate["cert"]), "530")


def test_login_refused_fails_nobody_and_is_tried_once(
    start_smtp_server: Server, certificate: dict[str, str], send: Callable[..., Result], mail: Mail
) -> None:
    """535 is the sender's own trouble; ten connections and three methods are no reason for thirty wrong passwords."""
    server = start_smtp_server(**certificate, user="åsa", password=PASSWORD)
    assert_trouble(send(server.port, username="åsa", password="wrong"), "535")
    peer = start_smtp_server(script={"AUTH": ["535 5.7.8 No"]}, extensions=["AUTH CRAM-MD5 PLAIN LOGIN"])
    smtp = Smtp("127.0.0.1", peer.port, "åsa", PASSWORD, connections=10, timeout=20)
    assert "535 5.7.8 No" in str(smtp.send([mail(number) for number in range(1, 40)]).trouble)
    smtp.close()
    assert len([event for event in peer.events("line") if event["line"].startswith("AUTH")]) == 1


def test_login_not_now(start_smtp_server: Server, send: Callable[..., Result]) -> None:
    """454 at AUTH passes: untried, for now."""
    peer = start_smtp_server(script={"AUTH": ["454 4.7.0 Try later"]}, extensions=["AUTH PLAIN"])
    assert_trouble(send(peer.port, username="a", password="b"), "for now", "454 4.7.0 Try later")


@pytest.mark.parametrize("extensions", [["AUTH LOGIN"], ["AUTH PLAIN"], ["AUTH XOAUTH2 PLAIN LOGIN"]])
def test_login_to_loopback_in_the_clear(
    start_smtp_server: Server, send: Callable[..., Result], extensions: list[str]
) -> None:
    """Towards this machine a password may go without TLS."""
    replies = ["334 UGFzc3dvcmQ6"] if "PLAIN" not in extensions[0] else ["235 2.7.0 Ok"]
    peer = start_smtp_server(script={"AUTH": replies, "password": ["235 2.7.0 Ok"]}, extensions=extensions)
    assert_sent(send(peer.port, username="a", password="b"))


def test_no_password_in_the_clear_elsewhere(start_smtp_server: Server, send: Callable[..., Result]) -> None:
    """`auto` never says a password unencrypted to another machine; not even the user's name is said."""
    peer = start_smtp_server(script={}, extensions=["AUTH PLAIN LOGIN CRAM-MD5"])
    result = send(peer.port, host=ELSEWHERE, username="asa", password=PASSWORD)
    assert_trouble(result, "in the clear")
    assert not [event for event in peer.events("line") if event["line"].startswith("AUTH")]


def test_no_way_to_log_in(start_smtp_server: Server, send: Callable[..., Result]) -> None:
    """A server without AUTH, or with none that we speak, is trouble in words."""
    assert_trouble(send(start_smtp_server(script={}).port, username="a", password="b"), "log in")
    peer = start_smtp_server(script={}, extensions=["AUTH GSSAPI"])
    assert_trouble(send(peer.port, username="a", password="b"), "log in")


def test_password_is_never_told(start_smtp_server: Server, send: Callable[..., Result]) -> None:
    """Not in `repr`, and not in trouble, even where the server repeats what it heard."""
    encoded = base64.b64encode(f"\0asa\0{PASSWORD}".encode()).decode()
    peer = start_smtp_server(
        script={"AUTH": [f"535 5.7.8 Bad {PASSWORD} in AUTH PLAIN {encoded}"]}, extensions=["AUTH PLAIN"]
    )
    smtp = Smtp(**parse_smtp_url(f"smtp://asa:hem%3Alig%20t%40%2F%C3%B6%25@127.0.0.1:{peer.port}"))
    result = send(peer.port, username="asa", password=PASSWORD)
    for told in (repr(smtp), repr(vars(smtp)), str(result)):
        assert PASSWORD not in told
        assert encoded not in told
    assert_trouble(result, "535 5.7.8 Bad ***")
