"""Queries over the queue as a whole, for a person who asks how it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, case, func, select

from drip.store import enrolments
from drip.store.ledger import GONE
from drip.store.tables import course, delivery, enrolment, learner

#: So many problems are listed; a person works from the top.
MOST_PROBLEMS = 50


#: What is due in one course, found by index: the state is looked at there (bare, SQLite would go by the state instead).
_DUE_IN = select(func.count(), func.min(enrolment.c.due_at)).where(
    enrolment.c.course_id == bindparam("the_course"),
    enrolment.c.due_at.is_not(None),
    enrolment.c.due_at <= bindparam("now"),
    enrolment.c.state + "" == "active",
)


def due(conn: Connection, *, now: datetime) -> tuple[int, datetime | None]:
    """(how many enrolments and retries are due now, since when the longest of them is)."""
    mails = [tuple(conn.execute(_DUE_IN, {"now": now, "the_course": id_}).one()) for id_ in _going_on(conn)]
    retries = (
        select(func.count(), func.min(delivery.c.due_at))
        .join(enrolment, enrolment.c.id == delivery.c.enrolment_id)
        .join(course, course.c.id == enrolment.c.course_id)
        .where(delivery.c.due_at <= now, delivery.c.state.in_(("retry", "in_doubt")), course.c.paused_at.is_(None))
    )
    mails.append(tuple(conn.execute(retries).one()))
    since = [at for _, at in mails if at is not None]
    return sum(number for number, _ in mails), min(since, default=None)


def _going_on(conn: Connection) -> list[str]:
    """The courses that nobody has paused."""
    return list(conn.execute(select(course.c.id).where(course.c.paused_at.is_(None))).scalars())


def claimable(conn: Connection, *, now: datetime) -> bool:
    """Whether anything is due that a claim would look at. Where one found nothing, another has it in hand."""
    at = enrolments.next_due_at(conn)
    retry = (
        select(delivery.c.id)
        .join(enrolment, enrolment.c.id == delivery.c.enrolment_id)
        .join(course, course.c.id == enrolment.c.course_id)
        .where(delivery.c.due_at <= now, delivery.c.state == "retry", course.c.paused_at.is_(None))
    )
    return (at is not None and at <= now) or conn.execute(retry.limit(1)).first() is not None


def deliveries_by_state(conn: Connection) -> dict[str, int]:
    """state → how many rows of the ledger are in it."""
    rows = conn.execute(select(delivery.c.state, func.count()).group_by(delivery.c.state).order_by(delivery.c.state))
    return {row[0]: row[1] for row in rows}


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """The whole ledger in numbers: how many rows are in which state, and how many were sent of late."""

    states: Mapping[str, int]
    last_hour: int
    last_day: int
    last_sent_at: datetime | None


def counted(conn: Connection, *, hour_ago: datetime, day_ago: datetime) -> Counted:
    """Count the ledger in one look at each of its rows: for a person, not for a machine that asks all the time."""
    since_hour, since_day = (func.sum(case((delivery.c.sent_at >= at, 1), else_=0)) for at in (hour_ago, day_ago))
    found = conn.execute(
        select(delivery.c.state, func.count(), since_hour, since_day, func.max(delivery.c.sent_at))
        .group_by(delivery.c.state)
        .order_by(delivery.c.state)
    ).all()
    gone = [row for row in found if row[0] in GONE]
    return Counted(
        states={row[0]: row[1] for row in found},
        last_hour=sum(row[2] for row in gone),
        last_day=sum(row[3] for row in gone),
        last_sent_at=max((row[4] for row in gone if row[4] is not None), default=None),
    )


def open_states(conn: Connection) -> tuple[dict[str, int], datetime | None]:
    """(state → how many rows, of those that are under way or to be tried again; the oldest `handed` one's instant).

    Both parts are found by index: it costs what is open, not what has ever been sent.
    """
    found: dict[str, int] = dict.fromkeys(("claimed", "handed", "retry", "in_doubt"), 0)
    handed_at = None
    for mark in (delivery.c.leased_by, delivery.c.due_at):
        query = select(delivery.c.state, func.count(), func.min(delivery.c.handed_at)).where(mark.is_not(None))
        for state, number, oldest_at in conn.execute(query.group_by(delivery.c.state)):
            found[state] = found.get(state, 0) + number
            handed_at = oldest_at if state == "handed" else handed_at
    return found, handed_at


def doubts(conn: Connection) -> tuple[int, datetime | None, datetime | None]:
    """(how many mails are in doubt, when the first of them is decided, and the last)."""
    query = select(func.count(), func.min(delivery.c.due_at), func.max(delivery.c.due_at))
    number, first_at, last_at = conn.execute(
        query.where(delivery.c.due_at.is_not(None), delivery.c.state == "in_doubt")
    ).one()
    return number, first_at, last_at


def stuck(conn: Connection) -> int:
    """How many enrolments could not go on, and wait for a person."""
    query = select(func.count()).select_from(enrolment)
    return conn.execute(
        query.where(enrolment.c.problem.is_not(None), enrolment.c.state.in_(("active", "finished")))
    ).scalar_one()


def problems(conn: Connection) -> list[dict[str, object]]:
    """What waits for a person: held deliveries, and enrolments that could not go on, each with the reason."""
    held = (
        select(learner.c.email, enrolment.c.course_id, delivery.c.step, delivery.c.answer.label("problem"))
        .join(enrolment, enrolment.c.id == delivery.c.enrolment_id)
        .join(learner, learner.c.id == delivery.c.learner_id)
        .where(delivery.c.state == "held")
        .order_by(delivery.c.id)
        .limit(MOST_PROBLEMS)
    )
    stuck = (
        select(learner.c.email, enrolment.c.course_id, enrolment.c.next_step.label("step"), enrolment.c.problem)
        .join(learner, learner.c.id == enrolment.c.learner_id)
        .where(enrolment.c.problem.is_not(None), enrolment.c.state == "active")
        .order_by(enrolment.c.id)
        .limit(MOST_PROBLEMS)
    )
    return [
        {"email": row.email, "course": row.course_id, "step": row.step, "problem": row.problem}
        for query in (held, stuck)
        for row in conn.execute(query)
    ][:MOST_PROBLEMS]
