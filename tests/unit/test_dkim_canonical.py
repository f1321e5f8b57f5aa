"""The relaxed form of bodies and headers (RFC 6376, section 3.4), and that bodies of ours have it as they stand."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from dkim.canonicalization import Relaxed
from hypothesis import example, given
from hypothesis import strategies as st

from drip.render.message import Message
from drip.render.mime import to_bytes
from drip.transports import dkim

AT = datetime(2026, 11, 5, 8, 0, tzinfo=UTC)


def message(text: str, html: str, subject: str = "Hej") -> Message:
    """A mail with these parts."""
    return Message(
        delivery_id=1,
        mail_from="learn@acme.example",
        rcpt_to="ada@kund.example",
        message_id="<1@acme.example>",
        date=AT,
        subject=subject,
        headers=(("From", "Acme <learn@acme.example>"), ("To", "ada@kund.example")),
        text=text,
        html=html,
    )


@pytest.mark.parametrize(
    ("body", "relaxed"),
    [
        (b"", b""),
        (b"\r\n", b""),
        (b"\r\n\r\n\r\n", b""),
        (b" \t\r\n\t\r\n", b""),
        (b"one\r\n", b"one\r\n"),
        (b"one", b"one\r\n"),
        (b"one \t", b"one\r\n"),
        (b"one\r\n\r\n\r\n", b"one\r\n"),
        (b"one\r\n \t \r\n", b"one\r\n"),
        (b"\r\n\r\none\r\n", b"\r\n\r\none\r\n"),
        (b" C \r\nD \t E\r\n\r\n\r\n", b" C\r\nD E\r\n"),  # the example of RFC 6376, section 3.4.5
        (b"\t\ttabs\tand  spaces\t \r\n", b" tabs and spaces\r\n"),
        (b".\r\n..two\r\n", b".\r\n..two\r\n"),
        (b"a\rb\nc\r\n", b"a\rb\nc\r\n"),  # a bare CR or LF is no line's end
        (b"a \rb\t\nc\n\r\n", b"a \rb \nc\n\r\n"),
        (b"x\n\r\n\r\n", b"x\n\r\n"),
        (b"no-break\xc2\xa0space \xc2\xa0\r\n", b"no-break\xc2\xa0space \xc2\xa0\r\n"),
        (b"form\x0cfeed \x0b\r\n", b"form\x0cfeed \x0b\r\n"),
    ],
)
def test_awkward_body(body: bytes, relaxed: bytes) -> None:
    """Blanks at a line's end and an empty end go, blanks in a row are one space, and nothing else changes."""
    assert dkim.relaxed_body(body) == relaxed
    assert dkim.relaxed_body(relaxed) == relaxed


@given(st.lists(st.sampled_from([b" ", b"\t", b"\r\n", b"a", b".", b"=", b"\xc3\xa5", b"\x0c"])).map(b"".join))
@example(b"a " * 200)
@example(b"a b\r\n" * 200 + b"c \r\n\r\n")
def test_any_body_is_relaxed_as_dkimpy_relaxes_it(body: bytes) -> None:
    """Whatever stands between line ends: dkimpy makes the same of it."""
    body += b"\r\n"
    theirs: bytes = Relaxed.canonicalize_body(body)
    assert dkim.relaxed_body(body) == (b"" if theirs == b"\r\n" else theirs)


@given(st.text(), st.text(), st.text(st.characters(exclude_characters="\r\n\0", codec="utf-8")))
@example("\r", "\n", "")
@example("a \r\n\r\n", "\t\r b \n", " two  spaces ")
@example("", "", "x" * 2000)
def test_bodies_of_ours_are_relaxed_as_they_stand(text: str, html: str, subject: str) -> None:
    """Every line of a mail that `to_bytes` writes ends in CRLF, no bare CR or LF is in it, and nothing in its body is
    for the general way to change, nor leads there: the quick look is what makes signing cheap."""
    content = to_bytes(message(text, html, subject))
    assert content.endswith(b"\r\n")
    assert content.count(b"\r\n") == content.count(b"\r") == content.count(b"\n")
    body = content.partition(b"\r\n\r\n")[2]
    assert dkim._is_relaxed(body)
    assert Relaxed.canonicalize_body(body) == body


@pytest.mark.parametrize(
    ("head", "relaxed"),
    [
        # the example of RFC 6376, section 3.4.5
        (b"A: X\r\nB : Y\t\r\n\tZ  ", [("a", b"a:X\r\n"), ("b", b"b:Y Z\r\n")]),
        (b"SUBJect:", [("subject", b"subject:\r\n")]),
        (b"Subject: \r\n \t\r\n x", [("subject", b"subject:x\r\n")]),
        (b"X: a:b : c", [("x", b"x:a:b : c\r\n")]),
        (b"X:\xc3\xa5\x0c b", [("x", b"x:\xc3\xa5\x0c b\r\n")]),
    ],
)
def test_awkward_header(head: bytes, relaxed: list[tuple[str, bytes]]) -> None:
    """Names are small, folds and blanks in a row are one space, and none stands around the colon or at the end."""
    names, fields = dkim._fields(head)
    assert list(zip(names, fields, strict=True)) == relaxed
