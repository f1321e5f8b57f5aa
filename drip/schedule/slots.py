"""When a step may go: its civil target under its rule, with caps as closed days, and what being late means."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from drip.course.timing import Limit, Rule
from drip.people import Enrolment, Facts, Learner
from drip.plan.model import Branch, Mail, Plan
from drip.schedule.civil import Slot, Target, first_allowed, land, local_date, resolve, still_open
from drip.schedule.wishes import HURRIED, gap_of, hurried_to, rule_of

#: How the reason begins for which a mail goes later, since it could not go in time.
LATE = "late: its time has passed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """When a step is due, why then, and the civil target to keep. `was_due_at` is when it was before it got late."""

    at: datetime
    reason: str
    target: str
    was_due_at: datetime


def zone_of(learner: Learner, plan: Plan) -> ZoneInfo:
    """The zone that this learner's days are counted in: their own word, the import's, the course's."""
    return zone(learner.timezone or learner.imported_timezone or plan.timezone)


@lru_cache(maxsize=1024)
def zone(name: str) -> ZoneInfo:
    """A zone by its IANA name."""
    return ZoneInfo(name)


def slot_of(
    step: Mail | Branch, enrolment: Enrolment, zone: ZoneInfo, now: datetime, closed: Callable[[date], bool] | None
) -> Due:
    """When this step is due, by the course and by what the learner wishes.

    One that they asked for at once is due then, whatever the hour and the weekday, on a day that no cap has filled. A
    mail that is late (its time has passed) goes at once while its window or its day is open; otherwise at the next
    allowed instant from now, which then is its target, so that it is not late again a second after that.
    """
    rule = rule_of(step.rule, enrolment.wish)
    if enrolment.target is not None:
        target = _target(enrolment.target)
    else:
        anchor = enrolment.last_mail_at or enrolment.enrolled_at
        target = _landed(anchor, gap_of(step, enrolment), rule, zone)
    if enrolment.hurried_at is not None:
        at = hurried_to(enrolment, now)
        if at is not None and not (closed is not None and closed(local_date(max(at, now), zone))):
            return Due(at=at, reason=HURRIED, target=target.to_text(), was_due_at=at)
    if closed is None:
        slot = _resolved(target, rule, zone, enrolment.floor_at)
    else:
        slot = resolve(target, rule, zone, not_before=enrolment.floor_at, closed=closed)
    if slot.at <= now and not (
        _still_open(rule, zone, slot.at, now) if closed is None else still_open(rule, zone, slot.at, now, closed=closed)
    ):
        late = first_allowed(rule, zone, now, closed=closed)
        reason = f"{LATE}; {late.reason}" if late.reason else LATE
        kept = Target(civil=None, floor=now)
        return Due(at=late.at, reason=reason, target=kept.to_text(), was_due_at=slot.at)
    return Due(at=slot.at, reason=slot.reason, target=target.to_text(), was_due_at=slot.at)


def on_this_day(enrolment: Enrolment, zone: ZoneInfo, now: datetime) -> Enrolment:
    """The same, with its next mail meant for the local day of `now`: it is late for that no sooner than tomorrow."""
    midnight = datetime.combine(local_date(now, zone), time(), zone).astimezone(UTC)
    return replace(enrolment, target=Target(civil=None, floor=midnight).to_text())


#: Everybody whose last mail left in one group, in one zone, shares these: they are remembered.
_target = lru_cache(maxsize=65_536)(Target.from_text)
_landed = lru_cache(maxsize=65_536)(land)


_still_open = lru_cache(maxsize=4096)(still_open)


@lru_cache(maxsize=65_536)
def _resolved(target: Target, rule: Rule, zone: ZoneInfo, floor: datetime | None) -> Slot:
    return resolve(target, rule, zone, not_before=floor)


def closed_days(limit: Limit | None, facts: Facts, zone: ZoneInfo) -> Callable[[date], bool] | None:
    """Which local days a course's cap has filled: a full day, or every day of a full week, counts as closed."""
    return None if limit is None else full_days(limit, facts.sends, zone)


def full_days(limit: Limit, sends: Iterable[datetime], zone: ZoneInfo) -> Callable[[date], bool] | None:
    """Which local days are full when mails have left at these times; None where none is."""
    sent = Counter(period_of(limit, at, zone) for at in sends)
    full = {period for period, mails in sent.items() if mails >= limit.count}
    per_day = limit.per == "day"
    return (lambda day: _period(day, per_day) in full) if full else None


def either(one: Callable[[date], bool] | None, other: Callable[[date], bool] | None) -> Callable[[date], bool] | None:
    """The days that either of them closes."""
    if one is None or other is None:
        return one or other
    return lambda day: one(day) or other(day)


def period_of(limit: Limit, at: datetime, zone: ZoneInfo) -> date:
    """The calendar day, or the Monday of the week, that a mail at this instant counts for."""
    return _period(local_date(at, zone), limit.per == "day")


def _period(day: date, per_day: bool) -> date:
    return day if per_day else day - timedelta(days=day.weekday())
