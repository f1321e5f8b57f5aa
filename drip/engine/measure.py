"""Measure a course: what was sent, who did what with it, and what they had learnt."""

from __future__ import annotations

from drip.engine.enrol import published as published_course
from drip.errors import StoreError
from drip.plan.model import Mail
from drip.report.model import CourseReport, Info
from drip.report.numbers import course_report
from drip.schedule.reviews import REVIEW
from drip.store import Store, courses, numbers


def report(store: Store, course_id: str, *, no_pixels: bool = False) -> CourseReport:
    """The report of a published course, in one consistent picture: the plan's steps in order, then those it dropped.

    What was sent and answered under an earlier id stands under today's.

    `no_pixels` is the workspace's. Raises NotFound for a course that is not published.
    """
    with store.read() as conn:
        published = published_course(conn, course_id)
        plan = courses.plan_of(conn, published.revision)
        if plan is None:
            raise StoreError(f"the database has no plan {published.revision}, though {course_id} follows it")
        mails = [step for step in plan.steps if isinstance(step, Mail)]
        recaps = [(REVIEW, ["default"])] if plan.reviews is not None else []
        info = Info(
            course=published.id,
            title=published.title,
            revision=published.revision,
            published_at=published.published_at,
            paused_at=published.paused_at,
            steps=[(mail.id, [variant.name for variant in mail.variants]) for mail in mails] + recaps,
            surveys={mail.survey.id: mail.survey.kind for mail in mails if mail.survey is not None},
            opens="never" if no_pixels else plan.tracking.opens,
            teaches={mail.question.id: mail.id for mail in mails if mail.question is not None},
        )
        names = courses.names_of(conn, [published.revision])[published.revision]
        return course_report(info, numbers.counts(conn, course_id, names), numbers.seen(conn, course_id, names))
