"""(plan, enrolment, facts) → the next due step, with the reason. May it be sent now?

Everything here is a pure function of its arguments: `deliver` calls it in the claiming transaction, `simulate` calls it
on a virtual clock, and both get the same answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from zoneinfo import ZoneInfo

from drip.course.expressions import holds, parse_condition, variables
from drip.course.timing import Limit
from drip.people import Enrolment, Facts, Learner, State
from drip.plan.model import Branch, Mail, Plan, Wait
from drip.schedule.civil import Slot, Target, add, first_allowed, land, local_date, resolve, still_open


class Did(StrEnum):
    """What happened to a step on the way to the next mail."""

    #: A tip was passed over, since its `when` was false.
    SKIP = "skip"
    #: A wait began, or ended.
    WAIT = "wait"
    #: An `if` was decided.
    DECIDE = "decide"
    #: The last step is behind.
    FINISH = "finish"


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """One line of a trace: what happened to which step, when, and why in words."""

    at: datetime
    kind: Did
    step: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Next:
    """Where an enrolment stands after looking at `now`.

    `send` is the mail that may go now, or None. `due_at` is when to look again: now for a mail that may go, None where
    nothing is left. `reason` says in words why then. `notes` is what was passed on the way here.
    """

    enrolment: Enrolment
    due_at: datetime | None
    send: Mail | None = None
    reason: str = ""
    notes: tuple[Note, ...] = ()


def begin(plan: Plan, enrolment: Enrolment) -> Enrolment:
    """The enrolment standing before the first step of the plan."""
    return replace(enrolment, revision=plan.revision, next_step=plan.first, reached_at=enrolment.enrolled_at)


def after_send(enrolment: Enrolment, mail: Mail, sent_at: datetime) -> Enrolment:
    """The enrolment after `mail` was really sent: the next gap counts from here."""
    return replace(
        enrolment,
        next_step=mail.then,
        last_mail_at=sent_at,
        reached_at=sent_at,
        floor_at=None,
        waited=False,
        target=None,
    )


def zone_of(learner: Learner, plan: Plan) -> ZoneInfo:
    """The zone that this learner's days are counted in: their own word, the import's, the course's."""
    return zone(learner.timezone or learner.imported_timezone or plan.timezone)


@lru_cache(maxsize=1024)
def zone(name: str) -> ZoneInfo:
    """A zone by its IANA name."""
    return ZoneInfo(name)


def scope(plan: Plan, learner: Learner, enrolment: Enrolment, facts: Facts, now: datetime) -> Mapping[str, object]:
    """What conditions and texts see for this learner at `now`."""
    return variables(
        learner=learner,
        course={"id": plan.course_id, "title": plan.title, "language": plan.language},
        run=enrolment.run,
        facts=facts,
        now=now,
        skills={step.question.id: step.skill for step in plan.steps if isinstance(step, Mail) and step.question},
    )


def next_due(plan: Plan, enrolment: Enrolment, learner: Learner, facts: Facts, now: datetime) -> Next:
    """Where this enrolment stands at `now`: what may be sent, or when to look again, with the reason.

    Steps that need no mail (a wait that has ended, an `if`, a tip whose `when` is false) are passed on the way. The
    loop ends, since every step leads forward. Raises ExpressionError where a condition cannot be decided.
    """
    notes: list[Note] = []
    zone_ = zone_of(learner, plan)
    closed = closed_days(plan.limit, facts, zone_)
    sees = scope(plan, learner, enrolment, facts, now)
    while enrolment.next_step is not None:
        step = plan.step(enrolment.next_step)
        if step is None:
            raise LookupError(f"plan {plan.revision} has no step {enrolment.next_step}")
        if isinstance(step, Wait):
            ended_at, look_again, reason = _wait(step, enrolment, zone_, facts, sees, now)
            if ended_at is None:
                return Next(enrolment=enrolment, due_at=look_again, reason=reason, notes=tuple(notes))
            notes.append(Note(at=ended_at, kind=Did.WAIT, step=step.id, reason=reason))
            enrolment = _move(enrolment, step.then, ended_at, waited=True)
            continue
        if isinstance(step, Branch) and enrolment.waited:
            slot, target = Slot(at=now, reason=""), None
        else:
            slot, target = slot_of(step, enrolment, zone_, now, closed)
        enrolment = replace(enrolment, target=target)
        if slot.at > now:
            return Next(enrolment=enrolment, due_at=slot.at, reason=slot.reason, notes=tuple(notes))
        if isinstance(step, Branch):
            yes = holds(step.condition, sees)
            reason = f"{step.condition} is {'true' if yes else 'false'}"
            notes.append(Note(at=slot.at, kind=Did.DECIDE, step=step.id, reason=reason))
            enrolment = _move(enrolment, step.then if yes else step.otherwise, slot.at, waited=enrolment.waited)
            continue
        if step.when is None or holds(step.when, sees):
            return Next(enrolment=enrolment, due_at=now, send=step, reason=slot.reason, notes=tuple(notes))
        notes.append(Note(at=slot.at, kind=Did.SKIP, step=step.id, reason=f"{step.when} is false"))
        enrolment = _move(enrolment, step.then, slot.at, waited=enrolment.waited)
    notes.append(Note(at=now, kind=Did.FINISH, step="", reason="the last step is done"))
    ended = replace(enrolment, state=State.FINISHED, ended_by="last step", target=None)
    return Next(enrolment=ended, due_at=None, notes=tuple(notes))


