"""Whether what a provider tells of our mails comes in: without it nobody knows who is dead, or who has complained."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from drip.engine.doctor.row import Row, ok, warning
from drip.errors import DripError
from drip.store import Store, came_back

#: A provider tells of a mail within minutes; what is younger may still be told of.
_TOLD_WITHIN = timedelta(minutes=15)
_LOOKED_BACK = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """Mails of the last day: how many have gone, and of how many of them anything was told."""

    sent: int = 0
    told: int = 0


def look(open_store: Callable[[], Store], now: datetime) -> Told:
    """What was told of the last day's mails; nothing where there is no database, which is told of elsewhere."""
    store = None
    try:
        store = open_store()
        if store.file is not None and not store.file.exists():
            return Told()
        store.require_current()
        with store.read() as conn:
            sent, told = came_back.told_of(conn, since=now - _LOOKED_BACK, until=now - _TOLD_WITHIN)
        return Told(sent=sent, told=told)
    except DripError:
        return Told()
    finally:
        if store is not None:
            store.close()


def judge(kind: str, base_url: str, *, key: bool, told: Told) -> Iterator[Row]:
    """What is off with SendGrid's events; other ways out tell by mail (docs/bounces.md)."""
    if kind != "sendgrid":
        return
    where = f"{base_url}/hooks/sendgrid"
    if not key:
        words = "its events do not come in: dead addresses and complaints stay unknown, and what is in doubt is held"
        yield warning("sending-events", where, words, 'sendgrid_webhook_key = "MFkw…"')
    elif told.sent and not told.told:
        words = f"{told.sent:,} mails of the last day have gone, and no event has come in about any of them"
        yield warning("sending-events", where, words, f"Settings, Mail Settings, Event Webhooks: {where}")
    elif told.sent:
        yield ok("sending-events", where, f"events came in about {told.told:,} of {told.sent:,} mails of the last day")
