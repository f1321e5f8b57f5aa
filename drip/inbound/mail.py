"""The bytes of a mail → its parts, whatever they hold: in bounds of size, depth and number, and without ever raising.

Anybody can write to the address that bounces come to. The standard library's parser recurses as deeply as a mail says
and looks for every boundary in every line, so that a small mail can hold it up; this one reads what is there once a
level, down to `DEEPEST`.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass

#: Bytes of a mail that is read at all: what comes back is a tip of ours, which is a hundredth of that.
LARGEST = 10 * 1024 * 1024
#: Mails in mails, and parts in parts; real bounces have four levels.
DEEPEST = 8
MOST_PARTS = 200
MOST_HEADERS = 500
#: Bytes: of all headers of a part, of one of them, and of a text that is looked into.
LARGEST_HEADERS, LARGEST_HEADER, LARGEST_TEXT = 262_144, 8_192, 262_144

Headers = tuple[tuple[str, str], ...]

_PARAMETER = r"""(?:^|[;\s]){name}\s*=\s*(?:"([^"]*)"|([^\s;"]+))"""
_TYPE = re.compile(r"\s*([\w.+-]{1,60}/[\w.+-]{1,60})")
_NAME = re.compile(r"([!-9;-~]{1,100})[ \t]*:")
#: Decoders that take time by the length of the text, and turn text into text. Others (punycode, say) need not.
_CHARSETS = re.compile(
    r"(?:utf-?8|us-ascii|ascii|utf-?16(?:le|be)?|iso-?8859-\d+|latin-?1|windows-\d+|cp\d+|koi8-[rtu]|iso-2022-(?:jp|kr)[\w-]*"
    r"|shift[_-]?jis|sjis|euc[_-](?:jp|kr)|gb2312|gbk|gb18030|big5(?:-?hkscs)?|tis-620)\Z",
    re.IGNORECASE,
)
REPORT = "multipart/report"
_MESSAGES = frozenset({"message/rfc822", "message/global"})
#: Headers alone, of a mail that came back.
_HEADERS_ALONE = frozenset({"text/rfc822-headers", "message/global-headers", "message/rfc822-headers"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A mail, or a part of one. `headers` are (name in small letters, value on one line); `body` is as it came.

    A multipart's parts stand in `inside`, as does the mail in a part that is one (also where only its headers are).
    """

    type: str
    headers: Headers
    body: bytes
    inside: tuple[Part, ...] = ()

    def all(self, name: str) -> list[str]:
        """Every header of that name, in small letters."""
        return [value for key, value in self.headers if key == name]

    def first(self, name: str) -> str:
        """The first header of that name; empty where there is none."""
        return next((value for key, value in self.headers if key == name), "")

    @property
    def is_mail(self) -> bool:
        """Whether another mail stands in it: one that came back, as a rule."""
        return self.type in _MESSAGES or self.type in _HEADERS_ALONE


def read_mail(content: bytes) -> Part:
    """A mail and all of its parts. Raises nothing; what cannot be told apart is text."""
    return _Reader().part(content[:LARGEST], 0, "text/plain")


def walk(part: Part, *, into_mails: bool = True) -> Iterator[Part]:
    """The part and all that stand in it, in their order; without the mails in it, if so asked."""
    yield part
    if into_mails or not part.is_mail:
        for one in part.inside:
            yield from walk(one, into_mails=into_mails)


def returned(mail: Part) -> Part | None:
    """The mail that came back with this one, or its headers; not a report that somebody has sent on."""
    return next(
        (part.inside[0] for part in walk(mail) if part.is_mail and part.inside and part.inside[0].type != REPORT), None
    )


def parameter(value: str, name: str) -> str:
    """A parameter of a header's value, such as the boundary of a Content-Type; empty where there is none."""
    found = re.search(_PARAMETER.format(name=name), value, re.IGNORECASE)
    return (found[1] or found[2] or "") if found else ""


def text_of(part: Part) -> str:
    """The text of a part, decoded: at most `LARGEST_TEXT` of it, line ends as \\n."""
    raw = decoded(part)[:LARGEST_TEXT]
    charset = parameter(part.first("content-type"), "charset")
    if not charset or not _CHARSETS.match(charset):
        return _guessed(raw)
    try:
        return _unix(raw.decode(charset, "replace"))
    except (LookupError, ValueError):
        return _guessed(raw)


