"""How endpoints of webhooks fare, for whoever looks at the status: what waits, and which takes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from sqlalchemy import Connection

from drip.engine.verdict import LATE_AFTER, Kind, Verdict, clock_of, one_line
from drip.schedule.patience import ALONE_AFTER
from drip.store import endpoints, webhooks
from drip.store.webhooks import Waiting

#: Why an endpoint is paused that nobody needs to be told of.
BY_A_PERSON = "a person has paused it"
#: A verdict quotes so many characters of what a receiver says.
_WORDS_AT_MOST = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """An endpoint: what waits for it and since when the oldest, what was given up, and what is wrong (None: nothing).

    `alarm`: somebody should look. It has taken nothing for a quarter of an hour, or drip has paused it.
    """

    endpoint: str
    waiting: int
    oldest_at: datetime | None
    failed: int
    paused: bool
    trouble: str | None
    trouble_since: datetime | None
    alarm: bool


def told_now(conn: Connection, *, now: datetime) -> list[Told]:
    """Every endpoint as it fares at `now`. Where there is none, one look-up."""
    known = endpoints.listed(conn)
    standing = webhooks.standing(conn) if known else {}
    found = []
    for one in known:
        waits = standing.get(one.id, Waiting())
        paused = one.paused_at is not None
        since = one.paused_at if paused else one.trouble_since
        words = one.paused_why if paused else one.trouble
        late = one.failures >= ALONE_AFTER and since is not None and now - since >= LATE_AFTER
        found.append(
            Told(
                endpoint=one.name,
                waiting=waits.waiting,
                oldest_at=waits.oldest_at,
                failed=waits.failed,
                paused=paused,
                trouble=words or None,
                trouble_since=since,
                alarm=one.paused_why != BY_A_PERSON if paused else late,
            )
        )
    return found


def with_told(verdict: Verdict, told: Sequence[Told], *, now: datetime, zone: tzinfo) -> Verdict:
    """The verdict, or that an endpoint takes nothing, where nothing about the mails is worse."""
    one = next((one for one in told if one.alarm), None)
    if one is None or verdict.alarm:
        return verdict
    since = clock_of(one.trouble_since, now=now, zone=zone)
    said = one_line(one.trouble or "")
    said = said if len(said) <= _WORDS_AT_MOST else f"{said[:_WORDS_AT_MOST].rstrip()}…"
    what = "is told nothing" if one.paused else "takes nothing"
    words = f"Mails go as they should, but the endpoint {one.endpoint} {what} since {since}: {said}"
    type_ = f"drip webhook resume {one.endpoint}" if one.paused else f"drip webhook log {one.endpoint}"
    return Verdict(kind=Kind.UNHEARD, words=words, type=type_, alarm=True)
