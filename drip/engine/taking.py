"""One claim's use of the pace: how many it may take, and where a mail goes whose domain has no room.

Everything here happens in the claim's own transaction, behind the lock on the way out's row, which is taken first of
all: no two claims count at the same time, and whatever else they lock, they do it one after the other.

A mail whose domain is full is given a place of its own in that domain's queue, and is not looked at before then. Who
has such a place goes before newcomers: these queue up behind while anybody waits. Questions that come back (recaps) are
not marked as waiting; they take what room there is, or a place at the end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import idna
from sqlalchemy import Connection

from drip.engine.sending import BATCH, Sending
from drip.schedule import pace, warm_up
from drip.schedule.pace import Pace, Rate, Windows
from drip.schedule.warm_up import Warmth
from drip.store import ledger, queue
from drip.store import pace as rows
from drip.store.enrolments import Standing

#: So many who waited for their places and find no room, the first for so long: the queue has stood still, through a
#: worker that was down, say, and all of it gets new places.
STALLED_MAILS, STALLED_FOR = 50, timedelta(seconds=2)
#: Mails that are due, and those in queues, are waited for so long within one tick.
TICK = timedelta(seconds=2)
#: What a lease has left is enough to do without a write.
_FRESH = 0.5


@dataclass(frozen=True, slots=True)
class Later:
    """When a mail is looked at again, and why it does not go now."""

    at: datetime
    reason: str


@dataclass(slots=True)
class _Line:
    """A domain during one claim: the limits, what had gone before and in its queue, and what this claim does.

    `room` is for how many more; `places` are those in the queue that were given away.
    """

    domain: str
    rates: tuple[Rate, ...]
    windows: Windows
    ahead: Windows
    ends_at: datetime | None
    room: int
    lies_ahead: bool = False
    taken: int = 0
    placed: bool = False
    late: int = 0
    late_since: datetime | None = None


@dataclass(slots=True)
class Taking:
    """What one claim takes. `connections` is how many this worker may have open from now on; None: as it likes."""

    sending: Sending
    rules: Pace
    now: datetime
    gone: rows.Gone
    windows: Windows
    warmth: Warmth
    connections: int | None
    room: int
    taken: int = 0
    shifted: int = 0
    shifted_until: datetime | None = None
    lines: dict[str, _Line] = field(default_factory=dict)

    @property
    def full(self) -> bool:
        """Whether nothing more may go now, to whomever."""
        return self.taken >= self.room

    def look(self, limit: int) -> int:
        """How many rows to look at."""
        return min(limit, max(self.room, self.gone.look)) if self.room else 0

    def placed(self, conn: Connection, limit: int) -> list[Standing]:
        """Whose places in the queues of domains have come: up to half of what may go, whatever else is due for longer.

        (Of one alone, every other time.)
        """
        recently = self.now - STALLED_FOR
        if self.gone.queued_until is None or self.gone.queued_until < recently:
            return []
        half = (min(limit, self.room) + self.now.microsecond // 100_000 % 2) // 2
        return rows.placed(conn, since=recently, now=self.now, limit=half) if half else []

    def meet(self, conn: Connection, standings: Sequence[Standing]) -> None:
        """Read the queues of the domains that these learners have."""
        domains = {domain_of(one.learner.email) for one in standings} & self.rules.domains.keys()
        found = rows.queues(conn, self.sending.transport.name, sorted(domains)) if domains else {}
        for domain in domains:
            kept, rates = found.get(domain), self.rules.domains[domain]
            counts, ahead = (kept.counts, kept.ahead) if kept is not None else ({}, {})
            before = pace.windows_of(rates, counts)
            windows = pace.set_right(before, self.now)
            self.lines[domain] = _Line(
                domain=domain,
                rates=rates,
                windows=windows,
                room=pace.room(windows, self.now) or 0,
                lies_ahead=windows != before,
                ahead=pace.windows_of(rates, ahead),
                ends_at=kept.ends_at if kept is not None else None,
            )

    def place(self, email: str, *, due_at: datetime | None, reason: str | None) -> Later | None:
        """Take room for a mail to this address, or say when to look again.

        `due_at` and `reason` are those of the row: they tell who has waited for this place. `reason` is None for a
        recap, which cannot tell.
        """
        if not self.sending.means(email):
            return None  # it is not going to leave
        line = self.lines.get(domain_of(email)) if self.lines else None
        later = self._in_line(line, due_at, reason) if line is not None else None
        if later is None:
            self.taken += 1
        else:
            self.shifted += 1
            self.shifted_until = max(later.at, self.shifted_until or later.at)
        return later

    def _in_line(self, line: _Line, due_at: datetime | None, reason: str | None) -> Later | None:
        waited = bool(reason) and str(reason).startswith(pace.waits_for(line.domain))
        queued = line.ends_at is not None and line.ends_at > self.now
        if line.taken < line.room and (waited or reason is None or not queued):
            line.taken += 1
            return None
        words = pace.waits_for(line.domain, line.rates)
        if waited:
            line.late, line.late_since = line.late + 1, line.late_since or due_at
            return Later(_after(self.now, pace.next_at(self._gone(line), self.now)), words)
        ahead = line.ahead if queued else self._gone(line)
        start = line.ends_at if queued and line.ends_at is not None else self.now
        (at,), line.ahead = pace.places(ahead, start, 1)
        line.ends_at, line.placed = _after(self.now, at), True
        return Later(line.ends_at, words)

    def _gone(self, line: _Line) -> Windows:
        """What has gone to a domain, with this claim's."""
        return pace.taken(line.windows, self.now, line.taken) if line.taken else line.windows

    @property
    def stalled(self) -> frozenset[str]:
        """The domains whose queues have stood still."""
        return frozenset(
            domain
            for domain, line in self.lines.items()
            if line.lies_ahead  # its places are those of a clock that was set back since
            or (line.late >= STALLED_MAILS and line.late_since and self.now - line.late_since > STALLED_FOR)
        )

    def write(self, conn: Connection, looked_at: int) -> None:
        """Write what was taken."""
        way = self.sending.transport.name
        queues = {
            domain: rows.Queue(
                rule=pace.words_of(line.rates),
                counts=pace.counts_of(self._gone(line)),
                ahead=pace.counts_of(line.ahead),
                ends_at=line.ends_at,
            )
            for domain, line in self.lines.items()
            if line.taken or line.placed
        }
        rows.put_queues(conn, way, queues)
        ends = [at for at in (self.gone.queued_until, self.shifted_until) if at is not None]
        in_vain = looked_at > 0 and self.shifted == looked_at  # what fills the head of the queue is soon out of the way
        windows = pace.taken(self.windows, self.now, self.taken) if self.taken else self.windows
        changed = replace(
            self.gone,
            counts={**self.gone.counts, **pace.counts_of(windows)},
            warmth=warm_up.sent(self.warmth, self.taken) if self.taken and self.rules.warm_up else self.gone.warmth,
            queued_until=max(ends, default=None),
            look=min(BATCH, max(self.room, self.gone.look) * 4) if in_vain else 0,
        )
        if changed != self.gone:
            rows.put(conn, way, changed)

    def again_at(self, conn: Connection) -> datetime | None:
        """When to claim again, where something waits for the pace that may go within about a tick; None: it does not.

        To be asked when nothing was looked at.
        """
        return next_at(conn, self.rules, self.gone, self.now, within=TICK, closed=self.room == 0)


