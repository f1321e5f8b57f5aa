"""The pace between claims: waiting for it, giving back what did not go, and telling a person how it stands."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from drip.engine.sending import Sending
from drip.engine.taking import domain_of, next_at
from drip.schedule import pace, warm_up
from drip.schedule.pace import Counts, Pace, Rate
from drip.store import guard, queue
from drip.store import pace as rows
from drip.store.troubles import tried_again

#: `--until-idle` waits for what may go within this: limits of a second or a minute.
PATIENCE = timedelta(seconds=70)
#: A clock that has not moved after so many seconds stands still.
_BLINK = 0.01
#: Whoever waits looks up this often.
_GETS_UP_SECONDS = 0.5

Pause = Callable[[float], object]


def waited(sending: Sending, pause: Pause, until: datetime) -> bool:
    """Wait until then by the clock of sending. False where that stands still (`--now`): nobody need wait for it.

    In short pieces, so that a signal is seen soon; a `pause` that returns True was asked to end.
    """
    piece = _BLINK
    while (before := sending.clock()) < until:
        if pause(max(0.001, min(piece, (until - before).total_seconds()))) is True:
            return True
        if sending.clock() == before:
            return False
        piece = _GETS_UP_SECONDS
    return True


def begin(sending: Sending) -> None:
    """Bring forward who waits for a domain's limit that is not there any more, or is another now.

    And let go what the staging guard kept back, where it does not any more.

    To be called when a worker starts: only then may a setting have changed. (They are read once, at the start.)
    """
    _let_go(sending)
    with sending.store.read() as conn:
        known = rows.every_queue(conn)
    rules = sending.pace.domains if sending.pace is not None else {}
    for (way, domain), found in known.items():
        wanted = pace.words_of(rules.get(domain, ())) if way == sending.transport.name else ""
        if found.rule != wanted:
            respread(sending, domain, way)


@tried_again
def _let_go(sending: Sending) -> None:
    with sending.store.read() as conn:
        if not guard.kept_back(conn):
            return
    with sending.store.write() as conn:
        guard.let_go(conn, only_to=sending.only_to, now=sending.clock())


def respread(sending: Sending, domain: str, way: str | None = None) -> None:
    """Give everybody in a domain's queue a new place, in their order, from now on; or, where there is no limit for it
    (any more), let them go.

    One look at all who wait, and one write for each: after a change of the rules, or when the queue has stood still.
    """
    _respread(sending, domain, way or sending.transport.name)


@tried_again
def _respread(sending: Sending, domain: str, way: str) -> None:
    with sending.store.write() as conn:
        gone = rows.lock(conn, way)
        now = sending.clock()
        waiting = rows.waiting(conn, domain)
        rates: tuple[Rate, ...] = ()
        if sending.pace is not None and way == sending.transport.name:
            rates = sending.pace.domains.get(domain, ())
        if not rates:
            rows.forget_queue(conn, way, domain)
            first = now - timedelta(microseconds=len(waiting))  # they keep their order
            places = [first + timedelta(microseconds=number) for number in range(len(waiting))]
        else:
            counts = kept.counts if (kept := rows.queues(conn, way, [domain]).get(domain)) is not None else {}
            windows = pace.set_right(pace.windows_of(rates, counts), now)
            places, ahead = pace.places(windows, now, len(waiting))
            ends_at = places[-1] if places else None
            found = rows.Queue(
                rule=pace.words_of(rates),
                counts={**counts, **pace.counts_of(windows)},
                ahead=pace.counts_of(ahead),
                ends_at=ends_at,
            )
            rows.put_queues(conn, way, {domain: found})
            if ends_at is not None and (gone.queued_until is None or gone.queued_until < ends_at):
                rows.put(conn, way, replace(gone, queued_until=ends_at))
        moved = [replace(place, due_at=at) for place, at in zip(waiting, places, strict=True)]
        rows.place(conn, moved, pace.waits_for(domain, rates))


@tried_again
def give_back(sending: Sending, emails: Iterable[str], *, taken_at: datetime) -> None:
    """Give back the room of mails that were claimed at `taken_at`, and did not leave."""
    rules = sending.pace
    back = Counter(domain_of(email) for email in emails if sending.means(email))
    if rules is None or not back:
        return
    way, number = sending.transport.name, back.total()
    with sending.store.write() as conn:
        gone = rows.lock(conn, way)
        windows = pace.given_back(pace.windows_of(rules.rate, gone.counts), taken_at, number)
        same_day = taken_at.astimezone(ZoneInfo(rules.zone)).date() == gone.warmth.day
        warmth = warm_up.sent(gone.warmth, -number) if rules.warm_up and same_day else gone.warmth
        rows.put(conn, way, replace(gone, counts={**gone.counts, **pace.counts_of(windows)}, warmth=warmth))
        found = rows.queues(conn, way, sorted(back.keys() & rules.domains.keys()))
        for domain, line in found.items():
            windows = pace.given_back(pace.windows_of(rules.domains[domain], line.counts), taken_at, back[domain])
            found[domain] = replace(line, counts={**line.counts, **pace.counts_of(windows)})
        rows.put_queues(conn, way, found)


# The connections of a worker ------------------------------------------------------------------------------------------


def obey(sending: Sending, connections: int | None) -> None:
    """Let the way out have so many connections, and no more; returns when those above are closed."""
    if connections is not None and connections != sending.transport.connections:
        sending.transport.allow(connections)


@tried_again
def renew_share(sending: Sending) -> None:
    """Hold on to this worker's share of the connections, while it is busy for long."""
    if sending.pace is None or sending.pace.connections is None:
        return
    with sending.store.write() as conn:
        gone, lease = rows.lock(conn, sending.transport.name), sending.lease(conn)
        if (share := gone.shares.get(lease.worker)) is not None:
            shares = {**gone.shares, lease.worker: (share[0], lease.until)}
            rows.put(conn, sending.transport.name, replace(gone, shares=shares))


