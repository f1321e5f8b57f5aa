"""How the queue is: for a person at three in the morning, and for a machine that draws curves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo

from drip.engine.pace import PaceNow, pace_now
from drip.engine.told import Told, told_now, with_told
from drip.engine.verdict import Seen, Verdict, in_force, verdict_of, ways
from drip.schedule.pace import Pace
from drip.store import (
    Store,
    breaker,
    came_back,
    courses,
    enrolments,
    fresh_links,
    guard,
    learners,
    ledger,
    queue,
    requests,
    workers,
)
from drip.store.breaker import Trouble
from drip.store.came_back import CameBack
from drip.store.workers import Worker


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """How many mails have gone, and when the last one went."""

    last_hour: int
    last_day: int
    last_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class InDoubt:
    """Mails of which nobody knows whether they arrived: from when to when it is decided, and what is done then.

    `then` is `resend` or `hold`.
    """

    mails: int
    first_at: datetime | None
    last_at: datetime | None
    then: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """The queue at a glance. `lag` in seconds: how long the longest due has been due. `problems` needs a person.

    `waiting` counts what needs a person; `problems` lists the first of them. `guarded` is what the staging guard keeps
    back, `asking` what the subscribe form and old links have asked for and has not gone. `workers` has the last seen
    first. `came_back` is of the last 24 hours.
    """

    verdict: Verdict
    now: datetime
    due: int
    lag: float
    next_at: datetime | None
    sent: Sent
    in_doubt: InDoubt
    waiting: int
    guarded: int
    asking: int
    deliveries: Mapping[str, int]
    problems: tuple[Mapping[str, object], ...]
    troubles: tuple[Trouble, ...]
    courses: tuple[courses.Published, ...]
    learners: int
    workers: tuple[Worker, ...]
    pace: PaceNow | None = None
    came_back: CameBack = field(default_factory=CameBack)
    webhooks: tuple[Told, ...] = ()


def status(
    store: Store,
    *,
    now: datetime,
    zone: tzinfo,
    then: str = "resend",
    pace: Pace | None = None,
    way: str = "",
) -> Status:
    """How the queue is at `now`, its verdict in words with times in `zone`. `then`: what is done with doubts.

    `way` is the name of the way out that is set, and `pace` what is set for it.
    """
    with store.read() as conn:
        paced = pace_now(conn, pace, way, now=now) if pace is not None else None
        due, oldest_at = queue.due(conn, now=now)
        upcoming = [at for at in (enrolments.next_due_at(conn), ledger.next_due_at(conn)) if at is not None]
        counted = queue.counted(conn, hour_ago=now - timedelta(hours=1), day_ago=now - timedelta(days=1))
        mails, first_at, last_at = queue.doubts(conn)
        published, seen = courses.listed(conn), workers.listed(conn)
        waiting = counted.states.get("held", 0) + queue.stuck(conn)
        under_way = counted.states.get("claimed", 0) + counted.states.get("handed", 0)
        used = ways(way, [one for one in seen if one.is_alive(now)])
        back = came_back.since(conn, now - timedelta(days=1))
        guarded, asking = guard.kept_back(conn), requests.to_go(conn) + fresh_links.to_go(conn)
        troubles = in_force(breaker.listed(conn), used, busy=bool(due or under_way), now=now)
        found = Seen(
            now=now,
            zone=zone,
            due=due,
            oldest_at=oldest_at,
            under_way=under_way,
            waiting=waiting,
            last_sent_at=counted.last_sent_at,
            troubles=troubles,
            workers=seen,
            published=len(published),
            paused=sum(one.paused_at is not None for one in published),
            held_up_by=paced.held_up_by if paced is not None else None,
            goes_on_at=paced.next_at if paced is not None else None,
            way=way,
            guarded=guarded,
            came_back=back,
            sent_last_day=counted.last_day,
        )
        told = told_now(conn, now=now)
        return Status(
            verdict=with_told(verdict_of(found), told, now=now, zone=zone),
            now=now,
            due=due,
            lag=(now - oldest_at).total_seconds() if oldest_at is not None else 0.0,
            next_at=min(upcoming, default=None),
            sent=Sent(last_hour=counted.last_hour, last_day=counted.last_day, last_at=counted.last_sent_at),
            in_doubt=InDoubt(mails=mails, first_at=first_at, last_at=last_at, then=then),
            waiting=waiting,
            guarded=guarded,
            asking=asking,
            deliveries=counted.states,
            problems=tuple(queue.problems(conn)),
            troubles=tuple(troubles),
            courses=tuple(published),
            learners=learners.count(conn),
            workers=tuple(seen),
            pace=paced,
            came_back=back,
            webhooks=tuple(told),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """What a machine asks again and again; all of it is found by index. Spans are in seconds.

    `open` has the mails that are under way, by state; `oldest_handed`: for how long one has gone without an outcome.
    """

    due: int
    lag: float
    open: Mapping[str, int]
    oldest_handed: float
    breaker_open: bool
    workers_alive: int
    courses_paused: int
    webhooks: tuple[Told, ...] = ()


def queue_now(store: Store, *, now: datetime, seen_now: datetime, way: str = "") -> Queue:
    """How the queue is at `now`; `seen_now` is the real time, in which workers leave their signs of life.

    `way` is the name of the way out that is set.
    """
    with store.read() as conn:
        due, oldest_at = queue.due(conn, now=now)
        open_, handed_at = queue.open_states(conn)
        published = courses.listed(conn)
        alive = [one for one in workers.listed(conn) if one.is_alive(seen_now)]
        busy = bool(due or open_["claimed"] or open_["handed"])
        return Queue(
            due=due,
            lag=_since(oldest_at, now),
            open=open_,
            oldest_handed=_since(handed_at, now),
            breaker_open=bool(in_force(breaker.listed(conn), ways(way, alive), busy=busy, now=now)),
            workers_alive=len(alive),
            courses_paused=sum(one.paused_at is not None for one in published),
            webhooks=tuple(told_now(conn, now=now)),
        )


def ledger_now(store: Store) -> Mapping[str, int]:
    """How many rows of the whole ledger are in which state: it looks at each, so ask seldom."""
    with store.read() as conn:
        return queue.deliveries_by_state(conn)


def _since(at: datetime | None, now: datetime) -> float:
    return max(0.0, (now - at).total_seconds()) if at is not None else 0.0
