"""Enrol learners in a published course."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from difflib import get_close_matches
from typing import Any

from sqlalchemy import Connection

from drip.course.expressions import holds
from drip.engine.announce import Event, announce, of_course
from drip.engine.learners import Progress, near_misses
from drip.engine.sending import PERSONAL
from drip.errors import NotFound, Refused
from drip.people import Enrolment, Facts, Learner, State
from drip.plan.choice import is_held_out
from drip.plan.model import Plan, Start
from drip.schedule.advance import Next, begin, look_ahead, scope
from drip.schedule.wishes import carried
from drip.store import Store, courses, enrolments, entries, learners, suppression, traces
from drip.store.troubles import tried_again

#: So many learners are enrolled in one transaction: it stays short, and a crash loses at most this much work.
BATCH = 1000
#: For so many unknown addresses it is looked for what was meant; a file of strangers is not a slip of the keyboard.
MOST_HINTS = 10


@dataclass(slots=True, kw_only=True)
class Enrolled:
    """What came of enrolling: how many are in, and address → why not, for the others."""

    enrolled: int = 0
    refused: dict[str, str] = field(default_factory=dict)


def enrol(
    store: Store,
    course_id: str,
    *,
    emails: Sequence[str] | None,
    at: datetime,
    suppression_key: bytes,
    on_progress: Progress | None = None,
) -> Enrolled:
    """Enrol these addresses at `at`, or everyone for whom `start.when` holds (`emails` None). Twice changes nothing.

    Somebody who was in the course before comes in again as `start.reentry` says. Raises NotFound for a course that is
    not published.
    """
    done, looked_at = Enrolled(), 0
    with store.read() as conn:
        plan = _plan(conn, course_id)
        total = learners.count(conn) if emails is None else len(emails)
    for group in _groups(store, emails, done):
        _enrol_these(store, plan, group, done, at=at, everyone=emails is None, key=suppression_key)
        looked_at += len(group)
        if on_progress is not None:
            on_progress(looked_at, total)
    return done


def come_in(store: Store, *, now: datetime, suppression_key: bytes) -> int:
    """Enrol everyone whose day has come, from that day on. Calling it twice enrols nobody twice. Returns how many."""
    enrolled = 0
    while True:
        with store.read() as conn:
            due = entries.due(conn, now=now, limit=BATCH)
        if not due:
            return enrolled
        for course_id, email, at in due:
            enrolled += enrol(store, course_id, emails=[email], at=at, suppression_key=suppression_key).enrolled
            with store.write() as conn:
                entries.remove(conn, course_id, email, at)


def published(conn: Connection, course_id: str) -> courses.Published:
    """A published course. Raises NotFound, with a close match or with what to type."""
    found = courses.get(conn, course_id)
    if found is None:
        known = [course.id for course in courses.listed(conn)]
        close = get_close_matches(course_id, known, n=1)
        hint = f'did you mean "{close[0]}"?' if close else f"published are: {', '.join(known) or 'none'}"
        raise NotFound(f'the course "{course_id}" is not published (`drip publish {course_id}`); {hint}')
    return found


def _plan(conn: Connection, course_id: str) -> Plan:
    plan = courses.plan_of(conn, published(conn, course_id).revision)
    if plan is None or plan.first is None:
        raise Refused(f'the course "{course_id}" has no steps')
    return plan


def _groups(store: Store, emails: Sequence[str] | None, done: Enrolled) -> Iterator[list[Learner]]:
    """The learners meant, in groups of BATCH."""
    if emails is None:
        last = 0
        while True:
            with store.read() as conn:
                group = learners.everyone(conn, after_id=last, limit=BATCH)
            if not group:
                return
            last = group[-1].id
            yield group
    else:
        for start in range(0, len(emails), BATCH):
            chunk = emails[start : start + BATCH]
            with store.read() as conn:
                found = learners.by_addresses(conn, chunk)
                for email in chunk:
                    if learners.address_of(email) not in found:
                        near = near_misses(conn, email) if len(done.refused) < MOST_HINTS else ""
                        done.refused[email] = f"no such learner{near or ': import or add them first'}"
            yield list(found.values())


def enrol_one(conn: Connection, course_id: str, learner: Learner, *, at: datetime, suppression_key: bytes) -> bool:
    """Enrol one learner in the caller's transaction. False where they do not come in."""
    done = Enrolled()
    _enrol_group(conn, _plan(conn, course_id), [learner], done, at=at, everyone=False, key=suppression_key)
    return done.enrolled > 0


