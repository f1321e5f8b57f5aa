"""What a cap over all courses asks: which mails a learner got, and what is to come in their other courses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, func, or_, select

from drip.people import Enrolment
from drip.schedule.reviews import REVIEW
from drip.store.among import among
from drip.store.enrolments import to_enrolment
from drip.store.learners import CHUNK
from drip.store.ledger import GONE
from drip.store.tables import course, delivery, enrolment

#: The states of mails that have left, may have left, or are about to.
_COUNTED = ("claimed", "handed", "in_doubt", *GONE)
_LEFT_AT = func.coalesce(delivery.c.sent_at, delivery.c.handed_at, delivery.c.claimed_at)
_SENT = (
    select(enrolment.c.learner_id, delivery.c.state, _LEFT_AT.label("at"))
    .join(delivery, delivery.c.enrolment_id == enrolment.c.id)
    .where(
        among(enrolment.c.learner_id),
        delivery.c.step != REVIEW,
        delivery.c.state.in_(_COUNTED),
        or_(delivery.c.sent_at.is_(None), delivery.c.sent_at >= bindparam("since")),
    )
)
_COMING = (
    select(enrolment, course.c.priority)
    .join(course, course.c.id == enrolment.c.course_id)
    .where(
        among(enrolment.c.learner_id),
        enrolment.c.state == "active",
        enrolment.c.due_at <= bindparam("until"),
        course.c.paused_at.is_(None),
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Coming:
    """An enrolment that is to be looked at soon, and its course's priority."""

    enrolment: Enrolment
    due_at: datetime
    priority: int


def sent_to(
    conn: Connection, learner_ids: Sequence[int], *, since: datetime, now: datetime
) -> dict[int, list[datetime]]:
    """learner → when mails of any course left since then, or will in a moment; recaps are left out.

    What is claimed leaves now, also where it was handed over before, on another day, in vain.
    """
    found: dict[int, list[datetime]] = {id_: [] for id_ in learner_ids}
    for start in range(0, len(learner_ids), CHUNK):
        for row in conn.execute(_SENT, {"ids": list(learner_ids[start : start + CHUNK]), "since": since}):
            found[row.learner_id].append(now if row.state == "claimed" else row.at)
    return found


def coming_to(conn: Connection, learner_ids: Sequence[int], *, until: datetime) -> dict[int, list[Coming]]:
    """learner → their active enrolments that fall due until then, of courses that are not paused."""
    found: dict[int, list[Coming]] = {id_: [] for id_ in learner_ids}
    for start in range(0, len(learner_ids), CHUNK):
        for row in conn.execute(_COMING, {"ids": list(learner_ids[start : start + CHUNK]), "until": until}):
            one = Coming(enrolment=to_enrolment(row), due_at=row.due_at, priority=row.priority)
            found[row.learner_id].append(one)
    return found
