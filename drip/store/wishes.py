"""What learners ask for on their page of a course: pauses that end by themselves, wishes, the next mail at once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    and_,
    bindparam,
    case,
    delete,
    exists,
    func,
    null,
    or_,
    select,
    update,
)

from drip.people import Enrolment
from drip.schedule.gates import SILENT
from drip.schedule.reviews import REVIEW
from drip.store.enrolments import wish_text
from drip.store.tables import delivery, enrolment

#: What `paused_by` says of an enrolment that its learner paused, or a person of ours. Each lifts their own; what
#: `silent` has paused, either does.
LEARNER, MARKETER = "learner", "marketer"


def lock(conn: Connection, learner_id: int) -> None:
    """Let nobody else move this learner's enrolments until this transaction has ended, not even after a send.

    On SQLite a writing transaction keeps everybody else out anyway.
    """
    mine = select(enrolment.c.id).where(enrolment.c.learner_id == learner_id).order_by(enrolment.c.id)
    conn.execute(mine.with_for_update(key_share=True)).all()


def pause(conn: Connection, enrolment_id: int, *, until: datetime | None, now: datetime, by: str = LEARNER) -> bool:
    """Pause one enrolment for its learner, until a day or until they come back. False where it is not theirs to pause.

    A mail that is claimed and not handed yet stays here: its ledger row goes, and it is claimed anew afterwards.
    """
    theirs = or_(enrolment.c.state == "active", and_(enrolment.c.state == "paused", _lifted_by(by)))
    done = conn.execute(
        update(enrolment)
        .where(enrolment.c.id == enrolment_id, theirs)
        .values(
            state="paused",
            paused_by=by,
            paused_until=until,
            held_since=func.coalesce(enrolment.c.held_since, now),
            due_at=None,
            hurried_at=None,
        )
    )
    if done.rowcount:
        never = (delivery.c.state.in_(("claimed", "retry")), delivery.c.attempts == 0)
        mine = (delivery.c.enrolment_id == enrolment_id, delivery.c.step != REVIEW)
        conn.execute(delete(delivery).where(*mine, *never))
    return bool(done.rowcount)


def resume(conn: Connection, enrolment_id: int, *, now: datetime, by: str = LEARNER) -> bool:
    """Lift a pause that the learner (or whoever `by` is), or `silent`, has set. False where there is none."""
    done = conn.execute(
        update(enrolment)
        .where(enrolment.c.id == enrolment_id, enrolment.c.state == "paused", _lifted_by(by))
        .values(state="active", paused_until=None, due_at=_from(now))
    )
    return bool(done.rowcount)


def wish(conn: Connection, one: Enrolment) -> None:
    """Write what the learner wishes of this course; when the next mail is due is written apart."""
    conn.execute(update(enrolment).where(enrolment.c.id == one.id).values(wish=wish_text(one.wish), target=one.target))


def hurry(conn: Connection, enrolment_id: int, *, now: datetime, reason: str) -> None:
    """Let the next mail be looked at now, since its learner has asked for it."""
    soon = case((enrolment.c.due_at.is_(None), null()), else_=now)
    conn.execute(
        update(enrolment)
        .where(enrolment.c.id == enrolment_id, enrolment.c.state == "active")
        .values(hurried_at=now, due_at=soon, due_reason=reason)
    )


def look_again(conn: Connection, enrolment_ids: Sequence[int], *, now: datetime) -> None:
    """Let mails that are to be tried again, and reviews, be looked at now; no server is pressed sooner than it asks."""
    mine = delivery.c.enrolment_id.in_(enrolment_ids)
    again = case((delivery.c.not_before > now, delivery.c.not_before), else_=now)
    conn.execute(
        update(delivery).where(mine, delivery.c.state == "retry", delivery.c.due_at > now).values(due_at=again)
    )
    later = (enrolment.c.id.in_(enrolment_ids), enrolment.c.review_due_at > now)
    conn.execute(update(enrolment).where(*later).values(review_due_at=now))


def _lifted_by(whom: str) -> ColumnElement[bool]:
    return enrolment.c.paused_by.in_((whom, SILENT))


def _from(now: datetime | BindParameter[datetime]) -> ColumnElement[datetime]:
    """When to look at an enrolment that goes on: now, unless a mail of it is on its way or a person must look."""
    own = delivery.alias("own")
    under_way = ("claimed", "handed", "retry", "in_doubt", "held")
    has_one = exists().where(own.c.enrolment_id == enrolment.c.id, own.c.step != REVIEW, own.c.state.in_(under_way))
    waits = or_(enrolment.c.problem.is_not(None), enrolment.c.held_out, has_one.correlate(enrolment))
    return case((waits, null()), else_=now)


_OVER = (enrolment.c.paused_until <= bindparam("now"), enrolment.c.state == "paused")
_FREE = enrolment.c.id.in_(select(enrolment.c.id).where(*_OVER).with_for_update(skip_locked=True, key_share=True))
_END_PAUSES = (
    update(enrolment)
    .where(_FREE)
    .values(state="active", paused_until=None, due_at=_from(bindparam("now", type_=enrolment.c.due_at.type)))
)


def end_pauses(conn: Connection, *, now: datetime) -> None:
    """Lift every pause whose day has come. What another transaction is just writing to is met next time."""
    conn.execute(_END_PAUSES, {"now": now})
