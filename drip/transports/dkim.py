"""A mail and keys → the mail with a DKIM-Signature before it for each key (RFC 6376, RFC 8463), relaxed/relaxed.

    head and body → both in relaxed form → the body's hash → what is signed → a signature a key

The same mail and the same keys give the same bytes, so that a retry is the same mail: RSA (PKCS #1 v1.5) and Ed25519
are deterministic, and there is no t=, x= or l=. Decision 017 says why.
"""

from __future__ import annotations

import re
from binascii import b2a_base64
from collections.abc import Sequence
from functools import lru_cache
from hashlib import sha256

from drip.render.message import Message
from drip.render.mime import to_bytes
from drip.transports.dkim_keys import DkimKey, signers_for

__all__ = ["relaxed_body", "sign", "written"]

#: Signed, and named once more often than they stand in the mail: nobody can add one, seen or unseen, on the way.
_OVERSIGNED = (
    "from",
    "to",
    "cc",
    "reply-to",
    "subject",
    "date",
    "message-id",
    "list-unsubscribe",
    "list-unsubscribe-post",
    "mime-version",
    "content-type",
)
#: Signed where they stand; the next one on the way may add its own.
_SIGNED = ("sender", "in-reply-to", "references", "list-id", "feedback-id")

#: Columns of a line of the signature.
_FOLD = 76
#: Spaces of a body that are looked at one by one. To search for two in a row takes 16 µs in 23 kB, and base64 has none.
_FEW_SPACES = 60
_BLANKS = re.compile(rb"[ \t]+")
_AFTER_SPACE = frozenset(b" \r")
_DOMAIN = re.compile(rb"@([^@<>,\s]+)>?\Z")


def written(message: Message, keys: Sequence[DkimKey]) -> bytes:
    """A message as it travels, signed by the keys that cover its From. Raises ValueError, as `to_bytes` does."""
    return sign(to_bytes(message), keys)


def sign(content: bytes, keys: Sequence[DkimKey]) -> bytes:
    """Put a signature before a mail for each key whose domain is From's or above it; without one it stays as it is.

    Every line of `content` ends in CRLF, as `to_bytes` promises (a bare CR or LF is a character like others, as in RFC
    6376). Raises ValueError for a mail without one From.
    """
    if not keys:
        return content
    head, _, body = content.partition(b"\r\n\r\n")
    names, fields = _fields(head)
    if names.count("from") != 1:
        raise ValueError("a mail is signed for its From, and this one has none or several")
    signers = _signers(fields[names.index("from")], tuple(keys))
    if not signers:
        return content
    if body and not body.endswith(b"\r\n"):
        body, content = body + b"\r\n", content + b"\r\n"  # as it will arrive
    body_hash = b2a_base64(sha256(relaxed_body(body)).digest(), newline=False)
    order, named = _order(names)
    covered = b"".join([fields[place] for place in order])
    return b"".join([*(_signature(key, named, covered, body_hash) for key in signers), content])


def _signature(key: DkimKey, named: bytes, covered: bytes, body_hash: bytes) -> bytes:
    """One DKIM-Signature, with its line end. It covers itself too, with an empty b= (RFC 6376, section 3.7)."""
    opening, relaxed_opening = _opening(key, named)
    signed = b"%b%b bh=%b; b=" % (covered, relaxed_opening, body_hash)
    value = b2a_base64(key.sign(signed), newline=False)
    lines = [value[start : start + _FOLD - 3] for start in range(0, len(value), _FOLD - 3)]
    return b"%b\r\n bh=%b;\r\n b=%b\r\n" % (opening, body_hash, b"\r\n ".join(lines))


