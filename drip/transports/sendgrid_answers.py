"""What an answer of SendGrid's v3 API means for the message, or for the sender itself.

The rule of the house: whose trouble it is decides. What is about the account (401, 403, another program at the address)
stops the transport and fails nobody; what is about one sender's address stops that sender; what is about one mail holds
that mail. An API that takes a request knows nothing of the mailbox yet: no answer here calls an address dead.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Any


class Verdict(StrEnum):
    """What an answer means."""

    #: SendGrid has the mail (in sandbox mode: would have had).
    TAKEN = "taken"
    #: No, for this mail; a person must look.
    REFUSED = "refused"
    #: This sender's address is not one that the account may use.
    SENDER = "sender"
    #: The account, the key or the address of the API is at fault: stop, and tell a person.
    TROUBLE = "trouble"
    #: Too many requests: nothing is wrong, and nothing was tried.
    SLOW_DOWN = "slow down"
    #: Not now.
    LATER = "later"
    #: Whoever answered does not know whether it was taken.
    UNKNOWN = "unknown"


#: The body of a mail that SendGrid takes, with everything in it (Mail Send, limitations).
LARGEST = 30_000_000
#: Fields of a request that are about the sender: what SendGrid says of them, it says of every mail of theirs.
_SENDERS_FIELD = re.compile(r"(from|reply_to)\b")
#: A gateway that has passed the request on, and heard nothing: whoever is behind it may have the mail.
_GATEWAY_TIMEOUT = 504
#: Answers to one request that waiting, or another request, may change.
_LATER = frozenset({408, 425})
#: Answers about the request for which the mail is not to blame: there is no such API at that address.
_NOT_THE_API = frozenset({404, 405, 406, 407, 410, 411, 415, 421, 426, 451})
#: Of those that are taken for the account's trouble, what one mail may have met for what stands in it.
MAY_BE_ITS_OWN = frozenset({403, 451})
_CONTROLS = re.compile(r"[\s\x00-\x1f\x7f-\x9f\ud800-\udfff]+")
#: Characters of SendGrid's words that are kept; enough for a reason and its link.
_LONGEST_WORDS = 400
#: Errors of one answer that are told.
_MOST_ERRORS = 3
#: A reset above this is an instant (Unix time, as SendGrid has it), below it a span (as others do).
_SECONDS_AT_MOST = 100_000_000
#: Seconds: a reset that lies further ahead is asked for again after that time.
_LONGEST_PAUSE = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer. `words` are SendGrid's own on one line, without the key; `fields` are those that it complains of.

    `again_in` is after how many seconds it asks us to come again (None: it does not say).
    """

    status: int
    words: str
    fields: tuple[str, ...] = ()
    again_in: float | None = None


def read_answer(status: int, headers: Mapping[str, str], content: bytes, *, key: str, now: float) -> Answer:
    """Read an answer; `now` is the Unix time here, for an answer that does not tell its own. Never raises."""
    errors = _errors(content)
    said = "; ".join(_told(error) for error in errors[:_MOST_ERRORS]) or _plain(content)
    if message_id := headers.get("x-message-id"):
        said = f"X-Message-Id {message_id}"
    return Answer(
        status=status,
        words=on_one_line(f"{status} {said}", key),
        fields=tuple(str(error.get("field") or "") for error in errors),
        again_in=_again_in(headers, now),
    )


def judge(answer: Answer, *, sandbox: bool) -> Verdict:
    """Say what an answer means."""
    status = answer.status
    # 200 is sandbox mode's yes, and no yes elsewhere: whoever says it has queued nothing
    if status == 202 or (status == 200 and sandbox):
        return Verdict.TAKEN
    if status == 429:
        return Verdict.SLOW_DOWN
    if status == _GATEWAY_TIMEOUT or 200 < status < 300:
        return Verdict.UNKNOWN
    if status >= 500 or status in _LATER:
        return Verdict.LATER
    about_sender = bool(answer.fields) and all(_SENDERS_FIELD.match(field) for field in answer.fields)
    if status in (400, 403) and about_sender:
        return Verdict.SENDER
    if status < 400 or status in (401, 402, 403) or status in _NOT_THE_API:
        return Verdict.TROUBLE
    return Verdict.REFUSED


def trouble_in_words(answer: Answer) -> str:
    """What a person is told of an answer that is TROUBLE, and where to look."""
    if answer.status in (401, 402, 403):
        where = "the key in DRIP_SENDGRID_API_KEY, its right to Mail Send, or the account's plan"
        return f"SendGrid refused us: {answer.words} (look at {where})"
    return f"this is not how SendGrid's v3 API answers: {answer.words} (look at host= in DRIP_TRANSPORT)"


def on_one_line(words: str, key: str) -> str:
    """Words that any screen and any database can hold, short, and without the key."""
    words = _CONTROLS.sub(" ", words.replace(key, "…")).strip()
    return words if len(words) <= _LONGEST_WORDS else words[: _LONGEST_WORDS - 1] + "…"


def _errors(content: bytes) -> list[Mapping[str, Any]]:
    """The errors in the published shape: `{"errors": [{"message": …, "field": …, "help": …}]}`."""
    try:
        said = json.loads(content)
    except (ValueError, RecursionError):
        return []
    errors = said.get("errors") if isinstance(said, dict) else None
    return [error for error in errors if isinstance(error, dict)] if isinstance(errors, list) else []


def _told(error: Mapping[str, Any]) -> str:
    field = error.get("field")
    return f"{field}: {error.get('message')}" if field else str(error.get("message"))


def _plain(content: bytes) -> str:
    """An answer in another shape, such as a page of a gateway."""
    return re.sub(r"<[^<>]*>", " ", content[: 4 * _LONGEST_WORDS].decode("utf-8", "replace"))


def _again_in(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds until a reset, by the answer's own clock where it tells the time: ours may be wrong."""
    if (after := headers.get("retry-after")) is not None:
        at = _instant(after)
        seconds = _number(after) if at is None else at - (_instant(headers.get("date", "")) or now)
    else:
        seconds = _number(headers.get("x-ratelimit-reset", ""))
        if seconds is not None and seconds > _SECONDS_AT_MOST:
            seconds -= _instant(headers.get("date", "")) or now
    return None if seconds is None else min(max(seconds, 0.0), _LONGEST_PAUSE)


def _number(text: str) -> float | None:
    return float(text) if re.fullmatch(r"\d{1,12}(\.\d{1,6})?", text.strip()) else None


def _instant(text: str) -> float | None:
    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None