def take_up(sending: Sending, conn: Connection, lease: ledger.Lease, *, now: datetime) -> Taking | None:
    """Lock the counters, and see what may go now. None where no pace is set: then nothing is asked."""
    rules = sending.pace
    if rules is None:
        return None
    way = sending.transport.name
    gone = rows.lock(conn, way)
    connections = None
    if rules.connections is not None:
        shares, connections = _shared(gone, lease, rules.connections, sending.transport.connections)
        if shares != gone.shares:
            gone = replace(gone, shares=shares)
            rows.put(conn, way, gone)
    windows = pace.set_right(pace.windows_of(rules.rate, gone.counts), now)
    warmth = _warmth(rules, gone, now)
    return Taking(
        sending=sending,
        rules=rules,
        now=now,
        gone=gone,
        windows=windows,
        warmth=warmth,
        connections=connections,
        room=0 if connections == 0 else _room(rules, windows, warmth, now),
    )


def next_at(
    conn: Connection, rules: Pace, gone: rows.Gone, now: datetime, *, within: timedelta | None, closed: bool
) -> datetime | None:
    """When the next of those may go that wait for the pace, if anybody does; only what is `within` a span.

    `closed`: nothing may go now by the limits on all mail.
    """
    opens_at = now
    windows, warmth = pace.windows_of(rules.rate, gone.counts), _warmth(rules, gone, now)
    if closed and not _room(rules, windows, warmth, now):
        opens_at = pace.next_at(windows, now)
        if warm_up.left(warmth, rules.warm_up) == 0:
            opens_at = max(opens_at, warm_up.next_day(warmth, now, ZoneInfo(rules.zone)))
        if within is not None and opens_at - now > within:
            return None
        if queue.claimable(conn, now=now):
            return opens_at
    if gone.queued_until is None or gone.queued_until <= now:
        return None
    until = gone.queued_until if within is None else min(gone.queued_until, now + within)
    place = rows.next_place(conn, after=now, until=until)
    return None if place is None else max(place, opens_at)


