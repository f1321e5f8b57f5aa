"""Queries over the pace: what has gone by each way out, and the queues of the domains that want mail slowly.

The row of a way out, under no domain, is the door to all of its others: whoever changes any of them locks it first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, bindparam, delete, func, select, update

from drip.schedule.pace import Counts, waits_for
from drip.schedule.warm_up import Warmth
from drip.store.among import among
from drip.store.enrolments import Standing, standings, to_standing
from drip.store.many import Many
from drip.store.once import add_new, put_all
from drip.store.tables import course, delivery, enrolment, learner, pace

#: Under this name, which no domain has, stands the way out itself.
_ITSELF = ""
#: How every reason begins of a mail that waits in a domain's queue.
WAITS = waits_for("").rstrip(": ") + " "


@dataclass(frozen=True, slots=True, kw_only=True)
class Gone:
    """What has gone by a way out. `counts` are by the seconds of the span.

    `shares` says who may open how many connections, until which second of the lease clock; `queued_until` when the
    last place in any domain's queue comes; `look` how many rows the next claim looks at, where that is more than go.
    """

    counts: Mapping[int, Counts] = field(default_factory=dict)
    warmth: Warmth = Warmth()  # noqa: RUF009  (a frozen value)
    shares: Mapping[str, tuple[int, float]] = field(default_factory=dict)
    queued_until: datetime | None = None
    look: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """A domain's: what has gone, the same with the places that were given away, and when the last of these comes.

    `rule` says for which limits they were given.
    """

    rule: str
    counts: Mapping[int, Counts] = field(default_factory=dict)
    ahead: Mapping[int, Counts] = field(default_factory=dict)
    ends_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """A mail that waits in a domain's queue: an enrolment's next one, or one to be tried again."""

    table: str
    id: int
    due_at: datetime


_GONE = select(pace.c.body).where(pace.c.way == bindparam("way"), pace.c.domain == _ITSELF)
_GONE_LOCKED = _GONE.with_for_update()


def lock(conn: Connection, way: str) -> Gone:
    """What has gone by this way out; nobody else changes it before this transaction ends."""
    body = conn.execute(_GONE_LOCKED, {"way": way}).scalar_one_or_none()
    if body is None:
        add_new(conn, pace, {"way": way, "domain": _ITSELF, "body": _told(Gone())}, key=("way", "domain"))
        body = conn.execute(_GONE_LOCKED, {"way": way}).scalar_one()
    return _gone(body)


def read(conn: Connection, way: str) -> Gone:
    """What has gone by this way out."""
    body = conn.execute(_GONE, {"way": way}).scalar_one_or_none()
    return Gone() if body is None else _gone(body)


_PUT = update(pace).where(pace.c.way == bindparam("the_way"), pace.c.domain == _ITSELF).values(body=bindparam("told"))


def put(conn: Connection, way: str, gone: Gone) -> None:
    """Write what has gone by a way out that is locked."""
    conn.execute(_PUT, {"the_way": way, "told": _told(gone)})


_QUEUES = select(pace.c.domain, pace.c.body).where(pace.c.way == bindparam("way"), among(pace.c.domain))


def queues(conn: Connection, way: str, domains: Sequence[str]) -> dict[str, Queue]:
    """domain → its queue, for those that have one."""
    rows = conn.execute(_QUEUES, {"way": way, "ids": list(domains)})
    return {row.domain: _queue(row.body) for row in rows if row.domain != _ITSELF}


def every_queue(conn: Connection) -> dict[tuple[str, str], Queue]:
    """(way out, domain) → its queue, for all that there are."""
    rows = conn.execute(select(pace).where(pace.c.domain != _ITSELF).order_by(pace.c.way, pace.c.domain))
    return {(row.way, row.domain): _queue(row.body) for row in rows}


def put_queues(conn: Connection, way: str, changed: Mapping[str, Queue]) -> None:
    """Write these queues of a way out that is locked."""
    rows = [{"way": way, "domain": domain, "body": _queue_told(queue)} for domain, queue in changed.items()]
    put_all(conn, pace, rows, key=("way", "domain"))


def forget_queue(conn: Connection, way: str, domain: str) -> None:
    """There is no limit for this domain any more."""
    conn.execute(delete(pace).where(pace.c.way == way, pace.c.domain == domain))


# Who waits ----------------------------------------------------------------------------------------------------------

#: Where mails wait, with the column that says for what, and the state that they are in.
_WHERE: tuple[tuple[Table, ColumnElement[str], str], ...] = (
    (enrolment, enrolment.c.due_reason, "active"),
    (delivery, delivery.c.answer, "retry"),
)


def waiting(conn: Connection, domain: str) -> list[Place]:
    """Who waits in the queue of this domain, in its order; those of paused courses are left where they are."""
    found = []
    for table, reason, state in _WHERE:
        query = select(table.c.id, table.c.due_at).where(
            reason.startswith(waits_for(domain), autoescape=True), table.c.state == state, table.c.due_at.is_not(None)
        )
        if table is delivery:
            query = query.join(enrolment, enrolment.c.id == delivery.c.enrolment_id)
        query = query.join(course, course.c.id == enrolment.c.course_id).where(course.c.paused_at.is_(None))
        found += [Place(table.name, row.id, row.due_at) for row in conn.execute(query)]
    return sorted(found, key=lambda place: (place.due_at, place.table, place.id))


_PLACE = {
    table.name: Many(
        update(table)
        .where(table.c.id == bindparam("the_id"), table.c.state == state, table.c.due_at.is_not(None))
        .values({"due_at": bindparam("at"), reason.name: bindparam("why")})
    )
    for table, reason, state in _WHERE
}


def place(conn: Connection, places: Sequence[Place], reason: str) -> None:
    """Write these places, with the reason why each waits."""
    for table, write in _PLACE.items():
        write(conn, ({"the_id": p.id, "at": p.due_at, "why": reason} for p in places if p.table == table))


#: What is due is found course by course (see turns.py): so this is a look into the index for each.
_RUNNING = enrolment.c.course_id.in_(select(course.c.id).where(course.c.paused_at.is_(None)))
_PLACED = (
    standings()
    .where(
        _RUNNING,
        enrolment.c.due_at.is_not(None),
        enrolment.c.due_at > bindparam("since"),
        enrolment.c.due_at <= bindparam("now"),
        enrolment.c.due_reason.startswith(WAITS),
        enrolment.c.state == "active",
    )
    .order_by(enrolment.c.due_at, enrolment.c.id)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True, key_share=True, of=(enrolment, learner))
)


def placed(conn: Connection, *, since: datetime, now: datetime, limit: int) -> list[Standing]:
    """Enrolments whose places have come between these instants; locked, as `turns.due` locks them."""
    found = conn.execute(_PLACED, {"since": since, "now": now, "most": limit})
    return [to_standing(row) for row in found]


def next_place(conn: Connection, *, after: datetime, until: datetime) -> datetime | None:
    """When the next one in any queue may go, if that is in this span; questions that come back may wait there too."""
    span = {"after": after, "until": until}
    return min((at for query in _NEXT if (at := conn.execute(query, span).scalar_one()) is not None), default=None)


def _next(column: ColumnElement[Any], *marked: ColumnElement[bool]) -> Any:
    span = (column.is_not(None), column > bindparam("after"), column <= bindparam("until"))
    return select(func.min(column)).where(*span, *marked)


_NEXT = (
    _next(enrolment.c.due_at, _RUNNING, enrolment.c.due_reason.startswith(WAITS), enrolment.c.state == "active"),
    _next(delivery.c.due_at, delivery.c.answer.startswith(WAITS), delivery.c.state == "retry"),
    _next(enrolment.c.review_due_at),
)


def counted(conn: Connection) -> dict[str, int]:
    """domain → how many wait in its queue."""
    found: dict[str, int] = {}
    for table, reason, state in _WHERE:
        query = select(reason.label("why"), func.count().label("number")).where(
            table.c.due_at.is_not(None), reason.startswith(WAITS), table.c.state == state
        )
        for row in conn.execute(query.group_by(reason)):
            domain = row.why.removeprefix(WAITS).partition(":")[0]
            found[domain] = found.get(domain, 0) + row.number
    return found


# Between rows and values --------------------------------------------------------------------------------------------


def _gone(body: Mapping[str, Any]) -> Gone:
    day, step, sent = body["warmth"]
    return Gone(
        counts=_counts(body["counts"]),
        warmth=Warmth(None if day is None else date.fromisoformat(day), step, sent),
        shares={worker: (number, until) for worker, (number, until) in body["shares"].items()},
        queued_until=_instant(body["queued_until"]),
        look=body["look"],
    )


def _told(gone: Gone) -> dict[str, Any]:
    warmth = gone.warmth
    return {
        "counts": _counts_told(gone.counts),
        "warmth": [None if warmth.day is None else warmth.day.isoformat(), warmth.step, warmth.sent],
        "shares": {worker: list(share) for worker, share in gone.shares.items()},
        "queued_until": None if gone.queued_until is None else gone.queued_until.isoformat(),
        "look": gone.look,
    }


def _queue(body: Mapping[str, Any]) -> Queue:
    return Queue(
        rule=body["rule"],
        counts=_counts(body["counts"]),
        ahead=_counts(body["ahead"]),
        ends_at=_instant(body["ends_at"]),
    )


def _queue_told(queue: Queue) -> dict[str, Any]:
    return {
        "rule": queue.rule,
        "counts": _counts_told(queue.counts),
        "ahead": _counts_told(queue.ahead),
        "ends_at": None if queue.ends_at is None else queue.ends_at.isoformat(),
    }


def _counts(told: Mapping[str, Any]) -> dict[int, Counts]:
    return {int(span): tuple((at, number) for at, number in counts) for span, counts in told.items()}


def _counts_told(counts: Mapping[int, Counts]) -> dict[str, Any]:
    return {str(span): [list(one) for one in those] for span, those in counts.items()}


def _instant(told: str | None) -> datetime | None:
    return None if told is None else datetime.fromisoformat(told)
