"""What a learner wishes over what the course says: how often, at which hour, on which days; and the next one now."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from functools import lru_cache

from drip.course.timing import Gap, Rule, Unit
from drip.people import AS_PLANNED, Enrolment, Tempo, Wish
from drip.plan.model import Branch, Mail, Plan

#: For so long "send me the next one now" means now; later than that it comes as if nobody had asked.
HURRY_FOR = timedelta(hours=12)
#: Why a mail goes that was asked for.
HURRIED = "the learner asked for it now"

#: What is counted in a larger unit, so that it can be halved: unit → (so many, of which).
_SMALLER = {Unit.WEEKS: (7, Unit.DAYS), Unit.HOURS: (60, Unit.MINUTES)}


def gap_of(step: Mail | Branch, enrolment: Enrolment) -> Gap:
    """The gap before this step for this learner: as the course says, twice that, or half.

    Whole days stay whole days. Half of a gap is rounded up, so that a gap of one day (or business day, or minute) stays
    one: the smallest there is, but for none at all.
    """
    gap = step.first_gap if enrolment.last_mail_at is None else step.gap
    tempo = enrolment.wish.tempo
    return gap if tempo is Tempo.PLANNED else _scaled(gap, tempo)


def rule_of(rule: Rule, wish: Wish) -> Rule:
    """When a mail may go to this learner: their own hour and weekdays over the course's. Holidays still count."""
    return rule if wish.at is None and wish.days is None else _ruled(rule, wish)


def hurried_to(enrolment: Enrolment, now: datetime) -> datetime | None:
    """The instant from which the next mail may go since the learner has asked for it; None where that is no more."""
    asked_at = enrolment.hurried_at
    if asked_at is None or now - asked_at >= HURRY_FOR:
        return None
    return max(asked_at, enrolment.floor_at or asked_at)


def can_be_faster(plan: Plan) -> bool:
    """Whether "twice as often" changes anything in this course: a day is the smallest gap between days."""
    steps = (step for step in plan.steps if isinstance(step, Mail | Branch))
    return any(_scaled(step.gap, Tempo.TWICE) != step.gap for step in steps)


def carried(enrolment: Enrolment, before: Enrolment | None) -> Enrolment:
    """A new run of a course, with what the learner wished in the run before it."""
    return enrolment if before is None or before.wish == AS_PLANNED else replace(enrolment, wish=before.wish)


@lru_cache(maxsize=4096)
def _scaled(gap: Gap, tempo: Tempo) -> Gap:
    if tempo is Tempo.PLANNED or gap.count == 0:
        return gap
    if tempo is Tempo.HALF:
        return Gap(count=2 * gap.count, unit=gap.unit)
    if gap.count % 2 and gap.unit in _SMALLER:
        each, unit = _SMALLER[gap.unit]
        gap = Gap(count=gap.count * each, unit=unit)
    return Gap(count=-(-gap.count // 2), unit=gap.unit)


@lru_cache(maxsize=4096)
def _ruled(rule: Rule, wish: Wish) -> Rule:
    days = rule.days if wish.days is None else wish.days
    return replace(rule, days=days) if wish.at is None else replace(rule, at=wish.at, between=None, days=days)
