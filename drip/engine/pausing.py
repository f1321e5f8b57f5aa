"""Pause one learner's courses for them, and let them go on: what a marketer does where somebody asks in a reply."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from drip.engine.learners import find
from drip.engine.my_changes import LONGEST_PAUSE
from drip.errors import NotFound, Refused
from drip.people import State
from drip.schedule.advance import Did, Note
from drip.schedule.civil import to_instant
from drip.schedule.slots import zone_of
from drip.store import Store, courses, enrolments, learners, traces, wishes
from drip.store.enrolments import Standing
from drip.store.troubles import tried_again
from drip.store.wishes import MARKETER


@dataclass(frozen=True, slots=True, kw_only=True)
class Paused:
    """What became of one of their courses. `done` is false where there was nothing to do: `why` says why.

    `until` is told by the clock of where they are.
    """

    course: str
    done: bool
    why: str = ""
    until: datetime | None = None


@tried_again
def pause(
    store: Store, email: str, *, course_id: str | None = None, until: date | None = None, now: datetime
) -> list[Paused]:
    """Pause a learner's courses (or this one) until that day begins where they are; without one, until `resume`.

    What a learner has paused stays theirs. A mail that is handed over already is gone. Raises NotFound for a stranger,
    or somebody who is in no course (or not in this one), and Refused for a day that is past or too far away.
    """
    with store.write() as conn:
        return [_pause(conn, one, until, now) for one in _going_on(conn, email, course_id)]


@tried_again
def resume(store: Store, email: str, *, course_id: str | None = None, now: datetime) -> list[Paused]:
    """Lift what `pause`, or silence, has paused: what fell due meanwhile goes as after any pause, one mail."""
    with store.write() as conn:
        return [_resume(conn, one, now) for one in _going_on(conn, email, course_id)]


def _going_on(conn: Connection, email: str, course_id: str | None) -> list[Standing]:
    learner = find(conn, email)
    learners.lock(conn, [learner.id])
    wishes.lock(conn, learner.id)
    mine = enrolments.of_learner(conn, learner.id, course_id)
    found = [one for one in mine if one.enrolment.state in (State.ACTIVE, State.PAUSED)]
    if not found:
        where = "any course" if course_id is None else course_id
        raise NotFound(f"{learner.email} is not on the way in {where}: `drip learners show {learner.email}`")
    return found


def _pause(conn: Connection, standing: Standing, until: date | None, now: datetime) -> Paused:
    stands, plan = standing.enrolment, courses.plan_of(conn, standing.enrolment.revision)
    zone = None if plan is None else zone_of(standing.learner, plan)
    until_at = None
    if until is not None:
        if zone is None:
            raise NotFound(f"the plan of {stands.course_id} is lost")
        until_at = to_instant(datetime.combine(until, time.min), zone)
        if not now < until_at <= now + LONGEST_PAUSE:
            raise Refused(f"{until}: a pause ends on a day to come, within a year; without --until it ends by `resume`")
    if wishes.pause(conn, stands.id, until=until_at, now=now, by=MARKETER):
        said = "paused by a person" + (f" until {until}" if until is not None else "")
        note = Note(at=now, kind=Did.PAUSE, step=stands.next_step or "", reason=said)
        traces.add(conn, [(stands.id, note)])
        return Paused(course=stands.course_id, done=True, until=_there(until_at, zone))
    why = f"paused by the {stands.paused_by}"
    return Paused(course=stands.course_id, done=False, why=why, until=_there(stands.paused_until, zone))


def _there(at: datetime | None, zone: ZoneInfo | None) -> datetime | None:
    """A time by the clock of where they are: a day that begins there may be the day before in UTC."""
    return at if at is None or zone is None else at.astimezone(zone)


def _resume(conn: Connection, standing: Standing, now: datetime) -> Paused:
    stands = standing.enrolment
    if wishes.resume(conn, stands.id, now=now, by=MARKETER):
        wishes.look_again(conn, [stands.id], now=now)
        return Paused(course=stands.course_id, done=True)
    theirs = stands.state is State.PAUSED
    why = f"paused by the {stands.paused_by}, who lifts it" if theirs else "not paused"
    return Paused(course=stands.course_id, done=False, why=why)
