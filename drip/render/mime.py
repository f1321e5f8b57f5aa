"""A Message becomes bytes: headers by rule, bodies in base64, the same bytes at every retry.

How a header's value is written depends on its name:

- **address headers** (From, Sender, Reply-To, To, Cc, Bcc): build them with `address(name, email)`, whose result is
  ASCII and goes out as it stands. One `Name <email>` or `email` in Unicode is encoded here.
- **identifiers** (List-*, Message-ID, References, Date and the others in `_IDENTIFIERS`): ASCII only; never encoded
  and never folded, since a mail program that sees a broken List-Unsubscribe shows no button. Use `phrase(name)` for
  the words in a List-Id.
- **text** (Subject and everything else): Unicode; printable ASCII goes out readable, all else as encoded words
  (RFC 2047).

Lines are folded at 76 columns where a single space allows it; no line is longer than 998 (RFC 5322, section 2.1.1).
"""

from __future__ import annotations

import binascii
import hashlib
import re
import struct
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # message.py fills the messages and needs address() and date() from here
    from drip.render.message import Message

_ADDRESSES = frozenset({"from", "sender", "reply-to", "to", "cc", "bcc"})
_IDENTIFIERS = frozenset(
    {"message-id", "in-reply-to", "references", "date", "auto-submitted", "precedence", "feedback-id", "return-path"}
)
#: Headers that a mail has once (RFC 5322, section 3.6).
_SINGLE = frozenset({*_ADDRESSES, "message-id", "in-reply-to", "references", "date", "subject"})

#: Columns of a folded line (RFC 5322 asks for 78, RFC 2047 for 76 where it holds an encoded word), and of any line.
_FOLD, _LINE = 76, 998
_WORD_OPEN, _WORD_CLOSE = b"=?utf-8?b?", b"?="
#: A display name in ASCII that is longer goes out as encoded words: they may be folded anywhere.
_LONGEST_PLAIN_NAME = 60
#: Columns of base64 (RFC 2045, section 6.8).
_BASE64_LINE = 76

_HEADER_NAME = re.compile(r"[!-9;-~]+\Z")
_LINE_BREAK = re.compile(r"[\r\n\0]")
_PRINTABLE = re.compile(r"[ -~]*\Z")
#: Words of atoms only, with one space between (RFC 5322's atext).
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*\Z")
_LOCAL_PART = re.compile(r"""(?:[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+|"(?:[ !#-\[\]-~]|\\[ -~])+")\Z""")
_DOMAIN = re.compile(r"(?:[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?(?:\.[A-Za-z0-9_-]+)*|\[[A-Za-z0-9.:]+\])\Z")
_MAILBOX = re.compile(r"""\s*(?:"((?:[^"\\]|\\.)*)"|([^"<>]*?))\s*<([^<>]+)>\s*\Z""")
_SINGLE_SPACE = re.compile(r"(?<! ) (?! )")

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def to_bytes(message: Message) -> bytes:
    """Write a message as it travels: CRLF line ends, ASCII, multipart/alternative with the text before the HTML.

    Subject, Date and Message-ID come from the message's own fields unless its headers hold them. Raises ValueError for
    a value with a line break, an address that cannot be written in ASCII, a header that is too long for one line, a
    second From, or none.
    """
    message_id = message.message_id if message.message_id.startswith("<") else f"<{message.message_id}>"
    headers = list(message.headers)
    left_out = _left_out(tuple(name for name, _ in headers))
    if "subject" in left_out:
        headers.append(("Subject", message.subject))
    if "date" in left_out:
        headers.append(("Date", date(message.date)))
    if "message-id" in left_out:
        headers.append(("Message-ID", message_id))

    # The underscore occurs in no base64, so no line of a part can look like the boundary.
    boundary = b"=_" + hashlib.sha256(message_id.encode()).hexdigest()[:32].encode()
    lines = [header(name, value) for name, value in headers]
    lines.append(b'MIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary="%b"\r\n\r\n' % boundary)
    if message.text or not message.html:
        lines.append(_part(boundary, b"plain", message.text))
    if message.html:  # an empty last alternative would be shown instead of the text
        lines.append(_part(boundary, b"html", message.html))
    lines.append(b"--%b--\r\n" % boundary)
    return b"".join(lines)


