"""Queries over fresh links: mails that take a learner back to their page when the link that they have is too old."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, func, insert, select, update

from drip.store.tables import fresh_link


@dataclass(frozen=True, slots=True, kw_only=True)
class FreshLink:
    """One that is to go to a learner, for the course of one of their mails."""

    id: int
    learner_id: int
    delivery_id: int
    asked_at: datetime
    attempts: int


def asked(conn: Connection, learner_id: int, *, since: datetime) -> int:
    """How many this learner has been sent, or is about to be, since then."""
    mine = (fresh_link.c.learner_id == learner_id, fresh_link.c.asked_at > since)
    return conn.execute(select(func.count()).select_from(fresh_link).where(*mine)).scalar_one()


def ask(conn: Connection, learner_id: int, delivery_id: int, *, now: datetime) -> None:
    """One is to go now."""
    values = {"learner_id": learner_id, "delivery_id": delivery_id, "asked_at": now, "due_at": now}
    conn.execute(insert(fresh_link).values(attempts=0, answer="", **values))


def anything_due(conn: Connection, *, now: datetime) -> bool:
    """Whether one is to go."""
    return conn.execute(select(fresh_link.c.id).where(fresh_link.c.due_at <= now).limit(1)).first() is not None


def to_go(conn: Connection) -> int:
    """How many are to go."""
    return conn.execute(select(func.count()).where(fresh_link.c.due_at.is_not(None))).scalar_one()


def take(conn: Connection, *, now: datetime, again_at: datetime, limit: int) -> Sequence[FreshLink]:
    """Take those that are due: until `again_at` nobody else takes them, and then somebody does whose maker is gone."""
    due = select(fresh_link).where(fresh_link.c.due_at <= now).order_by(fresh_link.c.due_at, fresh_link.c.id)
    rows = conn.execute(due.limit(limit).with_for_update(skip_locked=True)).all()
    taken = fresh_link.c.id.in_([row.id for row in rows])
    conn.execute(update(fresh_link).where(taken).values(due_at=again_at, attempts=fresh_link.c.attempts + 1))
    return [
        FreshLink(
            id=row.id,
            learner_id=row.learner_id,
            delivery_id=row.delivery_id,
            asked_at=row.asked_at,
            attempts=row.attempts + 1,
        )
        for row in rows
    ]


def write(conn: Connection, link_id: int, *, due_at: datetime | None, answer: str) -> None:
    """What became of one: it has gone (None), or is tried again. Nothing, where its learner was erased meanwhile."""
    this = (fresh_link.c.id == link_id, fresh_link.c.learner_id.is_not(None))
    conn.execute(update(fresh_link).where(*this).values(due_at=due_at, answer=answer[:500]))


def forget(conn: Connection, before: datetime) -> int:
    """Remove what was asked for before then, but for what is still to go. Returns how many.

    The rows are what holds a learner to one an hour and three a day: those of the last day are needed.
    """
    old = (fresh_link.c.asked_at < before, fresh_link.c.due_at.is_(None))
    return conn.execute(delete(fresh_link).where(*old)).rowcount
