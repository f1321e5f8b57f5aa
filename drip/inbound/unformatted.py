"""Bounces in no standard's format: whom they name, by flufl.bounce, and what they say, from their text."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from email import message_from_bytes

from flufl.bounce import all_failures

from drip.inbound.dsn import Status, address_in
from drip.inbound.mail import Part, returned, text_of, walk
from drip.inbound.replies import from_a_daemon, has_null_sender

#: So much of a mail is looked at: what went wrong stands first. Lines are cut, since patterns are tried on each.
_MOST_BYTES, _MOST_LINES, _LONGEST_LINE = 131_072, 2_000, 1_000
#: Characters of a bounce's text that may say why.
_WORDS = 4_000
#: Where the mail that came back begins, in a bounce of one piece.
_COPY = re.compile(
    rb"^[ \t]*-{2,60}.{0,30}\b(?:below this line|copy of (?:the|your) message|original message|returned"
    rb"|(?:un)?sent message)",
    re.IGNORECASE | re.MULTILINE,
)
_LATE = re.compile(r"\bdelay|\bwarning|not yet been|verzöger|försen|fördröj|retard|遅延", re.IGNORECASE)

# it writes a line for each of its patterns, and a traceback where it has met a mail that it cannot read
logging.getLogger("flufl.bounce").setLevel(logging.CRITICAL)


def looks_returned(mail: Part) -> bool:
    """Whether a mail server may have written it."""
    return from_a_daemon(mail) or has_null_sender(mail) or bool(mail.first("x-failed-recipients"))


def unformatted(content: bytes, mail: Part) -> Iterator[Status]:
    """Whom a bounce without a delivery status names. Actions are `failed` and `delayed`, as in one that has it."""
    words = said_in(mail)
    late, failed = _by_flufl(content)
    if not late and not failed and from_a_daemon(mail):
        back = returned(mail)
        known = address_in(back.first("to")) if back is not None else ""
        (late if _LATE.search(mail.first("subject")) else failed).append(known)
    for action, addresses in (("failed", failed), ("delayed", [one for one in late if one not in failed])):
        for address in addresses:
            yield Status(final=address, original="", action=action, status="", said=_about(address, words, addresses))


def said_in(mail: Part) -> str:
    """The text of a bounce, without that of the mail which came back with it."""
    for part in walk(mail, into_mails=False):
        if not part.inside and part.type in ("text/plain", "text/html") and part.body.strip():
            text = text_of(part)
            if part.type == "text/html":
                text = re.sub(r"<[^<>@]{0,1000}>", " ", text)
            return _before_copy(text.encode()).decode("utf-8", "replace").strip()[:_WORDS]
    return ""


def _by_flufl(content: bytes) -> tuple[list[str], list[str]]:
    """(delayed, failed) addresses. It is made for mails that are well meant, and raises on others."""
    lines = _before_copy(content[:_MOST_BYTES]).split(b"\n")[:_MOST_LINES]
    message = message_from_bytes(b"\n".join(line[:_LONGEST_LINE] for line in lines))
    try:
        late, failed = all_failures(message)
    except Exception:  # noqa: BLE001  (IndexError, ValueError, LookupError, RecursionError … were seen)
        return [], []
    return _addresses(late), _addresses(failed)


def _addresses(found: frozenset[bytes]) -> list[str]:
    return sorted({address for one in found if (address := address_in(one.decode("ascii", "replace")))})


def _before_copy(text: bytes) -> bytes:
    """The text up to the mail that came back; some formats begin with such a line, and need what follows."""
    found = _COPY.search(text, 200)
    return text[: found.end()] if found else text


def _about(address: str, words: str, addresses: list[str]) -> str:
    """Of a text that speaks of several addresses, what it says of this one."""
    if len(addresses) < 2 or address not in words:
        return words
    start = words.index(address)
    ends = [place for other in addresses if other != address and (place := words.find(other, start + 1)) > 0]
    return words[start : min(ends, default=len(words))]
