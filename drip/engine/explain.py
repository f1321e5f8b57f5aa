"""What an operator asks: why did (or does) this learner get what they get?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from drip.engine.enrol import published
from drip.engine.follow import CHANGED
from drip.engine.learners import find
from drip.engine.sending import PERSONAL, facts_of
from drip.engine.wished import Asked, changes_of, doors_of, heard_of, hurried_between, wish_at
from drip.errors import NotFound
from drip.people import Enrolment, Facts
from drip.plan.model import Mail, Plan
from drip.plan.renames import Renames
from drip.schedule.advance import Did, next_due
from drip.schedule.reasons import why_then
from drip.schedule.reviews import REVIEW
from drip.schedule.simulate import Row
from drip.schedule.slots import closed_days, slot_of, zone_of
from drip.schedule.wishes import HURRIED
from drip.store import Store, courses, enrolments, evidence, traces
from drip.store.edits import EXTENDED
from drip.store.enrolments import Standing
from drip.store.ledger import GONE

#: Why an enrolment is looked at soon, though nothing may be due then.
LOOKED_AT = (CHANGED, EXTENDED)
#: A mail that went this long after its time was late, and a person who asks why is told so.
LATE = timedelta(minutes=5)
_UNITS = ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """One learner in one course: what has come, in order, and what is next, with the reasons.

    Kinds of its rows, beside those of a simulation: enrol, decide, change (the learner asked for something on their
    page), leave, return, and the states of a mail that is not sent yet.
    `paused_at` is the whole course's.
    """

    email: str
    course_id: str
    state: str
    paused_at: datetime | None
    ended_by: str | None
    problem: str | None
    revision: str
    zone: str
    rows: tuple[Row, ...]
    next_step: str | None
    next_at: datetime | None
    next_reason: str


def why(store: Store, email: str, course_id: str) -> Trace:
    """Why this learner got, and gets, what they do. Raises NotFound for a stranger, or one who is not enrolled."""
    with store.read() as conn:
        course = published(conn, course_id)
        learner = find(conn, email)
        runs = enrolments.of_learner(conn, learner.id, course_id)
        if not runs:
            who = learner.email
            raise NotFound(f"{who} is not enrolled in {course_id} (`drip enrol {course_id} --email {who}`)")
        standing = runs[-1]
        stands = standing.enrolment
        plan = courses.plan_of(conn, stands.revision)
        assert plan is not None, "an enrolment's plan is never removed"
        zone = zone_of(learner, plan)
        facts, rows = facts_of(conn, [stands])
        names = courses.names_of(conn, [plan.revision])[plan.revision]

        def row(at: datetime, step: str, kind: str, reason: str) -> Row:
            return Row(at=at, local=at.astimezone(zone), step=step, kind=kind, reason=reason)

        told = [row(stands.enrolled_at, "", "enrol", "" if stands.run == 1 else f"run {stands.run}")]
        told += [row(at, step, kind, reason) for at, kind, step, reason in traces.of(conn, stands.id)]
        changes = changes_of(evidence.of_enrolments(conn, [stands.id])[stands.id])
        told += [row(one.at, "", "change", one.words) for one in changes]
        known = evidence.of_learner(conn, learner.id)
        told += [row(at, "", kind, words) for at, kind, words in doors_of(known, stands.id, since=stands.enrolled_at)]
        for delivery in rows[stands.id]:
            at = delivery.sent_at or delivery.handed_at or delivery.claimed_at
            kind = "mail" if delivery.state in GONE else str(delivery.state)
            back = f"brings back {', '.join(delivery.riders)}" if delivery.riders else ""
            told.append(row(at, delivery.step, kind, back if kind == "mail" else delivery.answer))
        mails = {delivery.id for delivery in rows[stands.id]}
        told += [row(at, step, kind, words) for at, step, kind, words in heard_of(known, mails)]
        told.sort(key=lambda r: (r.at, r.kind == "finish"))
        step = plan.step(stands.next_step or "")
        under_way = next((d for d in rows[stands.id] if d.step == stands.next_step and d.state not in GONE), None)
        due_at = standing.due_at or (under_way.due_at if under_way is not None else None)
        last = max((d for d in rows[stands.id] if d.sent_at), key=lambda d: (d.sent_at, d.id), default=None)
        reason = standing.due_reason
        if standing.due_at is not None and reason in LOOKED_AT:
            stands, due_at, reason = _foreseen(plan, standing, facts[stands.id])
        if isinstance(step, Mail) and standing.due_at is not None:
            reason = why_then(step, stands, last.step if last else None, reason)
        elif under_way is not None:
            reason = under_way.answer
        return Trace(
            email=learner.email,
            course_id=course_id,
            state=str(stands.state),
            paused_at=course.paused_at,
            ended_by=stands.ended_by,
            problem=standing.problem,
            revision=stands.revision,
            zone=str(zone),
            rows=tuple(_with_reasons(told, plan, names, stands, zone, changes)),
            next_step=stands.next_step,
            next_at=due_at,
            next_reason=reason,
        )


def _foreseen(plan: Plan, standing: Standing, facts: Facts) -> tuple[Enrolment, datetime | None, str]:
    """What the look will find that a publish has asked for: where it leaves the enrolment, when is next, and why."""
    at = standing.due_at
    assert at is not None
    try:
        then = next_due(plan, standing.enrolment, standing.learner, facts, at)
    except PERSONAL as error:
        return standing.enrolment, at, str(error)
    return then.enrolment, then.due_at, then.reason


def _with_reasons(
    told: Sequence[Row],
    plan: Plan,
    names: Renames,
    stands: Enrolment,
    zone: ZoneInfo,
    changes: Sequence[Asked],
) -> Iterator[Row]:
    """The rows, each sent mail with what it counted from and what moved it: derived again from what came before it, and
    from what the learner wished at the time.

    A tip that the plan does not know any more has no reason, but the next one counts from it all the same.
    """
    at = replace(stands, last_mail_at=None, floor_at=None, waited=False, target=None)
    facts, last = Facts(), None
    for row in told:
        step = plan.step(names.step(row.step))
        if row.kind == "mail" and row.step != REVIEW:
            if isinstance(step, Mail):
                anchor = at.floor_at or at.last_mail_at or at.enrolled_at
                at = replace(at, wish=wish_at(row.at, stands.wish, changes))
                if hurried_between(anchor, row.at, changes):
                    due = replace(slot_of(step, at, zone, anchor, None), at=row.at, reason=HURRIED)
                else:
                    due = slot_of(step, at, zone, anchor, closed_days(plan.limit, facts, zone))
                reason = "; ".join(filter(None, (why_then(step, at, last, due.reason), row.reason)))
                if row.at - due.at >= LATE:
                    reason += f"; {span_text(row.at - due.at)} late"
                row = replace(row, reason=reason)
            yield row
            facts, last = facts.sent_now(row.step, row.at), row.step
            at = replace(at, last_mail_at=row.at, floor_at=None, waited=False)
        else:
            yield row
            if row.kind in (Did.SKIP, Did.WAIT, Did.DECIDE):
                at = replace(at, floor_at=row.at, waited=at.waited or row.kind == Did.WAIT)


def span_text(span: timedelta) -> str:
    """A span in its largest whole unit: `3 hours`."""
    seconds = max(1.0, span.total_seconds())
    size, unit = next((size, unit) for size, unit in _UNITS if seconds >= size)
    number = int(seconds // size)
    return f"{number:,} {unit}{'' if number == 1 else 's'}"