@lru_cache(maxsize=64)
def _opening(key: DkimKey, named: bytes) -> tuple[bytes, bytes]:
    """Everything of a signature up to the body's hash: as it is written, folded, and in relaxed form."""
    pieces = [b"v=1;", b"a=%b-sha256;" % key.algorithm.encode(), b"c=relaxed/relaxed;"]
    pieces += [b"d=%b;" % key.domain.encode("ascii"), b"s=%b;" % key.selector.encode("ascii")]
    name = b"DKIM-Signature:"
    lines = [name]
    for piece in pieces:
        lines = _joined(lines, b" " + piece)
    first, *rest = named.split(b":")
    lines = _joined(lines, b" h=" + first)
    for one in rest:
        lines[-1] += b":"
        lines = _joined(lines, one)
    lines[-1] += b";"
    return b"\r\n ".join(lines), b"dkim-signature:" + b" ".join(lines)[len(name) + 1 :]


def _joined(lines: list[bytes], piece: bytes) -> list[bytes]:
    """Put a piece behind what stands there, or on a line of its own where the last one is full."""
    if len(lines[-1]) + len(piece) < _FOLD:
        return [*lines[:-1], lines[-1] + piece]
    return [*lines, piece.lstrip(b" ")]


@lru_cache(maxsize=64)
def _signers(sender: bytes, keys: tuple[DkimKey, ...]) -> tuple[DkimKey, ...]:
    found = _DOMAIN.search(sender.rstrip(b"\r\n"))
    return signers_for(found[1].decode("ascii", "replace"), keys) if found else ()


def _fields(head: bytes) -> tuple[tuple[str, ...], list[bytes]]:
    """The names of a mail's headers, and the headers in relaxed form, in their order."""
    lines: list[bytes] = []
    for line in head.split(b"\r\n"):
        if line[:1] in (b" ", b"\t") and lines:
            lines[-1] += line
        elif line:
            lines.append(line)
    known = [_relaxed_field(line) for line in lines]
    return tuple([name for name, _ in known]), [field for _, field in known]


@lru_cache(maxsize=1024)  # two thirds of a mail's headers are those of the mail before it
def _relaxed_field(line: bytes) -> tuple[str, bytes]:
    """The name and the relaxed form of an unfolded header (RFC 6376, section 3.4.2)."""
    name, _, value = line.partition(b":")
    if b"\t" in value or b"  " in value:
        value = _BLANKS.sub(b" ", value)
    name = name.rstrip(b" \t").lower()
    return name.decode("ascii", "replace"), b"%b:%b\r\n" % (name, value.strip(b" \t"))


@lru_cache(maxsize=64)
def _order(names: tuple[str, ...]) -> tuple[tuple[int, ...], bytes]:
    """Which headers are signed, one after the other, and what h= says. Of several with one name the last is first."""
    places: list[int] = []
    named: list[str] = []
    for name in (*_OVERSIGNED, *_SIGNED):
        there = [place for place in reversed(range(len(names))) if names[place] == name]
        places += there
        named += [name] * (len(there) + (name in _OVERSIGNED))
    return tuple(places), ":".join(named).encode("ascii")


def relaxed_body(body: bytes) -> bytes:
    """A body in relaxed form (RFC 6376, section 3.4.4): no blanks at a line's end, one between words, no empty end."""
    if _is_relaxed(body):
        return body
    body = _BLANKS.sub(b" ", body).replace(b" \r\n", b"\r\n")
    end = len(body)
    if body.endswith(b" "):  # a last line without an end
        end -= 1
    while body[end - 2 : end] == b"\r\n" and end:
        end -= 2
    return body[:end] + b"\r\n" if end else b""


def _is_relaxed(body: bytes) -> bool:
    """Whether a body is in relaxed form as it stands, as base64 is. False says nothing: it has too many spaces, say."""
    if body[-4:] == b"\r\n\r\n" or body[-2:] != b"\r\n" or len(body) == len(b"\r\n") or b"\t" in body:
        return False
    space, left = body.find(b" "), _FEW_SPACES
    while space >= 0 and body[space + 1] not in _AFTER_SPACE and left:
        space, left = body.find(b" ", space + 1), left - 1
    return space < 0
