"""Pause and resume courses: takes effect at the next claim."""

from __future__ import annotations

from datetime import datetime

from drip.engine.enrol import published
from drip.store import Store, courses, enrolments
from drip.store.troubles import tried_again


@tried_again
def switch(store: Store, course_id: str | None, *, paused_at: datetime | None, now: datetime) -> list[str]:
    """Pause (with a time) or resume (with None) one course, or all. Returns those that changed.

    After a pause, what fell due meanwhile is not stale for it.
    """
    with store.write() as conn:
        if course_id is not None:
            published(conn, course_id)
        courses.lock(conn, course_id)  # two who resume at once do not both lengthen
        chosen = [one for one in courses.listed(conn, course_id) if (one.paused_at is None) != (paused_at is None)]
        for one in chosen if paused_at is None else []:
            enrolments.lengthen_holds(conn, one.id, paused_at=one.paused_at or now, now=now)
        courses.set_paused(conn, course_id, paused_at)
        return [one.id for one in chosen]
