"""Measure a course: what was sent, who did what with it, and what they had learnt."""

from __future__ import annotations

from difflib import get_close_matches

from drip.errors import NotFound, StoreError
from drip.plan.model import Mail
from drip.report.numbers import CourseReport, Info, course_report
from drip.store import Store, courses, numbers


def report(store: Store, course_id: str) -> CourseReport:
    """The report of a published course, in one consistent picture: the plan's steps in order, then those it dropped.

    Raises NotFound for a course that is not published.
    """
    with store.read() as conn:
        published = courses.get(conn, course_id)
        if published is None:
            raise NotFound(_not_published(course_id, [course.id for course in courses.listed(conn)]))
        plan = courses.plan_of(conn, published.revision)
        if plan is None:
            raise StoreError(f"the database has no plan {published.revision}, though {course_id} follows it")
        info = Info(
            course=published.id,
            title=published.title,
            revision=published.revision,
            published_at=published.published_at,
            paused_at=published.paused_at,
            steps=[(step.id, [v.name for v in step.variants]) for step in plan.steps if isinstance(step, Mail)],
        )
        return course_report(info, numbers.counts(conn, course_id), numbers.seen(conn, course_id))


def _not_published(course_id: str, known: list[str]) -> str:
    if not known:
        return "no course is published yet: run `drip publish COURSE`"
    close = get_close_matches(course_id, known, n=1)
    instead = f'did you mean "{close[0]}"?' if close else f"published are: {', '.join(known[:20])}"
    return f'no course "{course_id}" is published: {instead}'