def decoded(part: Part) -> bytes:
    """The bytes of a part without their transfer encoding; of a text no more than are looked into."""
    return _decoded(part.body, part.first("content-transfer-encoding"))


def read_headers(block: bytes) -> Headers:
    """Headers, as in a mail or in one of a report's groups: unfolded, in bounds, without control characters."""
    found: list[list[str]] = []
    for raw in block[:LARGEST_HEADERS].split(b"\n"):
        line = raw.rstrip(b"\r")
        if line[:1] in (b" ", b"\t"):
            if found and len(found[-1][1]) < LARGEST_HEADER:
                found[-1][1] += " " + _text(line.strip())
        elif len(found) < MOST_HEADERS:
            text = _text(line)
            if (match := _NAME.match(text)) is not None:
                found.append([match[1].lower(), text[match.end() :].strip()])
    return tuple((name, value[:LARGEST_HEADER]) for name, value in found)


class _Reader:
    """Reads parts until there are too many of them."""

    def __init__(self) -> None:
        self.parts = 0

    def part(self, content: bytes, depth: int, usual: str) -> Part:
        self.parts += 1
        head, body = _split(content)
        headers = read_headers(head)
        told = next((value for name, value in headers if name == "content-type"), "")
        match = _TYPE.match(told)
        kind = match[1].lower() if match else usual
        return Part(type=kind, headers=headers, body=body, inside=self.inside(kind, told, headers, body, depth + 1))

    def inside(self, kind: str, told: str, headers: Headers, body: bytes, depth: int) -> tuple[Part, ...]:
        if depth > DEEPEST:
            return ()
        if kind in _MESSAGES or kind in _HEADERS_ALONE:
            how = next((value for name, value in headers if name == "content-transfer-encoding"), "")
            content = _decoded(body, how, most=LARGEST).lstrip(b"\r\n")
            return (self.part(content, depth, "text/plain"),) if self.parts < MOST_PARTS else ()
        boundary = parameter(told, "boundary")
        if not kind.startswith("multipart/") or not boundary:
            return ()
        usual = "message/rfc822" if kind == "multipart/digest" else "text/plain"
        found = []
        for content in _sections(body, boundary):
            if self.parts >= MOST_PARTS:
                break
            found.append(self.part(content, depth, usual))
        return tuple(found)


def _split(content: bytes) -> tuple[bytes, bytes]:
    """(headers, body). A mailbox's `From ` line before them is no header; a part may begin with an empty line."""
    if content.startswith((b"From ", b">From ")):
        content = content.partition(b"\n")[2]
    if content[:1] == b"\n" or content[:2] == b"\r\n":
        return b"", content.partition(b"\n")[2]
    found = re.search(rb"\n\r?\n", content)
    return (content[: found.start()], content[found.end() :]) if found else (content, b"")


def _sections(body: bytes, boundary: str) -> Iterator[bytes]:
    """What stands between the boundaries; to the end where the last of them is missing."""
    mark = re.escape(boundary.encode("utf-8", "surrogateescape"))
    start: int | None = None
    for found in re.finditer(rb"^--" + mark + rb"(--)?[ \t]*\r?$\n?", body, re.MULTILINE):
        if start is not None:
            yield body[start : found.start()]
        if found[1]:
            return
        start = found.end()
    if start is not None:
        yield body[start:]


def _decoded(body: bytes, how: str, *, most: int = LARGEST_TEXT) -> bytes:
    """Without base64 or quoted-printable; `most` bytes at most are looked at."""
    how = how.strip().lower()
    if how.startswith("quoted-printable"):
        return binascii.a2b_qp(body[: 3 * most])
    if how.startswith("base64"):
        letters = re.sub(rb"[^A-Za-z0-9+/]", b"", body[: 2 * most])
        letters = letters[: len(letters) - 1] if len(letters) % 4 == 1 else letters
        return binascii.a2b_base64(letters + b"=" * (-len(letters) % 4))
    return body[:most]


def _text(raw: bytes) -> str:
    """A header's line: UTF-8 (RFC 6532), or else the Latin letters that old programs leave there."""
    text = _either(raw)
    return "".join(c if c.isprintable() else " " for c in text) if not text.isprintable() else text


def _guessed(raw: bytes) -> str:
    return _unix(_either(raw))


def _either(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _unix(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
