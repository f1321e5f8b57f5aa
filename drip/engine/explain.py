"""What an operator asks: how is the queue, and why did (or does) this learner get what they get?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from drip.engine.enrol import published
from drip.engine.sending import facts_of
from drip.errors import NotFound
from drip.plan.model import Mail
from drip.schedule.advance import zone_of
from drip.schedule.simulate import Row
from drip.store import Store, breaker, courses, enrolments, learners, ledger, queue
from drip.store.ledger import Phase


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """The queue at a glance. `lag` in seconds: how long the longest due has been due. `problems` needs a person."""

    now: datetime
    due: int
    lag: float
    next_at: datetime | None
    deliveries: Mapping[str, int]
    problems: tuple[Mapping[str, object], ...]
    trouble: breaker.Trouble | None
    courses: tuple[courses.Published, ...]
    learners: int


def status(store: Store, *, transport: str, now: datetime) -> Status:
    """How the queue is at `now`."""
    with store.read() as conn:
        due, oldest = queue.due(conn, now=now)
        upcoming = [at for at in (enrolments.next_due_at(conn), ledger.next_due_at(conn)) if at is not None]
        return Status(
            now=now,
            due=due,
            lag=(now - oldest).total_seconds() if oldest is not None else 0.0,
            next_at=min(upcoming, default=None),
            deliveries=queue.deliveries_by_state(conn),
            problems=tuple(queue.problems(conn)),
            trouble=breaker.read(conn, transport),
            courses=tuple(courses.listed(conn)),
            learners=learners.count(conn),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """One learner in one course: what has come, in order, and what is next, with the reasons."""

    email: str
    course_id: str
    state: str
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
        published(conn, course_id)
        learner = learners.by_addresses(conn, [email]).get(learners.address_of(email))
        if learner is None:
            raise NotFound(f"there is no learner {email}")
        runs = enrolments.of_learner(conn, learner.id, course_id)
        if not runs:
            raise NotFound(f"{email} is not enrolled in {course_id} (`drip enrol {course_id} --email {email}`)")
        standing = runs[-1]
        stands = standing.enrolment
        plan = courses.plan_of(conn, stands.revision)
        assert plan is not None, "an enrolment's plan is never removed"
        zone = zone_of(learner, plan)
        _, rows = facts_of(conn, [stands.id])

        def row(at: datetime, step: str, kind: str, reason: str) -> Row:
            return Row(at=at, local=at.astimezone(zone), step=step, kind=kind, reason=reason)

        told = [row(stands.enrolled_at, "", "enrol", f"run {stands.run}")]
        told += [row(at, step, kind, reason) for at, kind, step, reason in enrolments.trace_of(conn, stands.id)]
        for delivery in rows[stands.id]:
            at = delivery.sent_at or delivery.handed_at or delivery.claimed_at
            kind = "mail" if delivery.state is Phase.SENT else str(delivery.state)
            told.append(row(at, delivery.step, kind, delivery.answer))
        step = plan.step(stands.next_step or "")
        under_way = next((d for d in rows[stands.id] if d.step == stands.next_step and d.state != Phase.SENT), None)
        due_at = standing.due_at or (under_way.due_at if under_way is not None else None)
        reason = standing.due_reason
        if not reason and isinstance(step, Mail) and due_at is not None:
            reason = "its gap has passed" if stands.last_mail_at else "the first mail"
        return Trace(
            email=learner.email,
            course_id=course_id,
            state=str(stands.state),
            ended_by=stands.ended_by,
            problem=standing.problem,
            revision=stands.revision,
            zone=str(zone),
            rows=tuple(sorted(told, key=lambda r: (r.at, r.kind == "finish"))),
            next_step=stands.next_step,
            next_at=due_at,
            next_reason=reason,
        )