def _enrol_these(store: Store, plan: Plan, group: Sequence[Learner], done: Enrolled, **how: Any) -> None:
    """One group. It is counted once it is in: what the database undoes is tried again, and was nothing."""
    came = _in_one_transaction(store, plan, group, **how)
    done.enrolled += came.enrolled
    done.refused.update(came.refused)


@tried_again
def _in_one_transaction(store: Store, plan: Plan, group: Sequence[Learner], **how: Any) -> Enrolled:
    done = Enrolled()
    with store.write() as conn:
        _enrol_group(conn, plan, group, done, **how)
    return done


def _enrol_group(
    conn: Connection,
    plan: Plan,
    group: Sequence[Learner],
    done: Enrolled,
    *,
    at: datetime,
    everyone: bool,
    key: bytes,
) -> None:
    learners.lock(conn, [learner.id for learner in group])  # so that nobody enrols them at the same time
    runs = enrolments.runs(conn, plan.course_id, [learner.id for learner in group])
    hashes = {learner.id: learners.suppression_hash(key, learner.email) for learner in group}
    barred = suppression.suppressed(conn, list(hashes.values()), now=at)
    new = []
    for learner in group:
        run = runs.get(learner.id)
        reason = _why_not(plan, learner, run, barred.get(hashes[learner.id]), at)
        if reason is not None:
            if not (everyone and reason == _NOT_MEANT):
                done.refused[learner.email] = reason
            continue
        stands = carried(begin(plan, _fresh(plan, learner, at, run=1 if run is None else run.run + 1)), run)
        if is_held_out(plan.holdout, course_id=plan.course_id, ref=learner.ref):
            new.append(Next(enrolment=replace(stands, held_out=True), due_at=None, reason="held out"))
            continue
        try:
            new.append(look_ahead(plan, stands, learner, Facts(), at))
        except PERSONAL as error:
            done.refused[learner.email] = str(error)
    ids = enrolments.add(conn, [(then.enrolment, then.due_at, then.reason) for then in new])
    traces.add(conn, [(id_, note) for id_, then in zip(ids, new, strict=True) for note in then.notes])
    done.enrolled += len(new)
    # nothing is done for the held-out, who must differ from the others in nothing but the mails
    came = [(id_, then.enrolment) for id_, then in zip(ids, new, strict=True) if not then.enrolment.held_out]
    announce(conn, (of_course(Event.ENROLLED, str(id_), one, run=one.run) for id_, one in came), now=at)


#: Why somebody does not come in who is there: no mistake, for twice changes nothing.
ALREADY = "is in the course already"
_NOT_MEANT = "start.when does not hold"


def _why_not(plan: Plan, learner: Learner, run: Enrolment | None, barred: str | None, at: datetime) -> str | None:
    """Why this learner does not come in, or None."""
    if barred is not None:
        return f"on the suppression list: {barred}"
    if run is not None and run.state in (State.ACTIVE, State.PAUSED):
        return ALREADY
    if run is not None and not _may_come_again(plan.start, run, at):
        return f"was in the course before ({run.state})"
    if plan.start.when is not None:
        try:
            if not holds(plan.start.when, scope(plan, learner, _fresh(plan, learner, at), Facts(), at)):
                return _NOT_MEANT
        except PERSONAL as error:
            return f"start.when cannot be decided: {error}"
    return None


def _may_come_again(start: Start, run: Enrolment, at: datetime) -> bool:
    """Whether somebody whose last run has ended may begin another. Leaving, or a dead address, blocks them all."""
    if run.state is not State.FINISHED or at <= run.enrolled_at:
        return False  # also for what happened before that run, or began it, and is told again
    match start.reentry:
        case "completion":
            return True
        case "days":
            return at - run.enrolled_at >= timedelta(days=start.reentry_days)
        case _:
            return False


def _fresh(plan: Plan, learner: Learner, at: datetime, run: int = 1) -> Enrolment:
    return Enrolment(
        id=0,
        learner_id=learner.id,
        course_id=plan.course_id,
        revision=plan.revision,
        run=run,
        enrolled_at=at,
        reached_at=at,
    )