def slot_of(
    step: Mail | Branch, enrolment: Enrolment, zone: ZoneInfo, now: datetime, closed: Callable[[date], bool] | None
) -> tuple[Slot, str]:
    """When this step is due, and the civil target to keep.

    A mail that is late (its time has passed) goes at once while its window or its day is open; otherwise at the next
    allowed instant from now, which then is its target, so that it is not late again a second after that.
    """
    if enrolment.target is not None:
        target = Target.from_text(enrolment.target)
    else:
        gap = step.first_gap if enrolment.last_mail_at is None else step.gap
        target = land(enrolment.last_mail_at or enrolment.enrolled_at, gap, step.rule, zone)
    slot = resolve(target, step.rule, zone, not_before=enrolment.floor_at, closed=closed)
    if slot.at <= now and not still_open(step.rule, zone, slot.at, now, closed=closed):
        late = first_allowed(step.rule, zone, now, closed=closed)
        reason = f"late: its time has passed; {late.reason}" if late.reason else "late: its time has passed"
        return Slot(at=late.at, reason=reason), Target(civil=None, floor=now).to_text()
    return slot, target.to_text()


def closed_days(limit: Limit | None, facts: Facts, zone: ZoneInfo) -> Callable[[date], bool] | None:
    """Which local days a course's cap has filled: a full day, or every day of a full week, counts as closed."""
    if limit is None:
        return None
    per_day = limit.per == "day"
    sent = [_period(local_date(at, zone), per_day) for at in facts.sent.values()]
    full = {period for period in sent if sent.count(period) >= limit.count}
    return lambda day: _period(day, per_day) in full


def _period(day: date, per_day: bool) -> date:
    return day if per_day else day - timedelta(days=day.weekday())


def _move(enrolment: Enrolment, to: str | None, at: datetime, *, waited: bool) -> Enrolment:
    return replace(enrolment, next_step=to, reached_at=at, floor_at=at, waited=waited, target=None)


def _wait(
    step: Wait, enrolment: Enrolment, zone: ZoneInfo, facts: Facts, sees: Mapping[str, object], now: datetime
) -> tuple[datetime | None, datetime, str]:
    """(when the wait ended or None, when to look again, why). An unsettled click is waited for, even past `at_most`."""
    deadline = add(enrolment.reached_at, step.at_most, zone, country=step.holidays)
    if holds(step.until, sees):
        return now, now, f"{step.until} is true"
    settles = _unsettled(step, facts, now)
    if settles is not None and (settles <= deadline or deadline <= now):
        return None, settles, "a click or an open has not settled yet"
    if deadline <= now:
        return deadline, now, f"{step.until} did not come true in time"
    return None, deadline, f"waits until {step.until}"


def _unsettled(step: Wait, facts: Facts, now: datetime) -> datetime | None:
    """The first instant after now at which something that the wait asks about settles."""
    times = {"clicked": facts.clicked, "opened": facts.opened}
    asked = [times[function].get(name) for function, name in parse_condition(step.until).calls if function in times]
    return min((at for at in asked if at is not None and at > now), default=None)


def look_ahead(plan: Plan, enrolment: Enrolment, learner: Learner, facts: Facts, now: datetime) -> Next:
    """When to look at an enrolment that has just been moved on, without deciding anything yet.

    A mail or an `if` is looked at when it is due; a wait at once, with whatever evidence there is by then.
    """
    step = plan.step(enrolment.next_step) if enrolment.next_step is not None else None
    if isinstance(step, Mail | Branch):
        zone_ = zone_of(learner, plan)
        slot, target = slot_of(step, enrolment, zone_, now, closed_days(plan.limit, facts, zone_))
        return Next(enrolment=replace(enrolment, target=target), due_at=slot.at, reason=slot.reason)
    if isinstance(step, Wait):
        return Next(enrolment=enrolment, due_at=now, reason=f"waits until {step.until}")
    return next_due(plan, enrolment, learner, facts, now)
