"""Whose mail is it that somebody speaks of: found in what we have signed, since everything else can be made up.

Our envelope's sender names the delivery (`track/token.return_to`), and so does the token of its List-Unsubscribe.
Whoever knows one of them has the mail: its learner, their mail server, or somebody to whom it was forwarded, who could
as well press the link and leave in the learner's name. An address alone proves nothing: anybody can write a report
about anybody.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from drip.errors import TokenError
from drip.inbound.mail import Part, decoded, text_of, walk
from drip.track.token import LONGEST, Purpose, Ring, came_back, verify

#: So many things that look like ours are tried; a mail has a handful.
MOST_TRIED = 100
#: Where a mail server writes whom a mail was for; the last two, where it writes nothing else.
_ARRIVED_AT = (
    "delivered-to",
    "x-original-to",
    "envelope-to",
    "x-envelope-to",
    "x-rcpt-to",
    "x-forwarded-to",
    "to",
    "cc",
)
#: A mail passes through few hands; the uppermost line is the last of them.
_RECEIVED = 10
_RETURN_TO = re.compile(r"(?<![\w.+-])(b[a-z2-7]{19,60})@", re.IGNORECASE)
_LEAVE = re.compile(rf"/u/([A-Za-z0-9_-]{{30,{LONGEST}}})(?![A-Za-z0-9_-])")
_MESSAGE_ID = re.compile(r"<([0-9a-f]{32}@[\w.-]{1,253})>")


@dataclass(frozen=True, slots=True, kw_only=True)
class Whose:
    """The delivery that is proven (0: a test mail, which has no ledger row), and by what: `envelope` or `link`."""

    delivery_id: int
    by: str


def whose(mail: Part, ring: Ring, *, now: datetime) -> Whose | None:
    """The delivery that a mail is about; None where nothing in it is ours. Where it came to goes over what it holds."""
    for delivery_id in _returned_to(_arrived_at(mail), ring):
        return Whose(delivery_id=delivery_id, by="envelope")
    texts = list(_texts(mail))
    for delivery_id in _returned_to(texts, ring):
        return Whose(delivery_id=delivery_id, by="envelope")
    for delivery_id in _left_by(texts, ring, now):
        return Whose(delivery_id=delivery_id, by="link")
    return None


def message_id(mail: Part) -> str:
    """The Message-ID of ours that a mail speaks of, with its brackets; empty where none looks like one.

    It is a keyed hash, so it cannot be read, only recognised by whoever knows which deliveries it may be.
    """
    for part in walk(mail):
        for name in ("message-id", "in-reply-to", "references", "original-message-id", "x-original-message-id"):
            if name == "message-id" and part is mail:
                continue  # the one of the report itself
            for value in part.all(name):
                if (found := _MESSAGE_ID.search(value)) is not None:
                    return found[0]
    return ""


def _arrived_at(mail: Part) -> Iterator[str]:
    for name in _ARRIVED_AT:
        yield from mail.all(name)
    yield from mail.all("received")[:_RECEIVED]


def _texts(mail: Part) -> Iterator[str]:
    """Whatever may hold what we have signed: headers first, then the texts, as they came and decoded."""
    parts = list(walk(mail))
    for part in parts:
        yield "\n".join(value for _, value in part.headers)
    for part in parts:
        if not part.inside:
            yield text_of(part)
            if b"=\n" in part.body or b"=\r\n" in part.body:  # encoded, in a part that does not say so
                yield decoded(part)[:65_536].replace(b"=\r\n", b"").replace(b"=\n", b"").decode("latin-1")


def _returned_to(texts: Iterator[str] | list[str], ring: Ring) -> Iterator[int]:
    tried: set[str] = set()
    for text in texts:
        for found in _RETURN_TO.finditer(text):
            if len(tried) >= MOST_TRIED:
                return
            if found[1] not in tried:
                tried.add(found[1])
                if (delivery_id := came_back(ring, found[1])) is not None:
                    yield delivery_id


def _left_by(texts: list[str], ring: Ring, now: datetime) -> Iterator[int]:
    tried: set[str] = set()
    for text in texts:
        for found in _LEAVE.finditer(text):
            if len(tried) >= MOST_TRIED:
                return
            if found[1] in tried:
                continue
            tried.add(found[1])
            try:
                yield verify(ring, found[1], Purpose.UNSUBSCRIBE, now=now).delivery_id
            except TokenError:
                continue
