"""People who come in by a date of theirs (`start: {date: learner.renewal_date, offset: -14 days}`).

When they do is worked out when something is known anew (a course is published, a learner imported) and kept by index,
so that a tick looks only at those whose day has come.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta

from sqlalchemy import Connection

from drip.people import Learner
from drip.plan.model import Plan
from drip.schedule.civil import to_instant
from drip.schedule.slots import zone_of
from drip.store import Store, courses, entries, learners

#: So many learners are looked at in one transaction.
BATCH = 1000
#: A date that lies further back than this has been missed: nobody is enrolled for it.
MISSED_AFTER = timedelta(days=1)


def plan_everyone(store: Store, plan: Plan, *, now: datetime) -> None:
    """Work out when everyone comes into a course that has just been published; what was worked out before is void."""
    with store.write() as conn:
        if not _is_current(conn, plan):
            return
        entries.clear(conn, plan.course_id)
    if plan.start.date is None:
        return
    last = 0
    while True:
        with store.write() as conn:
            group = learners.everyone(conn, after_id=last, limit=BATCH) if _is_current(conn, plan) else []
            if not group:
                return
            last = group[-1].id
            entries.put(conn, plan.course_id, _times(plan, group), now=now - MISSED_AFTER)


def _is_current(conn: Connection, plan: Plan) -> bool:
    """Whether nobody has published the course anew meanwhile, and nobody does until this transaction has ended."""
    courses.lock(conn, plan.course_id)
    course = courses.get(conn, plan.course_id)
    return course is not None and course.revision == plan.revision


def plan_these(conn: Connection, learner_ids: Sequence[int], *, now: datetime) -> None:
    """Work out when these learners, of whom something is known anew, come into each course that begins by a date."""
    started = courses.started_by_date(conn)
    if not started:
        return
    group = learners.by_ids(conn, learner_ids)
    for course_id in started:
        course = courses.get(conn, course_id)
        plan = courses.plan_of(conn, course.revision) if course is not None else None
        if plan is not None:
            entries.put(conn, course_id, _times(plan, group), now=now - MISSED_AFTER)


def _times(plan: Plan, group: Sequence[Learner]) -> dict[int, datetime | None]:
    """learner → the start of their day, or None where they have no such date."""
    return {learner.id: _comes_at(plan, learner) for learner in group}


def _comes_at(plan: Plan, learner: Learner) -> datetime | None:
    value = learner.attributes.get(plan.start.date or "")
    try:
        day = value if isinstance(value, date) else date.fromisoformat(str(value))
        first = datetime.combine(day + timedelta(days=plan.start.offset_days), time.min)
        return to_instant(first, zone_of(learner, plan))
    except (ValueError, OverflowError, LookupError):
        return None
