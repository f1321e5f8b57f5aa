"""Queries over the queue as a whole, for a person who asks how it is."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, func, select

from drip.store import enrolments
from drip.store.tables import course, delivery, enrolment, learner

#: So many problems are listed; a person works from the top.
MOST_PROBLEMS = 50


def due(conn: Connection, *, now: datetime) -> tuple[int, datetime | None]:
    """(how many enrolments and retries are due now, since when the longest of them is)."""
    waiting = (
        select(func.count(), func.min(enrolment.c.due_at))
        .join(course, course.c.id == enrolment.c.course_id)
        .where(enrolment.c.due_at <= now, enrolment.c.state == "active", course.c.paused_at.is_(None))
    )
    retries = (
        select(func.count(), func.min(delivery.c.due_at))
        .join(enrolment, enrolment.c.id == delivery.c.enrolment_id)
        .join(course, course.c.id == enrolment.c.course_id)
        .where(delivery.c.due_at <= now, delivery.c.state.in_(("retry", "in_doubt")), course.c.paused_at.is_(None))
    )
    counted = [tuple(conn.execute(query).one()) for query in (waiting, retries)]
    since = [at for _, at in counted if at is not None]
    return sum(number for number, _ in counted), min(since, default=None)


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
