"""What another system does to one enrolment: begin it, pause it, let it go on, end it. Each is one transaction."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from drip.engine import leaving
from drip.engine.directory import course, standing, whom
from drip.engine.enrol import ALREADY, enrol
from drip.errors import Refused
from drip.people import State
from drip.schedule.advance import Did, Note
from drip.schedule.gates import SILENT
from drip.store import Store, enrolments, evidence, learners, traces, wishes
from drip.store.enrolments import Standing
from drip.store.troubles import tried_again
from drip.store.wishes import MARKETER
from drip.track.evidence import Evidence, Kind

#: A pause until a time ends within so long: a longer one has no end.
LONGEST_PAUSE = timedelta(days=3660)
#: Where evidence comes from that the API brings.
API = "api"


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """An enrolment, and whether it began just now."""

    standing: Standing
    new: bool


def begin(store: Store, course_id: str, who: str, *, at: datetime, suppression_key: bytes) -> Begun:
    """Enrol a learner in a course, from `at` on. Who is in it stays in it.

    Raises NotFound for either, and Refused where the course or the suppression list does not let them in.
    """
    with store.read() as conn:
        course(conn, course_id)
        learner = whom(conn, who)
    done = enrol(store, course_id, emails=[learner.email], at=at, suppression_key=suppression_key)
    if why := next((reason for reason in done.refused.values() if reason != ALREADY), None):
        raise Refused(f"the learner does not come in: {why}")
    with store.read() as conn:
        return Begun(standing=enrolments.of_learner(conn, learner.id, course_id)[-1], new=done.enrolled > 0)


@tried_again
def pause(store: Store, number: int, *, until: datetime | None, now: datetime) -> Standing:
    """Send nothing of it, until a time or until it is resumed. Raises NotFound, and Refused where that cannot be."""
    if until is not None and not now < until <= now + LONGEST_PAUSE:
        raise Refused("a pause ends later than now, and within ten years")
    with store.write() as conn:
        stands = _locked(conn, number)
        if not wishes.pause(conn, number, until=until, now=now, by=MARKETER):
            raise Refused(_why_not(stands))
        said = "paused over the API" + (f" until {until.isoformat(timespec='minutes')}" if until is not None else "")
        note = Note(at=now, kind=Did.PAUSE, step=stands.enrolment.next_step or "", reason=said)
        traces.add(conn, [(number, note)])
        return standing(conn, number)


@tried_again
def resume(store: Store, number: int, *, now: datetime) -> Standing:
    """Let it go on. What is on its way stays as it is. Raises NotFound, and Refused for a pause of the learner's."""
    with store.write() as conn:
        stands = _locked(conn, number)
        if stands.enrolment.state is not State.ACTIVE:
            if not wishes.resume(conn, number, now=now, by=MARKETER):
                raise Refused(_why_not(stands))
            wishes.look_again(conn, [number], now=now)
        return standing(conn, number)


@tried_again
def leave(
    store: Store, number: int, *, everything: bool, suppression_key: bytes, now: datetime, source_id: str = ""
) -> Standing:
    """End it as the learner's own press would: this course, or everything from this workspace. Twice is once.

    Raises NotFound.
    """
    with store.write() as conn:
        stands = _locked(conn, number)
        scope = "everything" if everything else "course"
        done = leaving.leave(conn, scope, stands.enrolment, stands.learner, suppression_key, now=now, source=API)
        if done.anything:
            left = Evidence(
                kind=Kind.UNSUBSCRIBE,
                at=now,
                source=API,
                source_id=source_id or secrets.token_urlsafe(16),
                learner_id=stands.learner.id,
                enrolment_id=number,
                item=scope,
                data=done.data,
            )
            evidence.add(conn, left)
        return standing(conn, number)


def _locked(conn: Connection, number: int) -> Standing:
    """The enrolment, which nobody else moves until this transaction has ended."""
    learner_id = standing(conn, number).learner.id
    learners.lock(conn, [learner_id])
    wishes.lock(conn, learner_id)
    return standing(conn, number)


def _why_not(stands: Standing) -> str:
    one = stands.enrolment
    if one.state is State.PAUSED and one.paused_by not in (MARKETER, SILENT):
        return f"it is paused by its {one.paused_by}: only they let it go on"
    return f"it has ended ({one.state}{f', {one.ended_by}' if one.ended_by else ''})"
