"""Pause and resume courses: takes effect at the next claim."""

from __future__ import annotations

from datetime import datetime

from drip.engine.enrol import published
from drip.store import Store, courses


def switch(store: Store, course_id: str | None, *, paused_at: datetime | None) -> list[str]:
    """Pause (with a time) or resume (with None) one course, or all. Returns those that changed."""
    with store.write() as conn:
        if course_id is not None:
            published(conn, course_id)
        chosen = [one for one in courses.listed(conn, course_id) if (one.paused_at is None) != (paused_at is None)]
        courses.set_paused(conn, course_id, paused_at)
        return [one.id for one in chosen]
