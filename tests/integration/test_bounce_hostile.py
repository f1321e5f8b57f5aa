"""Anybody can write to a bounce address: whatever comes is read in bounds, raises nothing, and proves nothing."""

from __future__ import annotations

import resource
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drip.inbound.bounces import MOST_RECIPIENTS, TOO_LARGE, read_bounce
from drip.inbound.mail import DEEPEST, LARGEST, MOST_PARTS, read_mail, walk
from drip.track.token import Ring, return_to

FOLDER = Path(__file__).parents[1] / "data" / "bounces"
CORPUS = [file.read_bytes() for file in sorted(FOLDER.glob("*.eml"))]
RING = Ring.of(["a secret for the tests of bounces"])
NOW = datetime(2026, 11, 24, 14, 0, tzinfo=UTC)
#: Seconds of processor time for one mail, however large or mean.
MOST_SECONDS = 10

_STATUS = (
    b"From: MAILER-DAEMON@x\nContent-Type: multipart/report; boundary=b\n\n"
    b"--b\nContent-Type: message/delivery-status\n\n"
)


def nested(levels: int) -> bytes:
    """A mail in a mail in a mail."""
    return b"Content-Type: message/rfc822\n\n" * levels + b"From: a@b\n\nx"


def boxes(levels: int) -> bytes:
    """A multipart in a multipart, each with its own boundary."""
    heads = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(levels))
    return b"From: MAILER-DAEMON@x\nReturn-Path: <>\n" + heads + b"\n" * 100_000


MEAN: dict[str, Callable[[], bytes]] = {
    "a mail in a mail, 100,000 times": lambda: nested(100_000),
    "boxes in boxes": lambda: boxes(30_000),
    "a million recipients": lambda: _STATUS + b"Final-Recipient: rfc822;a@b\nAction: failed\n\n" * 150_000 + b"\n--b--",
    "other recipients": lambda: (
        _STATUS + b"".join(b"Final-Recipient: rfc822;a%d@b\nAction: failed\n\n" % n for n in range(5_000)) + b"\n--b--"
    ),
    "a header of megabytes": lambda: b"Subject: " + b"x" * 9_000_000 + b"\n\nx",
    "megabytes of headers": lambda: b"Auto-Submitted: ((((((((((((((\n" * 300_000 + b"\n",
    "a header folded for ever": lambda: b"From: MAILER-DAEMON@x\nSubject: x" + b"\n x" * 3_000_000,
    "empty lines": lambda: b"Return-Path: <>\nFrom: MAILER-DAEMON@x\n\n" + b"\n" * 10_000_000,
    "one line": lambda: b"Return-Path: <>\nFrom: MAILER-DAEMON@x\n\n" + b"a@" * 5_000_000,
    "dashes": lambda: b"Return-Path: <>\nFrom: MAILER-DAEMON@x\n\n" + b"-" * 10_000_000,
    "angles": lambda: b"Return-Path: <>\nFrom: MAILER-DAEMON@x\nContent-Type: text/html\n\n" + b"<" * 10_000_000,
    "spaces": lambda: b"Return-Path: <>\nFrom: MAILER-DAEMON@x\n\n" + b" \t" * 5_000_000,
    "parts without end": lambda: (
        b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\nContent-Type: text/plain\n\nx\n" * 250_000
    ),
    "boundaries alone": lambda: b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n" * 2_000_000,
    "names that look like ours": lambda: b"To: " + b"baaaaaaaaaaaaaaaaaaaaaaa@x, " * 300_000 + b"\n\nx",
    "links that look like ours": lambda: (
        b"From: MAILER-DAEMON@x\n\n" + b"/u/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n" * 250_000
    ),
    "a charset that takes its time": lambda: (
        b"Return-Path: <>\nFrom: MAILER-DAEMON@x\nContent-Type: text/plain; charset=punycode\n\n" + b"a-" * 4_000_000
    ),
    "base64 of nothing": lambda: (
        b"Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\n" + b"=" * 9_000_000 + b"A"
    ),
    "base64 in base64": lambda: (
        b"Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\n" + b"Cg" * 4_500_000
    ),
    "quoted-printable": lambda: (
        b"Return-Path: <>\nFrom: MAILER-DAEMON@x\nContent-Transfer-Encoding: quoted-printable\n\n" + b"=\n" * 5_000_000
    ),
    "a boundary of brackets": lambda: b'Content-Type: multipart/mixed; boundary="((((((*+?"\n\n--((((((*+?\n\nx',
    "words that almost fit": lambda: (
        _STATUS
        + b"Final-Recipient: rfc822;a@b\nAction: failed\nDiagnostic-Code: smtp; "
        + b"exceeds doesn't have an mailbox access denied " * 200_000
        + b"\n\n--b--"
    ),
}


