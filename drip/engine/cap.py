"""The workspace's cap: so many mails a day or week to one learner, over all their courses.

It shifts and keeps the order: where it lets only some through, a higher course goes before a lower one, and among
equals the mail whose day came first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from drip.course.timing import Limit, limit_text
from drip.engine.library import Library
from drip.errors import DripError
from drip.people import Enrolment
from drip.plan.model import Mail
from drip.schedule.civil import Target, local_date
from drip.schedule.slots import full_days, period_of
from drip.store import caps
from drip.store.caps import Coming
from drip.store.enrolments import Standing

#: A calendar week, and a day for the zones of the world on either side.
_WEEK = timedelta(days=9)
#: What goes before is looked at first; if that takes longer, so much later.
_SOON = timedelta(minutes=1)

Closed = Callable[[date], bool]


@dataclass(slots=True)
class Cap:
    """A cap at one claim: what its learners got, and what else is to come to them; both change as it goes."""

    limit: Limit
    conn: Connection
    library: Library
    now: datetime
    sent: Mapping[int, list[datetime]]
    coming: Mapping[int, Sequence[Coming]]
    seen: set[int] = field(default_factory=set)

    def closed(self, learner_id: int, zone: ZoneInfo) -> Closed | None:
        """The learner's local days that are full."""
        return full_days(self.limit, self.sent[learner_id], zone)

    def took(self, learner_id: int) -> None:
        """A mail is claimed for this learner now."""
        self.sent[learner_id].append(self.now)

    def goes_after(self, standing: Standing, priority: int, zone: ZoneInfo) -> tuple[datetime, str] | None:
        """When to look again at a mail that could go now, since others come first, and why; None where it may go."""
        learner, own = standing.learner.id, standing.enrolment
        self.seen.add(own.id)
        period = period_of(self.limit, self.now, zone)
        here = _order(own, standing.due_at or self.now, priority, zone)
        before = [
            one
            for one in self.coming[learner]
            if one.enrolment.id not in self.seen
            and period_of(self.limit, one.due_at, zone) <= period
            and _order(one.enrolment, one.due_at, one.priority, zone) < here
            and self._is_mail(one.enrolment)
        ]
        used = sum(period_of(self.limit, at, zone) == period for at in self.sent[learner])
        if not before or used + len(before) < self.limit.count:
            return None
        last = max(before, key=lambda one: one.due_at)
        reason = f"{limit_text(self.limit)} over all courses: {last.enrolment.course_id} goes first"
        return max(last.due_at, self.now + _SOON), reason

    def _is_mail(self, enrolment: Enrolment) -> bool:
        """Whether what comes next in an enrolment is a mail; a wait takes nobody's place."""
        try:
            plan = self.library.plan(self.conn, enrolment.revision)
        except DripError:
            return False
        return enrolment.next_step is not None and isinstance(plan.step(enrolment.next_step), Mail)


def cap_of(
    limit: Limit | None, conn: Connection, library: Library, standings: Sequence[Standing], now: datetime
) -> Cap | None:
    """The cap for a claim of these enrolments, with what it must know; None where the workspace has none."""
    if limit is None:
        return None
    learners = sorted({standing.learner.id for standing in standings})
    return Cap(
        limit=limit,
        conn=conn,
        library=library,
        now=now,
        sent=caps.sent_to(conn, learners, since=now - _WEEK, now=now),
        coming=caps.coming_to(conn, learners, until=now + _WEEK),
    )


def _order(enrolment: Enrolment, due_at: datetime, priority: int, zone: ZoneInfo) -> tuple[int, date, datetime, int]:
    """Who goes first: a higher course, then the mail whose own day came first, however often it was shifted."""
    return (-priority, _own_day(enrolment, due_at, zone), due_at, enrolment.id)


def _own_day(enrolment: Enrolment, due_at: datetime, zone: ZoneInfo) -> date:
    if enrolment.target is None:
        return local_date(due_at, zone)
    target = Target.from_text(enrolment.target)
    return target.civil.date() if target.civil is not None else local_date(target.floor, zone)
