"""Queries of the API over learners and enrolments: one by its public id, and pages of many."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, select

from drip.people import Learner
from drip.store.enrolments import Standing, standings, to_standing
from drip.store.learners import to_learner
from drip.store.tables import course, enrolment, learner


def by_ref(conn: Connection, ref: str) -> Learner | None:
    """The learner of that public id."""
    row = conn.execute(select(learner).where(learner.c.ref == ref)).one_or_none()
    return None if row is None else to_learner(row)


def enrolments_after(
    conn: Connection, after_id: int, *, limit: int, learner_id: int | None = None, course_id: str | None = None
) -> list[Standing]:
    """Enrolments in the order in which they began, from after `after_id` on: all, a learner's, a course's."""
    query = standings().where(enrolment.c.id > after_id).order_by(enrolment.c.id).limit(limit)
    if learner_id is not None:
        query = query.where(enrolment.c.learner_id == learner_id)
    if course_id is not None:
        query = query.where(enrolment.c.course_id == course_id)
    return [to_standing(row) for row in conn.execute(query)]


def starts(conn: Connection) -> Mapping[str, tuple[str | None, str | None]]:
    """course → (the event, the learner's date) by which people come in."""
    query = select(course.c.id, course.c.starts_by_event, course.c.starts_by_date)
    return {row.id: (row.starts_by_event, row.starts_by_date) for row in conn.execute(query)}
