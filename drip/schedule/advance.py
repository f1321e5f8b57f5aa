"""(plan, enrolment, facts) → the next due step, with the reason. May it be sent now?

Everything here is a pure function of its arguments: `deliver` calls it in the claiming transaction, `simulate` calls it
on a virtual clock, and both get the same answer.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from drip.course.expressions import holds, parse_condition, variables
from drip.course.timing import ALL_DAYS, Unit, gap_text
from drip.people import Enrolment, Facts, Learner, State, changed
from drip.plan.compile import skills
from drip.plan.model import Award, Branch, Mail, Notify, Plan, Wait
from drip.schedule.civil import add, land, resolve
from drip.schedule.gates import LAST_STEP, released, shut, silenced
from drip.schedule.slots import Due, closed_days, either, slot_of, zone_of
from drip.schedule.wishes import rule_of

#: How the reason begins for which a tip is passed over that has become too old.
STALE = "stale"


class Did(StrEnum):
    """What happened to a step on the way to the next mail."""

    #: A tip was passed over: its `when` was false, or it had become stale.
    SKIP = "skip"
    #: A wait ended.
    WAIT = "wait"
    #: An `if` was decided.
    DECIDE = "decide"
    #: An outgoing webhook is to be written.
    NOTIFY = "notify"
    #: A certificate is given.
    AWARD = "award"
    #: `silent` paused the enrolment.
    PAUSE = "pause"
    #: The last step is behind, the goal was reached, or it was stopped.
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
    nothing is left or something outside must happen first. `reason` says in words why then. `notes` is what was passed
    on the way here; what is to be done besides mailing (notify, award) stands among them.
    """

    enrolment: Enrolment
    due_at: datetime | None
    send: Mail | None = None
    reason: str = ""
    notes: tuple[Note, ...] = ()


def begin(plan: Plan, enrolment: Enrolment) -> Enrolment:
    """The enrolment standing before the first step of the plan."""
    return changed(enrolment, revision=plan.revision, next_step=plan.first, reached_at=enrolment.enrolled_at)


def after_send(enrolment: Enrolment, mail: Mail, sent_at: datetime) -> Enrolment:
    """The enrolment after `mail` was really sent: the next gap counts from here."""
    return changed(
        enrolment,
        next_step=mail.then,
        last_mail_at=sent_at,
        reached_at=sent_at,
        floor_at=None,
        waited=False,
        target=None,
        held_for=timedelta(0),
        hurried_at=None,
    )


def scope(plan: Plan, learner: Learner, enrolment: Enrolment, facts: Facts, now: datetime) -> Mapping[str, object]:
    """What conditions and texts see for this learner at `now`."""
    return variables(
        learner=learner,
        course={"id": plan.course_id, "title": plan.title, "language": plan.language},
        run=enrolment.run,
        facts=facts,
        now=now,
        skills=skills(plan),
        declared=plan.attributes,
    )


