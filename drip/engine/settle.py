"""What waits for a person, and what a person decides: try again, take as sent, or leave out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection

from drip.engine.announce import Event, announce, of_mail
from drip.engine.effects import carry_out
from drip.engine.sending import PERSONAL, facts_of
from drip.people import State
from drip.plan.model import Mail, Plan
from drip.schedule.advance import Did, Next, Note, after_send, if_behind, look_ahead
from drip.store import Store, courses, enrolments, fates, learners, traces
from drip.store.enrolments import Standing
from drip.store.ledger import Delivery, Phase
from drip.store.troubles import tried_again


class Decision(StrEnum):
    """What a person may decide."""

    #: Try it now, with what is known now.
    RETRY = "retry"
    #: The other side has it: go on as if it had been sent now.
    SENT = "sent"
    #: Leave this mail out, and go on with the next.
    CANCEL = "cancel"


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """One thing that waits for a person. `delivery_id` is None for an enrolment that could not go on."""

    email: str
    course: str
    step: str
    problem: str
    delivery_id: int | None
    enrolment_id: int


def waiting(store: Store, *, email: str | None = None, course_id: str | None = None) -> list[Waiting]:
    """Everything that waits for a person, or what of it is this learner's or this course's."""
    with store.read() as conn:
        return [one for one in _all(conn) if _meant(one, email, course_id)]


@tried_again
def settle(
    store: Store, decision: Decision, *, now: datetime, email: str | None = None, course_id: str | None = None
) -> list[Waiting]:
    """Decide on everything that waits (of this learner, of this course). Returns what was decided.

    An enrolment that could not go on has no mail to call sent or leave out: it is looked at again in any case.
    """
    decided = []
    with store.write() as conn:
        for row, standing in fates.held(conn):
            one = _of_row(row, standing)
            if _meant(one, email, course_id) and _decide(conn, row, standing, decision, now=now):
                decided.append(one)
        for standing in enrolments.stuck(conn):
            one = _of_standing(standing)
            if _meant(one, email, course_id):
                enrolments.release(conn, standing.enrolment.id, now=now)
                decided.append(one)
    return decided


def _decide(conn: Connection, row: Delivery, standing: Standing, decision: Decision, *, now: datetime) -> bool:
    said = f"a person decided: {decision}"
    if decision is Decision.RETRY:
        return fates.decide(conn, row.id, Phase.RETRY, now=now, answer=said)
    phase = Phase.SENT if decision is Decision.SENT else Phase.CANCELLED
    if not fates.decide(conn, row.id, phase, now=now, answer=said):
        return False
    go_past(conn, row, standing, now=now, left_out=decision is Decision.CANCEL)
    return True


def go_past(conn: Connection, row: Delivery, standing: Standing, *, now: datetime, left_out: bool = False) -> None:
    """Move the enrolment past a mail that is settled: it was sent at `now`, or is left out."""
    if not left_out:
        how = {"variant": row.variant, "language": row.language}
        announce(conn, [of_mail(Event.SENT, str(row.id), standing.enrolment, row.step, **how)], now=now)
    plan = courses.plan_of(conn, row.revision)
    if plan is not None and plan.reviews is not None:
        enrolments.plan_reviews(conn, {row.enrolment_id: now})
    mail = plan.step(row.step) if plan is not None else None
    stands = standing.enrolment
    on_its_way = stands.state in (State.ACTIVE, State.PAUSED) and mail is not None and stands.next_step == mail.id
    if plan is not None and isinstance(mail, Mail) and on_its_way:
        _go_on(conn, plan, mail, standing, left_out, now=now)


def _go_on(conn: Connection, plan: Plan, mail: Mail, standing: Standing, left_out: bool, *, now: datetime) -> None:
    facts, _ = facts_of(conn, [standing.enrolment])
    stands = after_send(replace(standing.enrolment, revision=plan.revision), mail, now)
    if left_out:
        stands = replace(stands, last_mail_at=standing.enrolment.last_mail_at, floor_at=now)
        skipped = Note(at=now, kind=Did.SKIP, step=mail.id, reason="left out by a person")
        traces.add(conn, [(stands.id, skipped)])
    try:
        then = look_ahead(plan, stands, standing.learner, facts[stands.id], now)
    except PERSONAL as error:  # the mail is settled, whatever its plan says of the next: the next claim holds that
        then = Next(enrolment=stands, due_at=now, reason=str(error))
    then = if_behind(then, standing.current, now)
    enrolments.save(conn, [(then.enrolment, then.due_at, then.reason)])
    traces.add(conn, [(stands.id, note) for note in then.notes])
    carry_out(conn, plan, stands, standing.learner, then.notes, now=now)


def _all(conn: Connection) -> list[Waiting]:
    held = [_of_row(row, standing) for row, standing in fates.held(conn)]
    return held + [_of_standing(standing) for standing in enrolments.stuck(conn)]


def _of_row(row: Delivery, standing: Standing) -> Waiting:
    return Waiting(
        email=standing.learner.email,
        course=standing.enrolment.course_id,
        step=row.step,
        problem=row.answer,
        delivery_id=row.id,
        enrolment_id=standing.enrolment.id,
    )


def _of_standing(standing: Standing) -> Waiting:
    return Waiting(
        email=standing.learner.email,
        course=standing.enrolment.course_id,
        step=standing.enrolment.next_step or "",
        problem=standing.problem or "",
        delivery_id=None,
        enrolment_id=standing.enrolment.id,
    )


def _meant(one: Waiting, email: str | None, course_id: str | None) -> bool:
    mine = email is None or learners.address_of(one.email) == learners.address_of(email)
    return mine and (course_id is None or one.course == course_id)