@pytest.mark.parametrize("name", MEAN)
def test_a_mean_mail_is_read_in_bounds(name: str) -> None:
    """Ten megabytes made to hold a reader up are read in seconds, with few recipients, and belong to nobody."""
    content = MEAN[name]()[:LARGEST]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_utime
    read = read_bounce(content, RING, now=NOW)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_utime - before < MOST_SECONDS
    assert len(read.heard) <= MOST_RECIPIENTS
    assert all(one.delivery_id is None for one in read.heard)
    assert all(len(one.said) <= 500 and len(one.recipient) <= 520 for one in read.heard)


def test_depth_and_number_of_parts_have_an_end() -> None:
    """Deeper, and more, than any mail server nests is not looked at."""

    def depth(part: object) -> int:
        return 1 + max((depth(one) for one in part.inside), default=0)  # type: ignore[attr-defined]

    assert depth(read_mail(nested(50))) == DEEPEST + 1
    many = b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\nx\n" * 1_000
    assert len(list(walk(read_mail(many)))) == MOST_PARTS


def test_too_large_a_mail_is_said_to_be() -> None:
    """It is not read at all, not even its beginning."""
    head = f"To: {return_to(RING, 7)}@bounces.acme.example\n".encode() + _STATUS
    body = b"Final-Recipient: rfc822;a@b\nAction: failed\nStatus: 5.1.1\n\n--b--\n"
    assert read_bounce(head + body, RING, now=NOW).heard[0].delivery_id == 7
    read = read_bounce(head + body + b"x" * LARGEST, RING, now=NOW)
    assert (read.heard, read.why) == ((), TOO_LARGE)


@given(st.binary(max_size=3_000))
def test_any_bytes_are_read(content: bytes) -> None:
    """Nothing is raised, and nobody's mail is proven."""
    assert all(one.delivery_id is None for one in read_bounce(content, RING, now=NOW).heard)


@given(st.data())
def test_a_mail_with_a_piece_changed_is_read(data: st.DataObject) -> None:
    """Cut, doubled, shuffled, with other bytes in it, or grown into another one: no mail of the corpus breaks it."""
    content = data.draw(st.sampled_from(CORPUS))
    for _ in range(data.draw(st.integers(1, 4))):
        at, to = sorted((data.draw(st.integers(0, len(content))), data.draw(st.integers(0, len(content)))))
        other = data.draw(st.sampled_from(CORPUS))
        piece = data.draw(
            st.one_of(st.binary(max_size=20), st.just(content[at:to] * 2), st.just(b""), st.just(other[at:to]))
        )
        content = content[:at] + piece + content[to:]
    for one in read_bounce(content, RING, now=NOW).heard:
        assert one.at.tzinfo is not None
        assert one.recipient.isprintable()
        assert one.said.isprintable()


@given(st.integers(1, 10**9), st.data())
def test_a_return_address_with_a_letter_changed_proves_nothing(delivery: int, data: st.DataObject) -> None:
    """Not one letter of it can be guessed at."""
    right = return_to(RING, delivery)
    place = data.draw(st.integers(1, len(right) - 1))
    letter = data.draw(st.sampled_from([one for one in "abcdefghijklmnopqrstuvwxyz234567" if one != right[place]]))
    wrong = right[:place] + letter + right[place + 1 :]
    content = f"To: {wrong}@bounces.acme.example\n".encode() + _STATUS
    content += b"Final-Recipient: rfc822;a@b\nAction: failed\nStatus: 5.1.1\n\n--b--\n"
    (one,) = read_bounce(content, RING, now=NOW).heard
    assert one.delivery_id in (None, delivery)  # spare bits of base32's last letter say nothing
    assert one.delivery_id is None or place == len(right) - 1