def _room(rules: Pace, windows: Windows, warmth: Warmth, now: datetime) -> int:
    limits = (pace.room(windows, now), warm_up.left(warmth, rules.warm_up))
    return min((number for number in limits if number is not None), default=BATCH)


def _warmth(rules: Pace, gone: rows.Gone, now: datetime) -> Warmth:
    return warm_up.on(gone.warmth, rules.warm_up, now, ZoneInfo(rules.zone)) if rules.warm_up else gone.warmth


def _after(now: datetime, at: datetime) -> datetime:
    return max(at, now + timedelta(milliseconds=1))


@lru_cache(maxsize=10_000)
def domain_of(email: str) -> str:
    """The domain of an address as the rules spell it: in ASCII and small letters."""
    domain = email.rpartition("@")[2].strip().lower()
    if domain.isascii():
        return domain
    try:
        return idna.encode(domain, uts46=True).decode("ascii")
    except UnicodeError:
        return domain


# Connections --------------------------------------------------------------------------------------------------------


def _shared(
    gone: rows.Gone, lease: ledger.Lease, most: int, open_here: int
) -> tuple[dict[str, tuple[int, float]], int]:
    """The workers' shares of `most` connections, with ours; and how many we may have open.

    Our share is never written lower than what our way out may have open (`open_here`): whoever takes over a connection
    can rely on it that it is closed. So a share that is to shrink is closed first and given up by the next claim.
    """
    latest = lease.now + 2 * lease.lasts_for  # one that ends later was written before a reboot
    living = {worker: share for worker, share in gone.shares.items() if lease.now < share[1] <= latest}
    mine, until = living.get(lease.worker, (0, 0.0))
    others = {worker: share for worker, share in living.items() if worker != lease.worker}
    crew = sorted([*others, lease.worker])
    fair = most // len(crew) + (crew.index(lease.worker) < most % len(crew))
    if mine >= open_here > fair:
        number, may_open = mine, fair
    else:
        free = most - sum(share[0] for share in others.values())
        number = may_open = max(0, min(fair, free))
    renewed = until if number == mine and until - lease.now > _FRESH * lease.lasts_for else lease.until
    return {**others, lease.worker: (number, renewed)}, may_open
