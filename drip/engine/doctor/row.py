"""What the doctor says: one row a finding, with what to type, and nothing in it that a terminal could take amiss."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

#: Characters of a stranger's words that are repeated; who wants all of a record asks for it with `dig`.
_MOST = 160
_MOST_OF_ERRORS = 400
#: Bytes of one string of a TXT record (RFC 1035, section 3.3.14); a longer text stands in several.
_STRING = 255

#: Topic → what it is about, in the order in which they are told.
TOPICS = {
    "sending": "How mail leaves",
    "dns": "Name servers",
    "spf": "SPF",
    "dkim": "DKIM",
    "dmarc": "DMARC",
    "reverse": "Reverse DNS",
    "replies": "Replies and bounces",
    "server": "Mail server",
    "links": "Tracking domain",
    "database": "Database",
    "clock": "Clock",
    "secrets": "Secrets",
}


class Severity(StrEnum):
    """How much a finding matters."""

    ok = "ok"  #: as it should be
    hint = "hint"  #: nothing is wrong; it could be better, or it is good to know
    warning = "warning"  #: mail suffers, or will
    error = "error"  #: mail is refused, or something is broken


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One finding. `check` begins with its topic, as `spf-lookups`; `type` is what to publish, run or write, if any."""

    check: str
    severity: Severity
    subject: str
    finding: str
    type: str = ""

    @property
    def topic(self) -> str:
        """The first word of `check`."""
        return self.check.partition("-")[0]


def ok(check: str, subject: str, finding: str) -> Row:
    """A row of what is as it should be."""
    return Row(check=check, severity=Severity.ok, subject=subject, finding=finding)


def hint(check: str, subject: str, finding: str, type: str = "") -> Row:
    """A row of what is good to know."""
    return Row(check=check, severity=Severity.hint, subject=subject, finding=finding, type=type)


def warning(check: str, subject: str, finding: str, type: str = "") -> Row:
    """A row of what makes mail suffer."""
    return Row(check=check, severity=Severity.warning, subject=subject, finding=finding, type=type)


def error(check: str, subject: str, finding: str, type: str = "") -> Row:
    """A row of what is broken."""
    return Row(check=check, severity=Severity.error, subject=subject, finding=finding, type=type)


def safe(words: str, most: int = _MOST) -> str:
    """A stranger's words on one line, without anything that moves a cursor, turns the writing round, or never ends."""
    short = words[: most + 1]
    seen = "".join(c if c == " " or unicodedata.category(c)[0] not in "CZ" else f"\\x{ord(c):02x}" for c in short)
    return seen if len(words) <= most else seen[:most] + "…"


def line(words: str) -> str:
    """An error's words, which may stand on several lines, on one."""
    return safe(" ".join(words.split()), _MOST_OF_ERRORS)


def quoted(words: str) -> str:
    """A stranger's words in quotes."""
    return f'"{safe(words)}"'


def copyable(record: str) -> bool:
    """Whether a record that somebody else wrote may stand in what a person copies."""
    return len(record) < 2_000 and all(" " <= c <= "~" and c not in '"\\`$' for c in record)


def txt(name: str, text: str) -> str:
    """The line of a zone file that publishes a text, in strings of the size that DNS has."""
    strings = [text[at : at + _STRING] for at in range(0, len(text), _STRING)]
    return f"{name}. IN TXT " + " ".join(f'"{string}"' for string in strings)


def listed(words: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`; of many, the first few and how many more."""
    if len(words) > 4:
        return f"{', '.join(words[:3])} and {len(words) - 3} more"
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