@lru_cache(maxsize=64)
def _left_out(names: tuple[str, ...]) -> frozenset[str]:
    """Those of a message's own fields that its headers do not hold. Raises ValueError for headers it cannot have."""
    low = [name.lower() for name in names]
    if "from" not in low:
        raise ValueError("the message has no From header")
    for name in low:
        if name in _SINGLE and low.count(name) > 1:
            raise ValueError(f"the message has more than one {name} header")
        if name == "mime-version" or (name.startswith("content-") and name != "content-language"):
            raise ValueError(f"{name} is written by to_bytes; leave it out of the message's headers")
    return frozenset({"subject", "date", "message-id"}.difference(low))


@lru_cache(maxsize=1024)  # two thirds of a mail's headers are those of the mail before it
def header(name: str, value: str) -> bytes:
    """Write one header by the rule for its name, with its line end. Raises ValueError (see `to_bytes`)."""
    if not _HEADER_NAME.match(name):
        raise ValueError(f"{name!r} cannot be the name of a header")
    if _LINE_BREAK.search(value):
        raise ValueError(f"{name} holds a line break or a NUL: {value!r}")
    start = name.encode("ascii") + b": "
    low = name.lower()
    if low in _IDENTIFIERS or low.startswith("list-"):
        if not _PRINTABLE.match(value):
            raise ValueError(f"{name} must be ASCII (percent-encode a URL, IDNA-encode a domain): {value!r}")
        return _whole(start, value)
    if low in _ADDRESSES:
        if not _PRINTABLE.match(value):
            value = _mailbox(name, value)
        return _folded(start, value)
    if not _PRINTABLE.match(value) or "=?" in value or value != value.strip(" "):
        return start + _encoded_words(value, len(start)) + b"\r\n"
    try:
        return _folded(start, value)
    except ValueError:  # one word longer than a line may be
        return start + _encoded_words(value, len(start)) + b"\r\n"


def address(name: str, email: str) -> str:
    """Write a name and an address as a header's value in ASCII: `"Acme, Inc." <learn@acme.example>`.

    Raises ValueError where the address cannot be written in ASCII or the name holds a line break.
    """
    email = ascii_address(email)
    return f"{phrase(name)} <{email}>" if name.strip() else email


def phrase(name: str) -> str:
    """Write a display name in ASCII: plain, quoted, or as encoded words. Raises ValueError for a line break in it."""
    if _LINE_BREAK.search(name):
        raise ValueError(f"a name holds a line break or a NUL: {name!r}")
    if _PRINTABLE.match(name) and len(name) <= _LONGEST_PLAIN_NAME and "=?" not in name and "  " not in name:
        if _ATOMS.match(name):
            return name
        return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
    # Room for the longest name of an address header, so that the first line fits behind it.
    return _encoded_words(name, len("Reply-To: ")).decode("ascii").replace("\r\n", "")


def ascii_address(email: str) -> str:
    """Write an address in ASCII: the domain by IDNA 2008. Raises ValueError for what cannot be written so.

    A local part outside ASCII needs SMTPUTF8 on every server of the way, which nobody can promise: it is refused.
    """
    local, at, domain = email.rpartition("@")
    if not at or not _LOCAL_PART.match(local):
        why = "its local part is not ASCII" if at and not local.isascii() else "it is not an e-mail address"
        raise ValueError(f"{email!r} cannot be mailed: {why}")
    if not domain.isascii():
        import idna  # its tables are wanted only here

        try:
            domain = idna.encode(domain, uts46=True).decode("ascii")
        except idna.IDNAError as error:
            raise ValueError(f"{email!r} cannot be mailed: {error}") from None
    if not _DOMAIN.match(domain) or len(local) + len(domain) > 253:
        raise ValueError(f"{email!r} cannot be mailed: its domain is not one")
    return f"{local}@{domain}"


