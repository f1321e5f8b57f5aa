"""Enrolments over the API: begin one, look at them, pause, resume, leave."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Query
from pydantic import BeforeValidator
from starlette.responses import Response

from drip.engine import directory, steering
from drip.store import Store
from drip.store.enrolments import Standing
from drip.web.api import examples
from drip.web.api.calls import Called, Done
from drip.web.api.models import (
    LARGEST_PAGE,
    PAGE,
    Enrolment,
    EnrolmentIn,
    EnrolmentsPage,
    LeaveIn,
    PauseIn,
)
from drip.web.api.problems import Problem, Wrong
from drip.web.api.routes import route, router

enrolments = router("Enrolments")

After = Annotated[
    str | None, Query(max_length=20, pattern="^[0-9]+$", description="The `next` of the page before; none: the first.")
]
Limit = Annotated[int, Query(ge=1, le=LARGEST_PAGE, description="So many at the most.")]


def _digits(said: object) -> object:
    """One number has one spelling: an address that names it in another is no address."""
    if isinstance(said, str) and not (said.isascii() and said.isdecimal() and not said.startswith("0")):
        raise ValueError("the number of an enrolment is wanted")
    return said


#: Numbers of rows fit 63 bits.
Id = Annotated[int, BeforeValidator(_digits), Path(ge=1, le=2**63 - 1)]


@route(
    enrolments,
    "POST",
    "/enrolments",
    scope="enrolments:write",
    answers=Enrolment,
    example=examples.POST_ENROLMENT,
    also=200,
)
def enrol(call: Called, said: EnrolmentIn) -> Response:
    """Enrol a learner in a published course.

    201 says that it begins; 200 that they are in it already, and stay. Who has left, or is on the suppression list, is
    refused (409).
    """

    def work(store: Store) -> Done:
        begun = steering.begin(
            store, said.course, said.email, at=said.at or call.now, suppression_key=call.desk.suppression_key
        )
        return Done(value=told(begun.standing), status=201 if begun.new else 200)

    return call.do(work)


@route(
    enrolments,
    "GET",
    "/enrolments",
    scope="enrolments:read",
    answers=EnrolmentsPage,
    example=examples.GET_ENROLMENTS,
)
def list_enrolments(
    call: Called,
    email: Annotated[str | None, Query(max_length=400, description="Those of one learner, by address or ref.")] = None,
    course: Annotated[str | None, Query(max_length=200, description="Those of one course, by its id.")] = None,
    after: After = None,
    limit: Limit = PAGE,
) -> Response:
    """Walk over enrolments, in the order in which they began."""
    store = call.desk.store
    found = directory.enrolments_page(store, after=number(after), limit=limit + 1, who=email, course_id=course)
    more = str(found[limit - 1].enrolment.id) if len(found) > limit else None
    return call.show(EnrolmentsPage(enrolments=[told(one) for one in found[:limit]], next=more))


@route(
    enrolments,
    "GET",
    "/enrolments/{id}",
    scope="enrolments:read",
    answers=Enrolment,
    example=examples.GET_ENROLMENT,
)
def get_enrolment(call: Called, id: Id) -> Response:
    """Look at one enrolment."""
    return call.show(told(directory.enrolment(call.desk.store, id)))


@route(
    enrolments,
    "POST",
    "/enrolments/{id}/pause",
    scope="enrolments:write",
    answers=Enrolment,
    example=examples.PAUSE,
)
def pause_enrolment(call: Called, id: Id, said: PauseIn | None = None) -> Response:
    """Pause an enrolment: nothing of it is sent for a while.

    What fell due meanwhile comes afterwards, one mail at a time. A pause that the learner has set is theirs (409).
    """
    until = None if said is None else said.until
    return call.do(lambda store: Done(value=told(steering.pause(store, id, until=until, now=call.now))))


@route(
    enrolments,
    "POST",
    "/enrolments/{id}/resume",
    scope="enrolments:write",
    answers=Enrolment,
    example=examples.RESUME,
)
def resume_enrolment(call: Called, id: Id) -> Response:
    """Resume an enrolment that you have paused."""
    return call.do(lambda store: Done(value=told(steering.resume(store, id, now=call.now))))


@route(
    enrolments,
    "POST",
    "/enrolments/{id}/leave",
    scope="enrolments:write",
    answers=Enrolment,
    example=examples.LEAVE,
)
def leave_enrolment(call: Called, id: Id, said: LeaveIn | None = None) -> Response:
    """Leave a course for a learner, as if they had pressed *unsubscribe*.

    Only the learner comes back from that. `everything` puts the address on the suppression list.
    """
    everything = said is not None and said.scope == "everything"
    key = call.desk.suppression_key

    def work(store: Store) -> Done:
        left = steering.leave(store, id, everything=everything, suppression_key=key, now=call.now)
        return Done(value=told(left))

    return call.do(work)


def told(standing: Standing) -> Enrolment:
    """An enrolment as the API says it."""
    one = standing.enrolment
    return Enrolment(
        id=one.id,
        course=one.course_id,
        ref=standing.learner.ref,
        email=standing.learner.email,
        run=one.run,
        state=one.state.value,
        ended_by=one.ended_by,
        enrolled_at=one.enrolled_at,
        next_step=one.next_step,
        due_at=standing.due_at,
        paused_by=one.paused_by if one.state.value == "paused" else None,
        paused_until=one.paused_until,
        problem=standing.problem,
    )


def number(cursor: str | None) -> int:
    """Where a page begins. Raises Problem for what was never a cursor."""
    found = int(cursor or "0")
    if found >= 2**63:
        raise Problem(422, errors=[Wrong(field="after", message="no page has this cursor")])
    return found
