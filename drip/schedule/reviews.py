"""Which questions come back, and when: the `fixed` strategy (DESIGN: Reviews).

A question is due on the local days that lie `after_days` after the send of the tip that taught it. It rides in the tip
that is due that day, or comes in a recap of its own at that day's first allowed instant. What was missed collapses into
one. Nobody is asked more often for not answering: no answer is missing data, not a failure.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from operator import itemgetter
from zoneinfo import ZoneInfo

from drip.course.timing import Gap, Rule, Unit
from drip.people import AS_PLANNED, Enrolment, Facts, State, Wish
from drip.plan.model import Mail, Plan
from drip.schedule.civil import first_allowed, land, local_date, resolve, still_open, to_instant
from drip.schedule.gates import LAST_STEP
from drip.schedule.wishes import rule_of as ruled

#: The step id of a recap mail; no tip may have it.
REVIEW = "review"


def due_questions(plan: Plan, facts: Facts, zone: ZoneInfo, now: datetime, wish: Wish = AS_PLANNED) -> tuple[str, ...]:
    """The questions that are due on the local day of `now`, longest due first, at most `per_email`."""
    if plan.reviews is None:
        return ()
    today = local_date(now, zone)
    due = []
    for mail, taught_at in _taught(plan, facts):
        assert mail.question is not None
        since = _last_seen(facts, mail.question.id, taught_at, zone)
        if since >= today:
            continue
        returns = _returns(taught_at, plan.reviews.after_days, ruled(mail.rule, wish), zone)
        missed = [day for day, _ in returns if since < day <= today]
        if missed:
            due.append((min(missed), taught_at, mail.question.id))
    return tuple(question for _, _, question in sorted(due)[: plan.reviews.per_email])


def recap_now(
    plan: Plan,
    facts: Facts,
    zone: ZoneInfo,
    now: datetime,
    *,
    planned_at: datetime,
    next_mail_at: datetime | None,
    wish: Wish = AS_PLANNED,
) -> tuple[str, ...]:
    """The questions of a recap that may go now, or none.

    It was planned for `planned_at`: an allowed instant, whose window or day is still open (a tick is always a little
    late). None on a day that has its tip still to come, or on which questions came back already.
    """
    questions = due_questions(plan, facts, zone, now, wish)
    if not questions:
        return ()
    taken = {local_date(at, zone) for times in facts.offered.values() for at in times}
    if next_mail_at is not None:
        taken.add(local_date(next_mail_at, zone))
    rule = rule_of(plan, questions[0], wish)
    planned = first_allowed(rule, zone, planned_at).at == planned_at
    in_time = planned and still_open(rule, zone, planned_at, now)
    return questions if in_time and local_date(now, zone) not in taken else ()


def rule_of(plan: Plan, question: str, wish: Wish = AS_PLANNED) -> Rule:
    """When the tip that taught this question might come now: its reviews keep to the same days and hours."""
    mails = (step for step in plan.steps if isinstance(step, Mail))
    teachers = (mail.rule for mail in mails if mail.question is not None and mail.question.id == question)
    return ruled(next(teachers, Rule()), wish)


def next_review_at(
    plan: Plan, enrolment: Enrolment, facts: Facts, zone: ZoneInfo, now: datetime, next_mail_at: datetime | None
) -> datetime | None:
    """When to look for a recap again: never on a day that has its tip still to come, nor twice on one day.

    `next_mail_at` is when the next tip is due (None: there is none). None where no question comes back any more, or
    where the enrolment ended otherwise than by its last step.
    """
    if plan.reviews is None or not (enrolment.state is State.ACTIVE or enrolment.ended_by == LAST_STEP):
        return None
    tip_on = local_date(next_mail_at, zone) if next_mail_at is not None else None
    offered_on = {local_date(at, zone) for times in facts.offered.values() for at in times}
    coming: list[tuple[datetime, Rule]] = []
    for mail, taught_at in _taught(plan, facts):
        assert mail.question is not None
        since = _last_seen(facts, mail.question.id, taught_at, zone)
        rule = ruled(mail.rule, enrolment.wish)
        returns = _returns(taught_at, plan.reviews.after_days, rule, zone)
        for day, at in returns:
            if day > since:
                coming.append((max(at, now), rule))
                break
    soonest: datetime | None = None
    before: tuple[datetime, Rule] | None = None
    for one in sorted(coming, key=itemgetter(0)):
        if soonest is not None and soonest <= one[0]:  # no free day of a later one comes before it
            break
        if one != before:
            free = _free_day(*one, zone, {tip_on, *offered_on})
            soonest = free if soonest is None else min(soonest, free)
        before = one
    return soonest


def _taught(plan: Plan, facts: Facts) -> Iterator[tuple[Mail, datetime]]:
    """The tips with a question that this learner has had, with when."""
    for step in plan.steps:
        if isinstance(step, Mail) and step.question is not None and step.id in facts.sent:
            yield step, facts.sent[step.id]


@lru_cache(maxsize=65_536)
def _returns(
    taught_at: datetime, after_days: tuple[int, ...], rule: Rule, zone: ZoneInfo
) -> tuple[tuple[date, datetime], ...]:
    """Every (local day, instant) at which a question comes back, on days on which its tip might have come.

    The first allowed instant so many days later; remembered, since everyone taught together shares them.
    """
    gaps = (Gap(count=days, unit=Unit.DAYS) for days in after_days)
    times = (resolve(land(taught_at, gap, rule, zone), rule, zone).at for gap in gaps)
    return tuple((local_date(at, zone), at) for at in times)


def _last_seen(facts: Facts, question: str, taught_at: datetime, zone: ZoneInfo) -> date:
    """The local day on which the question last stood in a mail."""
    day = local_date(taught_at, zone)
    for at in facts.offered.get(question, ()):
        day = max(day, local_date(at, zone))
    return day


def _free_day(at: datetime, rule: Rule, zone: ZoneInfo, taken: set[date | None]) -> datetime:
    """The first allowed instant from `at` on a day that is not taken."""
    slot = _allowed(at, rule, zone)
    while (day := local_date(slot, zone)) in taken:
        tomorrow = to_instant(datetime.combine(day + timedelta(days=1), time.min), zone)
        slot = _allowed(tomorrow, rule, zone)
    return slot


@lru_cache(maxsize=65_536)
def _allowed(at: datetime, rule: Rule, zone: ZoneInfo) -> datetime:
    """The first allowed instant from `at`, whatever a cap says; remembered, since people are mailed together."""
    return first_allowed(rule, zone, at).at