def date(at: datetime) -> str:
    """Write an instant as RFC 5322 does, with a numeric zone: `Thu, 05 Nov 2026 09:00:00 +0100`."""
    offset = at.utcoffset()
    if offset is None:
        raise ValueError("a naive datetime has no place in a mail")
    return _date(at, offset)


@lru_cache(maxsize=256)  # mails that fall due together have one date; the offset tells apart what counts as equal
def _date(at: datetime, offset: timedelta) -> str:
    if offset.seconds % 60:  # a zone's old local mean time, which the header cannot say
        at = at.astimezone(UTC)
    return f"{_DAYS[at.weekday()]}, {at.day:02} {_MONTHS[at.month - 1]} {at.year:04} {at:%H:%M:%S %z}"


def _part(boundary: bytes, subtype: bytes, body: str) -> bytes:
    content = body.encode("utf-8")  # bytes, since text with one character beyond Latin-1 is slower to go through
    if b"\r" in content:
        content = content.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    line = binascii.b2a_base64(content.replace(b"\n", b"\r\n"), newline=False)
    full = len(line) // _BASE64_LINE
    # cut in one go: for hundreds of lines that is a third of what slicing each costs
    lines = struct.unpack_from(f"{_BASE64_LINE}s" * full, line)
    rest = line[full * _BASE64_LINE :]
    encoded = b"\r\n".join((*lines, rest) if rest else lines)
    return (
        b"--%b\r\nContent-Type: text/%b; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n%b\r\n"
        % (boundary, subtype, encoded)
    )  # fmt: skip


def _mailbox(name: str, value: str) -> str:
    """Encode one mailbox in Unicode. A list of them cannot be told apart from a name with a comma: refused."""
    found = _MAILBOX.match(value)
    if found:
        quoted, plain, email = found.groups()
        return address(re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else plain, email)
    if "<" in value or " " in value.strip():
        raise ValueError(f"{name} is not one `Name <address>`; write each with address(): {value!r}")
    return ascii_address(value.strip())


def _whole(start: bytes, value: str) -> bytes:
    line = start + value.encode("ascii") + b"\r\n"
    if len(line) > _LINE + 2:
        raise ValueError(f"{start.decode('ascii')}is longer than the {_LINE} characters that one line may have")
    return line


def _folded(start: bytes, value: str) -> bytes:
    """Break a printable line at single spaces only, so that unfolding gives the very same text."""
    if len(start) + len(value) <= _FOLD:
        return start + value.encode("ascii") + b"\r\n"
    line, lines = start.decode("ascii"), []
    for number, piece in enumerate(_SINGLE_SPACE.split(value)):
        joined = f"{line} {piece}" if number else line + piece
        if number and len(joined) > _FOLD:
            lines.append(line)
            line = f" {piece}"
        else:
            line = joined
    lines.append(line)
    if max(map(len, lines)) > _LINE:
        raise ValueError(f"{start.decode('ascii')}has a word longer than the {_LINE} characters that one line may have")
    return "\r\n".join(lines).encode("ascii") + b"\r\n"


def _encoded_words(text: str, column: int) -> bytes:
    """Write text as encoded words (RFC 2047), whole characters each; readers drop the space between neighbours."""
    left = text.encode("utf-8")
    words: list[bytes] = []
    while left or not words:
        room = (_FOLD - (1 if words else column) - len(_WORD_OPEN) - len(_WORD_CLOSE)) // 4 * 3
        cut = max(room, 6)  # a very long header name: rather a long line than a broken character
        while cut < len(left) and left[cut] & 0xC0 == 0x80:
            cut -= 1
        words.append(_WORD_OPEN + binascii.b2a_base64(left[:cut], newline=False) + _WORD_CLOSE)
        left = left[cut:]
    return b"\r\n ".join(words)
