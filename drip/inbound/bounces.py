"""A mail that came to the bounce address → what it says of which of our mails. Pure: bytes in, values out.

Reports (RFC 3464) and complaints (RFC 5965) are read by their own rules, other bounces by flufl.bounce; automatic
answers are told from people's mail, which is left alone. `whose.py` finds out which delivery is spoken of.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from hashlib import sha256

from drip.inbound.arf import feedback
from drip.inbound.dsn import Status, address_in, statuses
from drip.inbound.mail import LARGEST, Part, read_mail, returned
from drip.inbound.replies import is_automatic, writer
from drip.inbound.unformatted import looks_returned, unformatted
from drip.inbound.verdicts import news_of, status_in, verdict_of
from drip.inbound.whose import Whose, message_id, whose
from drip.track.heard import BY_MAIL, Heard, News, Verdict
from drip.track.token import Ring

#: Recipients of one report that are listed: our mails go to one each.
MOST_RECIPIENTS = 100
#: What a mail says of its own date is believed if it is so recent.
_RECENT = timedelta(days=30)
#: Characters of another server's words that are kept.
_SAID = 500

ORDINARY = "a mail from somebody: left alone"
OURS = "one of our own mails: left alone"
UNREADABLE = "a report that says nothing of anybody"
TOO_LARGE = f"larger than {LARGEST // 1024 // 1024} MB: not read"
EMPTY = "it is empty"


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """What a mail says: one `Heard` a recipient. Where there is none, `why` says so in a few words."""

    heard: tuple[Heard, ...] = ()
    why: str = ""


def read_bounce(content: bytes, ring: Ring, *, now: datetime) -> Read:
    """What one mail says. Any bytes are taken, and nothing is raised.

    Only what we have signed makes a `delivery_id`; an address alone is listed with None, and is a guess. `data` has
    `proof` (envelope or link), `test` for a test mail, `message_id` where one of ours is spoken of, `passed_on` where
    the mail had gone on to another address, `type` and `by` of a complaint.
    """
    if len(content) > LARGEST:
        return Read(why=TOO_LARGE)
    if not content.strip():
        return Read(why=EMPTY)
    mail = read_mail(content)
    told, why = _told(content, mail)
    if not told:
        return Read(why=why)
    return Read(heard=tuple(_signed(content, mail, told, ring, now)))


def _told(content: bytes, mail: Part) -> tuple[list[Heard], str]:
    """What it says, not yet signed: of which delivery, when, and under which id is the same for all of it."""
    if (complaint := feedback(mail)) is not None:
        data = {"type": complaint.type, "by": complaint.by}
        return [_heard(complaint.news, complaint.recipient, data=data)], ""
    if found := [_of_status(one) for one in statuses(mail)]:
        return found, ""
    if mail.first("list-unsubscribe") and re.search(r"/u/[A-Za-z0-9_-]{30}", mail.first("list-unsubscribe")):
        return [], OURS
    if looks_returned(mail) and (found := [_of_status(one) for one in unformatted(content, mail)]):
        return found, ""
    if is_automatic(mail):
        return [_heard(News.AUTO_REPLY, writer(mail))], ""  # its words are the learner's own business
    return [], UNREADABLE if looks_returned(mail) else ORDINARY


def _of_status(one: Status) -> Heard:
    status = status_in(one.status)
    news = news_of(one.action, status)
    verdict = None
    if news is News.DELAYED:
        verdict = Verdict.DELAYED
    elif news is News.BOUNCED:
        verdict = verdict_of(one.status, one.said)
    passed_on = bool(one.original and one.final) and one.final.casefold() != one.original.casefold()
    code = status_in(one.said) or status
    return _heard(news, one.recipient, verdict=verdict, status=code, said=one.said, data={"passed_on": passed_on})


def _heard(
    news: News,
    recipient: str,
    *,
    verdict: Verdict | None = None,
    status: str = "",
    said: str = "",
    data: Mapping[str, object] | None = None,
) -> Heard:
    return Heard(
        news=news,
        at=datetime.min.replace(tzinfo=UTC),
        source=BY_MAIL,
        source_id="",
        recipient=_printable(recipient),
        verdict=verdict,
        status=status,
        said=_printable(re.sub(r"\s+", " ", said)[:_SAID].strip()),
        data={key: value for key, value in (data or {}).items() if value},
    )


def _printable(text: str) -> str:
    return text if text.isprintable() else "".join(c if c.isprintable() else "?" for c in text)


def _signed(content: bytes, mail: Part, told: Iterable[Heard], ring: Ring, now: datetime) -> Iterable[Heard]:
    whom, print_, at = whose(mail, ring, now=now), _print(content, mail), _at(mail, now)
    named = message_id(mail)
    back = returned(mail)
    sent_to = address_in(back.first("to")).casefold() if back is not None else ""
    seen: set[str] = set()
    for one in told:
        if len(seen) >= MOST_RECIPIENTS:
            return
        key = one.recipient.casefold()
        if key in seen:
            continue
        seen.add(key)
        one = _passed_on(one, sent_to)
        named_by = f"{print_}\0{whom.delivery_id if whom else ''}\0{key}"
        data = {**one.data, **_proof(whom), **({"message_id": named} if named else {})}
        yield replace(
            one,
            at=at,
            source_id=sha256(named_by.encode("utf-8", "surrogateescape")).hexdigest()[:40],
            delivery_id=(whom.delivery_id or None) if whom else None,
            data=data,
        )


def _passed_on(one: Heard, sent_to: str) -> Heard:
    """One whose address had passed the mail on: that the other is gone is not the address's own end. It counts up."""
    other = bool(sent_to and one.recipient) and one.recipient.casefold() != sent_to
    if not other and "passed_on" not in one.data:
        return one
    verdict = Verdict.SOFT if one.verdict is Verdict.HARD else one.verdict
    recipient = sent_to if other else one.recipient
    return replace(one, verdict=verdict, recipient=recipient, data={**one.data, "passed_on": True})


def _proof(whom: Whose | None) -> dict[str, object]:
    if whom is None:
        return {}
    return {"proof": whom.by, **({} if whom.delivery_id else {"test": True})}


def _print(content: bytes, mail: Part) -> str:
    """What names a mail, however it came: servers write headers before it as it arrives, and end lines in two ways."""
    head = "\0".join(mail.first(name) for name in ("message-id", "date", "subject", "from"))
    body = re.sub(rb"\r?\n", b"\n", mail.body).strip()
    return sha256(head.encode("utf-8", "surrogateescape") + b"\0" + body).hexdigest()


def _at(mail: Part, now: datetime) -> datetime:
    try:
        at = parsedate_to_datetime(mail.first("date")[:100])
        at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return now
    return at if now - _RECENT <= at <= now else now
