"""Delivery status notifications (RFC 3464, and 6533 for addresses beyond ASCII) → what each says of its recipients."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from drip.inbound.mail import Headers, Part, decoded, read_headers, walk

_STATUS_PARTS = frozenset({"message/delivery-status", "message/global-delivery-status"})
#: Groups that are looked at: a report of ours has one for the mail, and one for its recipient.
_MOST_GROUPS = 500
_ADDRESS = re.compile(r"[^\s<>\",;:()]{1,250}@[^\s<>\",;:()@]{1,253}")
#: `+3D` (xtext, RFC 3461) and `\x{E5}` (RFC 6533) stand for a character.
_ESCAPED = re.compile(r"\+([0-9A-F]{2})|\\x\{([0-9A-Fa-f]{2,6})\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """What a report says of one recipient. `original` is whom the mail was sent to, `final` where it ended, if told."""

    final: str
    original: str
    action: str
    status: str
    said: str
    remote: str = ""

    @property
    def recipient(self) -> str:
        """The address that the mail was sent to, as far as the report says."""
        return self.original or self.final


def statuses(mail: Part) -> Iterator[Status]:
    """Every recipient of every delivery status in a mail, in their order; also of a report within a mail."""
    for part in walk(mail):
        if part.type in _STATUS_PARTS:
            yield from _of(decoded(part))


def address_in(value: str) -> str:
    """The address in a field such as `rfc822; <ada@customer.example>`; empty where there is none."""
    kind, semicolon, rest = value.partition(";")
    text = rest if semicolon else kind
    if semicolon and kind.strip().lower() in ("rfc822", "utf-8"):
        escaped = _ADDRESS.search(_ESCAPED.sub(_letter, text)) if "+" in text or "\\x{" in text else None
        plain = _ADDRESS.search(text)
        # most programs do not encode: `ada+41@` is a tag far more often than it is `adaA@`
        found = escaped if escaped and ("\\x{" in text or "+3D" in text or "+2B" in text) else plain
    else:
        found = _ADDRESS.search(text) or _ADDRESS.search(kind)
    return found[0] if found else ""


def _of(body: bytes) -> Iterator[Status]:
    groups = [read_headers(group) for group in re.split(rb"\n[ \t]*\r?\n", body)[:_MOST_GROUPS]]
    for group in groups:
        if any(name in ("final-recipient", "original-recipient", "action") for name, _ in group):
            yield _status(group)


def _status(group: Headers) -> Status:
    fields: dict[str, str] = {}
    for name, value in group:
        fields.setdefault(name, value)
    said = fields.get("diagnostic-code", "")
    kind, semicolon, words = said.partition(";")
    return Status(
        final=address_in(fields.get("final-recipient", "")),
        original=address_in(fields.get("original-recipient", "") or fields.get("x-actual-recipient", "")),
        action=fields.get("action", ""),
        status=fields.get("status", ""),
        said=(words if semicolon and len(kind) < 30 else said).strip() or fields.get("x-display-name", ""),
        remote=fields.get("remote-mta", "").partition(";")[2].strip(),
    )


def _letter(found: re.Match[str]) -> str:
    code = int(found[1] or found[2], 16)
    return chr(code) if 32 <= code < 0x110000 and not 0xD800 <= code < 0xE000 else "?"
