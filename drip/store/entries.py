"""Queries over who comes into which course when, by a date of theirs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection, delete, select

from drip.store.learners import CHUNK, address_of
from drip.store.once import put_all
from drip.store.tables import entry, learner


def put(conn: Connection, course_id: str, times: Mapping[int, datetime | None], *, now: datetime) -> None:
    """Write when each of these learners comes in; None, or a time before `now`: not at all."""
    come = {id_: at for id_, at in times.items() if at is not None and at >= now}
    never = sorted(set(times) - set(come))
    for start in range(0, len(never), CHUNK):
        chosen = entry.c.learner_id.in_(never[start : start + CHUNK])
        conn.execute(delete(entry).where(entry.c.course_id == course_id, chosen))
    rows = [{"course_id": course_id, "learner_id": id_, "due_at": at} for id_, at in come.items()]
    put_all(conn, entry, rows, key=("course_id", "learner_id"))


def clear(conn: Connection, course_id: str) -> None:
    """Forget everyone who was to come into this course."""
    conn.execute(delete(entry).where(entry.c.course_id == course_id))


def due(conn: Connection, *, now: datetime, limit: int) -> list[tuple[str, str, datetime]]:
    """(course, address, when) of those whose time has come, the longest due first."""
    query = (
        select(entry.c.course_id, learner.c.email, entry.c.due_at)
        .join(learner, learner.c.id == entry.c.learner_id)
        .where(entry.c.due_at <= now)
        .order_by(entry.c.due_at, entry.c.course_id, entry.c.learner_id)
        .limit(limit)
    )
    return [(row.course_id, row.email, row.due_at) for row in conn.execute(query)]


def remove(conn: Connection, course_id: str, email: str, at: datetime) -> None:
    """Forget one of them: they are in, or will not come in by this date. One that has another date by now keeps it."""
    who = select(learner.c.id).where(learner.c.address == address_of(email)).scalar_subquery()
    mine = (entry.c.course_id == course_id, entry.c.learner_id == who)
    conn.execute(delete(entry).where(*mine, entry.c.due_at == at))