@tried_again
def give_back_share(sending: Sending) -> None:
    """Give back this worker's share of the connections. They are closed already."""
    if sending.pace is None or sending.pace.connections is None:
        return
    with sending.store.write() as conn:
        gone = rows.lock(conn, sending.transport.name)
        if sending.worker in gone.shares:
            shares = {worker: share for worker, share in gone.shares.items() if worker != sending.worker}
            rows.put(conn, sending.transport.name, replace(gone, shares=shares))


# How it stands --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """One limit: for all mail (`domain` is empty), or for one domain. `next_at` is None where something may go now."""

    domain: str
    limit: str
    most: int
    used: int
    next_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WarmUp:
    """The day of the warm-up, from 1, and how many of its mails went. `next_at` is when the next day begins."""

    day: int
    of: int
    most: int
    used: int
    next_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PaceNow:
    """How the pace stands. `waiting` says how many wait in the queue of which domain, `due` how many are due by now.

    `held_up_by` says in words what stops all mail just now, and `next_at` when the next may go; both are None where
    nothing does. `connections` are those that each worker may have open, of `most_connections`.
    """

    limits: tuple[Used, ...]
    warm_up: WarmUp | None
    waiting: Mapping[str, int]
    due: int
    held_up_by: str | None
    next_at: datetime | None
    connections: Mapping[str, int]
    most_connections: int | None


def pace_now(conn: Connection, rules: Pace, way: str, *, now: datetime) -> PaceNow:
    """How the pace of this way out (`transport.name`) stands, for a person who asks. It only reads."""
    gone = rows.read(conn, way)
    limits = _used("", rules.rate, gone.counts, now)
    queues = rows.queues(conn, way, sorted(rules.domains))
    for domain, rates in rules.domains.items():
        limits += _used(domain, rates, queues[domain].counts if domain in queues else {}, now)
    warmth = warm_up.on(gone.warmth, rules.warm_up, now, ZoneInfo(rules.zone)) if rules.warm_up else gone.warmth
    warming = None
    held_up = [(one.next_at, f"the pace: {one.limit}") for one in limits if not one.domain and one.next_at is not None]
    if (left := warm_up.left(warmth, rules.warm_up)) is not None:
        most = rules.warm_up[warmth.step]
        tomorrow = warm_up.next_day(warmth, now, ZoneInfo(rules.zone))
        warming = WarmUp(day=warmth.step + 1, of=len(rules.warm_up), most=most, used=warmth.sent, next_at=tomorrow)
        if not left:
            held_up.append((tomorrow, f"the warm-up: {most:,} on day {warming.day}"))
    until, words = max(held_up, default=(None, None))
    return PaceNow(
        limits=tuple(limits),
        warm_up=warming,
        waiting=rows.counted(conn) if rules.domains else {},
        due=queue.due(conn, now=now)[0],
        held_up_by=words,
        next_at=until,
        connections={worker: number for worker, (number, _) in sorted(gone.shares.items())},
        most_connections=rules.connections,
    )


def _used(domain: str, rates: tuple[Rate, ...], counts: Mapping[int, Counts], now: datetime) -> list[Used]:
    found = []
    for window in pace.windows_of(rates, counts):
        full = pace.room((window,), now) == 0
        found.append(
            Used(
                domain=domain,
                limit=str(window.limit),
                most=window.limit.most,
                used=pace.used((window,), now)[0],
                next_at=pace.next_at((window,), now) if full else None,
            )
        )
    return found


def sentences(told: PaceNow) -> list[str]:
    """What waits for the pace, and until when, a line each."""
    lines = []
    number = told.due or sum(told.waiting.values())
    if told.held_up_by is not None and told.next_at is not None and number:
        verb = "waits" if number == 1 else "wait"
        lines.append(f"{number:,} {verb} for {told.held_up_by}; the next go {told.next_at:%Y-%m-%d %H:%M} UTC")
    for domain, number in sorted(told.waiting.items()):
        limits = " and ".join(one.limit for one in told.limits if one.domain == domain)
        lines.append(f"{number:,} {'waits' if number == 1 else 'wait'} for the pace of {domain}: {limits}")
    return lines


def stands(sending: Sending) -> PaceNow | None:
    """How the pace stands now; None where none is set."""
    if sending.pace is None:
        return None
    with sending.store.read() as conn:
        return pace_now(conn, sending.pace, sending.transport.name, now=sending.clock())


def next_one(sending: Sending, conn: Connection) -> datetime | None:
    """When the next mail goes that waits for the pace; None where none does."""
    if sending.pace is None:
        return None
    gone = rows.read(conn, sending.transport.name)
    return next_at(conn, sending.pace, gone, sending.clock(), within=None, closed=True)