def next_due(
    plan: Plan,
    enrolment: Enrolment,
    learner: Learner,
    facts: Facts,
    now: datetime,
    *,
    again: Collection[str] = (),
    also_closed: Callable[[date], bool] | None = None,
) -> Next:
    """Where this enrolment stands at `now`: what may be sent, or when to look again, with the reason.

    A tip that was sent before (an edit has moved it) is passed over, unless it is among those that may go `again`.
    `also_closed` are local days on which a cap over all courses lets nothing through.

    Steps that need no mail (a wait that has ended, an `if`, a tip whose `when` is false) are passed on the way. The
    loop ends, since every step leads forward. Raises ExpressionError where a condition cannot be decided.
    """
    notes: list[Note] = []
    zone = zone_of(learner, plan)
    closed = either(closed_days(plan.limit, facts, zone), also_closed)
    seen: list[Mapping[str, object]] = []

    def sees() -> Mapping[str, object]:
        """What conditions see, gathered once one asks."""
        if not seen:
            seen.append(scope(plan, learner, enrolment, facts, now))
        return seen[0]

    gated = plan.goal is not None or plan.stop is not None or plan.hold_while is not None
    if gated and (gate := shut(plan, enrolment, sees(), now)):
        told = (Note(at=now, kind=Did.FINISH, step="", reason=gate.reason),) if gate.ends else ()
        return Next(enrolment=gate.enrolment, due_at=None, reason=gate.reason, notes=told)
    enrolment = released(enrolment, now)
    while enrolment.next_step is not None:
        step = plan.step(enrolment.next_step)
        match step:
            case None:
                raise LookupError(f"plan {plan.revision} has no step {enrolment.next_step}")
            case Notify() | Award():
                kind = Did.NOTIFY if isinstance(step, Notify) else Did.AWARD
                notes.append(Note(at=enrolment.reached_at, kind=kind, step=step.id, reason=step.name))
                enrolment = changed(enrolment, next_step=step.then)
                continue
            case Wait():
                ended_at, look_again, reason = _wait(step, enrolment, zone, facts, sees(), now)
                if ended_at is None:
                    return Next(enrolment=enrolment, due_at=look_again, reason=reason, notes=tuple(notes))
                notes.append(Note(at=ended_at, kind=Did.WAIT, step=step.id, reason=reason))
                enrolment = _move(enrolment, step.then, ended_at, waited=True)
                continue
            case Branch() if enrolment.waited:
                ended_at = enrolment.floor_at or now  # decided at the wait's end, however late it is looked at
                due = Due(at=ended_at, reason="", target="", was_due_at=ended_at)
            case Branch() | Mail():
                due = slot_of(step, enrolment, zone, now, closed)
        if enrolment.target != (due.target or None):
            enrolment = changed(enrolment, target=due.target or None)
        if isinstance(step, Mail) and (why := _stale(plan, step, enrolment, due, now, zone)):
            notes.append(Note(at=now, kind=Did.SKIP, step=step.id, reason=why))
            enrolment = _move(enrolment, step.then, now, waited=enrolment.waited)
        elif due.at > now:
            return Next(enrolment=enrolment, due_at=due.at, reason=due.reason, notes=tuple(notes))
        elif isinstance(step, Branch):
            yes = holds(step.condition, sees())
            reason = f"{step.condition} is {'true' if yes else 'false'}"
            notes.append(Note(at=due.at, kind=Did.DECIDE, step=step.id, reason=reason))
            enrolment = _move(enrolment, step.then if yes else step.otherwise, due.at, waited=enrolment.waited)
        elif step.id in facts.sent and step.id not in again:
            notes.append(Note(at=due.at, kind=Did.SKIP, step=step.id, reason="it was sent before"))
            enrolment = _move(enrolment, step.then, due.at, waited=enrolment.waited)
        elif step.when is not None and not holds(step.when, sees()):
            notes.append(Note(at=due.at, kind=Did.SKIP, step=step.id, reason=f"{step.when} is false"))
            enrolment = _move(enrolment, step.then, due.at, waited=enrolment.waited)
        elif quiet := silenced(plan, enrolment, facts, now):
            notes.append(Note(at=now, kind=Did.PAUSE, step=step.id, reason=quiet.reason))
            return Next(enrolment=quiet.enrolment, due_at=None, reason=quiet.reason, notes=tuple(notes))
        else:
            return Next(enrolment=enrolment, due_at=now, send=step, reason=due.reason, notes=tuple(notes))
    notes.append(Note(at=now, kind=Did.FINISH, step="", reason="the last step is done"))
    done = changed(enrolment, state=State.FINISHED, ended_by=LAST_STEP, target=None)
    return Next(enrolment=done, due_at=None, notes=tuple(notes))


