"""What a mail server's reply means for the message, the recipient, or the sender itself.

The rule of the house: a person is only failed where the server says that the *address* is at fault. What is the
sender's own trouble (refused at connect, EHLO, AUTH or MAIL; policy, 5.7.x) stops the transport and fails nobody.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum


class Stage(StrEnum):
    """Where in the conversation a reply came."""

    CONNECT = "connect"
    EHLO = "EHLO"
    STARTTLS = "STARTTLS"
    AUTH = "AUTH"
    MAIL = "MAIL"
    RCPT = "RCPT"
    #: To the DATA command, or to the body.
    DATA = "DATA"


class Verdict(StrEnum):
    """What a reply means."""

    #: As it should be.
    FINE = "fine"
    #: Not now, for this message only.
    LATER = "later"
    #: This address is dead.
    DEAD = "dead"
    #: No, for this recipient or message; a person must look.
    REFUSED = "refused"
    #: The server takes nothing at the moment: nobody has failed, try again later.
    UNREACHABLE = "unreachable"
    #: The sender is in trouble: stop, and tell a person.
    TROUBLE = "trouble"


#: RFC 3463 at the start of the text, or as qmail writes it: `(#5.7.1)`.
_ENHANCED = re.compile(r"\s*([245])\.(\d{1,3})\.(\d{1,3})(?!\d)|.*?\(#([245])\.(\d{1,3})\.(\d{1,3})\)", re.DOTALL)
#: Bad sender's mailbox, bad sender's system: address statuses that are about us.
_SENDERS_ADDRESS = frozenset({7, 8})
#: Replies to RCPT that mean a dead address where no enhanced code says otherwise (RFC 5321, section 4.2.3).
_DEAD_CODES = frozenset({550, 551, 553})
#: Authentication and encryption wanted (RFC 4954, section 6); old servers say in words what 5.7.1 says in numbers.
_OUR_FAULT_CODES = frozenset({530, 534, 535, 538})
_OUR_FAULT = re.compile(r"\brelay(?:ing)?\b(?![.-])|authentication (?:is )?required", re.IGNORECASE)
#: Words that make a plain 550 a judgement about the mail rather than about the address.
_NOT_THE_ADDRESS = re.compile(
    r"spam|block|black ?list|policy|denied|reputation|spf\b|dkim|dmarc|quota|full\b|sender", re.IGNORECASE
)
#: A recipient's server that turns a stranger away once, and takes the mail on a later try (RFC 6647).
_GREYLISTED = re.compile(r"gr[ae]y[ -]?list", re.IGNORECASE)
_CONTROLS = re.compile(r"[\s\x00-\x1f\x7f-\x9f\ud800-\udfff]+")
#: Characters of a server's words that are kept; enough for a reason and its link.
_LONGEST_WORDS = 400


@dataclass(frozen=True, slots=True)
class Reply:
    """A server's reply. `text` is what follows the code, the lines of a longer one joined by spaces."""

    code: int
    text: str

    def __str__(self) -> str:
        """The server's own words, on one line."""
        words = _CONTROLS.sub(" ", f"{self.code} {self.text}").strip()
        return words if len(words) <= _LONGEST_WORDS else words[: _LONGEST_WORDS - 1] + "…"

    @property
    def enhanced(self) -> tuple[int, int] | None:
        """Subject and detail of the enhanced code (RFC 3463), if it agrees with the code and says anything."""
        found = _ENHANCED.match(self.text)
        if not found:
            return None
        kind, subject, detail = (int(group) for group in found.groups() if group is not None)
        return None if kind != self.code // 100 or subject == 0 else (subject, detail)

    @property
    def greylisted(self) -> bool:
        """Whether this is a first "not now" that passes by waiting, and says so."""
        return self.code // 100 == 4 and _GREYLISTED.search(self.text) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How one message ended. `reply` is None where the connection was lost: `in_doubt` if the final dot had left."""

    stage: Stage
    reply: Reply | None
    words: str
    accepted: bool = False
    in_doubt: bool = False


def judge(stage: Stage, reply: Reply) -> Verdict:
    """Say what a reply at a stage means. What is neither yes, not now nor no counts as not now."""
    kind = reply.code // 100
    if kind == 2 or (stage is Stage.DATA and reply.code == 354):
        return Verdict.FINE
    if stage in (Stage.RCPT, Stage.DATA):
        return _judge_message(stage, reply) if kind == 5 else Verdict.LATER
    if kind == 5:
        return Verdict.TROUBLE
    return Verdict.LATER if stage is Stage.MAIL else Verdict.UNREACHABLE


def _judge_message(stage: Stage, reply: Reply) -> Verdict:
    """A permanent no to one recipient or one message."""
    enhanced = reply.enhanced
    if enhanced:
        subject, detail = enhanced
        if subject == 7 or (subject == 1 and detail in _SENDERS_ADDRESS):
            return Verdict.TROUBLE
        return Verdict.DEAD if subject == 1 and stage is Stage.RCPT else Verdict.REFUSED
    if reply.code in _OUR_FAULT_CODES or (stage is Stage.RCPT and _OUR_FAULT.search(reply.text)):
        return Verdict.TROUBLE
    if stage is Stage.RCPT and reply.code in _DEAD_CODES and not _NOT_THE_ADDRESS.search(reply.text):
        return Verdict.DEAD
    return Verdict.REFUSED
