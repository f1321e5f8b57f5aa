"""Courses over the API: which are published, and how each did."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path
from starlette.responses import Response

from drip.engine import directory
from drip.engine.measure import report
from drip.report.rows import to_object
from drip.web.api import examples
from drip.web.api.calls import Called
from drip.web.api.models import Course, Courses, Report
from drip.web.api.routes import route, router

courses = router("Courses")


@route(courses, "GET", "/courses", scope="reports:read", answers=Courses, example=examples.GET_COURSES)
def list_courses(call: Called) -> Response:
    """Which courses are published, and how people come into each."""
    found = [
        Course(
            id=one.course.id,
            title=one.course.title,
            revision=one.course.revision,
            published_at=one.course.published_at,
            paused_at=one.course.paused_at,
            starts_by_event=one.event,
            starts_by_date=one.date,
        )
        for one in directory.offered(call.desk.store)
    ]
    return call.show(Courses(courses=found))


@route(courses, "GET", "/courses/{id}/report", scope="reports:read", answers=Report, example=examples.GET_REPORT)
def get_report(call: Called, id: Annotated[str, Path(max_length=200)]) -> Response:
    """How a course did, and what people learnt from it: the numbers of `drip report`.

    Machines' opens and clicks stand apart. It is worked out anew each time, which takes seconds for a large course.
    """
    store = call.desk.store
    directory.published(store, id)
    return call.show(to_object(report(store, id)))
