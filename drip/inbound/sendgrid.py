"""SendGrid's events → what became of our mails. The words of SendGrid stand in this file, and nowhere else.

A delivery is proven by the keyed digest that went with it (transports/sendgrid_json.py): another system, or another
drip, may send over the same account.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from drip.inbound.verdicts import verdict_of
from drip.track.heard import Heard, News, Verdict
from drip.track.token import Ring, is_digest_of

SOURCE = "sendgrid"
#: What goes with each mail and comes back with its events, as transports/sendgrid_json.py calls it.
DELIVERY, DIGEST = "drip_delivery", "drip_digest"

_NEWS = {
    "processed": News.ACCEPTED,
    "deferred": News.DELAYED,
    "delivered": News.DELIVERED,
    "bounce": News.BOUNCED,
    "dropped": News.DROPPED,
    "spamreport": News.COMPLAINED,
    "unsubscribe": News.LEFT,
    "group_unsubscribe": News.LEFT,
}
#: SendGrid's own judgement of a bounce (`bounce_classification`), where it says whose fault it is.
_CLASSES = {
    "invalid address": Verdict.HARD,
    "content": Verdict.OTHER,
    "reputation": Verdict.OTHER,
    "frequency or volume too high": Verdict.OTHER,
    "technical": Verdict.SOFT,
    "mailbox unavailable": Verdict.SOFT,
}
#: Why SendGrid has dropped a mail without trying: what that says of the address…
_DROPPED = {
    "bounced address": Verdict.HARD,
    "invalid": Verdict.HARD,
    "spam reporting address": None,
    "unsubscribed address": None,
}
#: … and of its learner: they are on a list of SendGrid's own.
_LISTED = {"spam reporting address": News.COMPLAINED, "unsubscribed address": News.LEFT}
#: What is kept of an event is the rest: whose it is stands beside it, and networks are not kept.
_NOT_KEPT = frozenset(
    {"email", "ip", "useragent", "timestamp", "sg_event_id", "sg_message_id", "smtp-id", "category", "send_at"}
    | {DELIVERY, DIGEST, "marketing_campaign_id", "marketing_campaign_name", "reason", "response", "status"}
)
_MOST_KEPT, _LONGEST_KEPT = 20, 300
_MOST_DIGITS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Events:
    """What a request of SendGrid's says; `broken` counts what is no event in it."""

    heard: tuple[Heard, ...]
    broken: int


def read_events(body: bytes, ring: Ring, *, now: datetime) -> Events:
    """Read the body of a request. Raises ValueError for what is no JSON list. One broken event spoils no other."""
    try:
        events = json.loads(body.decode("utf-8-sig", "replace"), parse_int=_number)
    except RecursionError:
        raise ValueError("too deep for a list of events") from None
    if not isinstance(events, list):
        raise ValueError("a JSON list of events is wanted")
    heard: list[Heard] = []
    broken = 0
    for event in events:
        if isinstance(event, dict) and isinstance(event.get("event"), str):
            heard += _heard(event, ring, now)
        else:
            broken += 1
    return Events(heard=tuple(heard), broken=broken)


def _number(digits: str) -> int | str:
    """A number; one without end stays a text, which Python would refuse together with all that stands beside it."""
    return int(digits) if len(digits) <= _MOST_DIGITS else digits


def _heard(event: Mapping[str, Any], ring: Ring, now: datetime) -> Iterator[Heard]:
    """What one event says; of one on a list of SendGrid's, also what put it there."""
    name = event["event"].lower()
    news = _NEWS.get(name, News.OTHER)
    reason = _text(event.get("reason")) or _text(event.get("response"))
    status = _text(event.get("status"))
    first = Heard(
        news=news,
        at=_time(event.get("timestamp"), now),
        source=SOURCE,
        source_id=_key(event),
        recipient=_text(event.get("email")),
        delivery_id=_delivery(event, ring),
        verdict=_verdict(news, event, status, reason),
        status=status,
        said=reason,
        data=_kept(event),
    )
    yield first
    listed = _LISTED.get(reason.strip().lower()) if news is News.DROPPED else None
    if listed is not None:
        yield Heard(
            news=listed,
            at=first.at,
            source=SOURCE,
            source_id=f"{first.source_id}/listed",
            recipient=first.recipient,
            delivery_id=first.delivery_id,
            said=f"SendGrid dropped a mail: {reason}",
            data=first.data,
        )


def _verdict(news: News, event: Mapping[str, Any], status: str, reason: str) -> Verdict | None:
    if news is News.DELAYED:
        return Verdict.DELAYED
    if news is News.DROPPED:
        return _DROPPED.get(reason.strip().lower(), Verdict.OTHER)
    if news is not News.BOUNCED:
        return None
    theirs = _CLASSES.get(_text(event.get("bounce_classification")).lower())
    told = verdict_of(status, reason)
    if _text(event.get("type")).lower() == "blocked":  # turned away for now: says nothing for ever of the address
        return Verdict.SOFT if Verdict.SOFT in (theirs, told) and theirs is not Verdict.OTHER else Verdict.OTHER
    if theirs is Verdict.SOFT and told is Verdict.HARD:
        return Verdict.HARD
    return theirs or told


def _delivery(event: Mapping[str, Any], ring: Ring) -> int | None:
    """The ledger row that the event is about, where the digest beside it proves that."""
    number, digest = _text(event.get(DELIVERY)), _text(event.get(DIGEST))
    if not number.isascii() or not number.isdecimal() or len(number) > len(str(2**63)) or not digest:
        return None
    return int(number) if is_digest_of(ring, int(number), digest) else None


def _time(seconds: object, now: datetime) -> datetime:
    """When it happened; now, where that is not said in seconds since 1970."""
    try:
        return datetime.fromtimestamp(float(seconds), UTC)  # type: ignore[arg-type]  # what is no number raises
    except (TypeError, ValueError, OverflowError, OSError):
        return now


def _key(event: Mapping[str, Any]) -> str:
    """What names the event: SendGrid's id of it, or, without one, what it says."""
    named = _text(event.get("sg_event_id"))
    return named or sha256(json.dumps(event, sort_keys=True).encode("utf-8", "replace")).hexdigest()


def _kept(event: Mapping[str, Any]) -> dict[str, object]:
    """What else the event says, in moderation."""
    rest = [(name, value) for name, value in event.items() if name.lower() not in _NOT_KEPT]
    return {name[:_LONGEST_KEPT]: _short(value) for name, value in rest[:_MOST_KEPT]}


def _short(value: object) -> object:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | float) and abs(value) < 2**53:
        return value
    text = value if isinstance(value, str) else json.dumps(value)
    return text[:_LONGEST_KEPT]


def _text(value: object) -> str:
    """A text, or a number as one; anything else says nothing."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63:
        return str(value)
    return value.strip() if isinstance(value, str) else ""
