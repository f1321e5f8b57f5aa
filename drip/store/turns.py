"""Whose turn it is: enrolments that are due, a fair share of each course, in few queries.

A course's own are found in their order by an index, however many wait in it or in others.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, bindparam, func, select

from drip.schedule.shares import Waiting, shares
from drip.store.enrolments import Standing, standings, to_standing
from drip.store.tables import course, enrolment, learner

#: One claim looks at so many courses; the others, whose first mail fell due later, have their turn in the next.
MOST_COURSES = 20

_DUE_HERE = (
    enrolment.c.course_id == course.c.id,
    enrolment.c.due_at.is_not(None),
    enrolment.c.due_at <= bindparam("now"),
)
_SINCE = select(func.min(enrolment.c.due_at)).where(*_DUE_HERE).correlate(course).scalar_subquery()
#: Courses with something due, from the highest down, the one that has waited longest first; none is counted to its end.
_WAITING = (
    select(
        course.c.id,
        course.c.priority,
        select(func.count())
        .select_from(
            select(enrolment.c.id)
            .where(*_DUE_HERE)
            .order_by(enrolment.c.due_at, enrolment.c.id)  # by the index, whatever PostgreSQL remembers of the table
            .limit(bindparam("most"))
            .correlate(course)
            .subquery()
        )
        .correlate(course)
        .scalar_subquery()
        .label("number"),
    )
    .where(course.c.paused_at.is_(None), _SINCE.is_not(None))
    .order_by(course.c.priority.desc(), _SINCE, course.c.id)
    .limit(MOST_COURSES)
)


_DUE = (
    standings()
    .where(
        enrolment.c.course_id == bindparam("the_course"),
        enrolment.c.due_at.is_not(None),
        enrolment.c.due_at <= bindparam("now"),
        enrolment.c.state == "active",
    )
    .order_by(enrolment.c.due_at, enrolment.c.id)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True, key_share=True, of=(enrolment, learner))
)


def due(conn: Connection, *, now: datetime, limit: int) -> list[Standing]:
    """Active enrolments whose time has come, at most `limit`: a higher course's before a lower one's, a fair share
    among equals, the longest due of each first; those of paused courses are left alone.

    Locks them and their learners where the database can, and leaves out whom another claim has locked (SKIP LOCKED):
    no two look at one learner at the same time. On SQLite the caller's transaction holds the only pen.
    """
    waiting = [
        Waiting(course_id=row.id, priority=row.priority, number=row.number)
        for row in conn.execute(_WAITING, {"now": now, "most": limit})
    ]
    return [
        to_standing(row)
        for course_id, most in shares(waiting, limit).items()
        for row in conn.execute(_DUE, {"now": now, "most": most, "the_course": course_id}).all()
    ]