def look_ahead(plan: Plan, enrolment: Enrolment, learner: Learner, facts: Facts, now: datetime) -> Next:
    """When to look at an enrolment that has just been moved on, without deciding anything yet.

    A mail or an `if` is looked at when it is due; everything else at once, with whatever evidence there is by then.
    """
    step = plan.step(enrolment.next_step) if enrolment.next_step is not None else None
    if isinstance(step, Mail | Branch):
        zone = zone_of(learner, plan)
        due = slot_of(step, enrolment, zone, now, closed_days(plan.limit, facts, zone))
        return Next(enrolment=changed(enrolment, target=due.target), due_at=due.at, reason=due.reason)
    if isinstance(step, Wait):
        return Next(enrolment=enrolment, due_at=now, reason=f"waits until {step.until}")
    if step is not None:
        return Next(enrolment=enrolment, due_at=now)
    return next_due(plan, enrolment, learner, facts, now)


def if_behind(then: Next, current: str, now: datetime) -> Next:
    """Look at once where another revision is `current` by the time a mail is decided: that one says what is next.

    The last step of the earlier one ends nobody: more may have been appended.
    """
    stands = then.enrolment
    if stands.ended_by == LAST_STEP:
        stands = replace(stands, state=State.ACTIVE, ended_by=None)
    if stands.revision == current or stands.state is not State.ACTIVE:
        return then
    return Next(enrolment=stands, due_at=now if then.due_at is None else min(then.due_at, now), reason=then.reason)


def _stale(plan: Plan, mail: Mail, enrolment: Enrolment, due: Due, now: datetime, zone: ZoneInfo) -> str:
    """Why a tip is too late to be of use, or "". The time of holds and pauses does not count.

    Only being late makes stale: a cap or a closed day has moved `was_due_at` itself.
    """
    after = mail.stale_after or plan.stale_after
    if after is None or due.was_due_at > now:
        return ""
    goes_at = max(due.at, now) - enrolment.held_for
    if goes_at <= add(due.was_due_at, after, zone, country=mail.rule.holidays):
        return ""
    return f"{STALE}: it was due more than {gap_text(after)} ago"


def _move(enrolment: Enrolment, to: str | None, at: datetime, *, waited: bool) -> Enrolment:
    return changed(
        enrolment, next_step=to, reached_at=at, floor_at=at, waited=waited, target=None, held_for=timedelta(0)
    )


def _wait(
    step: Wait, enrolment: Enrolment, zone: ZoneInfo, facts: Facts, sees: Mapping[str, object], now: datetime
) -> tuple[datetime | None, datetime, str]:
    """(when the wait ended or None, when to look again, why). An unsettled click is waited for, even past `at_most`."""
    deadline = _deadline(step, enrolment, zone)
    if holds(step.until, sees):
        return now, now, f"{step.until} is true"
    settles = _unsettled(step, facts, now)
    if settles is not None and (settles <= deadline or deadline <= now):
        return None, settles, "a click or an open has not settled yet"
    if deadline <= now:
        return deadline, now, f"{step.until} did not come true in time"
    return None, deadline, f"waits until {step.until}"


def _deadline(step: Wait, enrolment: Enrolment, zone: ZoneInfo) -> datetime:
    """When a wait ends at the latest. In days it is that day's hour, as for a gap: a mail that left some seconds late
    must not cost the next one a day.
    """
    since = enrolment.reached_at
    if step.at_most.count == 0 or step.at_most.unit in (Unit.HOURS, Unit.MINUTES):
        return add(since, step.at_most, zone)
    target = land(since, step.at_most, step.rule, zone)
    rule = rule_of(step.rule, enrolment.wish)
    return resolve(target, replace(rule, days=ALL_DAYS, holidays=None), zone).at


def _unsettled(step: Wait, facts: Facts, now: datetime) -> datetime | None:
    """The first instant after now at which something that the wait asks about settles."""
    times = {"clicked": facts.clicked, "opened": facts.opened}
    asked = [times[function].get(name) for function, name in parse_condition(step.until).calls if function in times]
    return min((at for at in asked if at is not None and at > now), default=None)
