"""The soonest review is found without looking at all of them: it is the one that looking at all of them finds."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from drip.course.parse import parse
from drip.course.timing import Gap, Unit
from drip.people import Enrolment, Facts
from drip.plan.compile import compile_plan
from drip.plan.model import Mail, Plan
from drip.schedule.civil import first_allowed, land, local_date, resolve, to_instant
from drip.schedule.reviews import due_questions, next_review_at

START = datetime(2026, 3, 2, 6, tzinfo=UTC)
ZONES = tuple(map(ZoneInfo, ("Europe/Stockholm", "Pacific/Auckland", "America/Nuuk", "Australia/Lord_Howe")))
#: Tips with rules of their own: a time, a window over midnight, weekdays, holidays.
RULES = ("", ", at: '17:00', days: [tue, sat]", ", between: 22:00-06:00", ", between: 08:00-10:00, days: mon-fri")


def a_plan() -> Plan:
    question = "question: {ask: Q, options: [{text: 'Y', correct: true}, {text: 'N'}]}"
    steps = "".join(f"  - {{tip: t{n}, subject: S, body: B, {question}{rule}}}\n" for n, rule in enumerate(RULES * 2))
    text = (
        "title: T\nsender: {name: A, email: a@a.example}\ntiming: {every: 1 day, skip_holidays: SE}\n"
        f"reviews: {{after_days: [1, 3, 9], per_email: 2}}\nsteps:\n{steps}"
    )
    return compile_plan(parse("t.yaml", text.encode()), layout="")


PLAN = a_plan()
HOURS = st.integers(0, 24 * 45).map(lambda hours: START + timedelta(hours=hours))
FACTS = st.builds(
    Facts,
    sent=st.dictionaries(st.sampled_from([step.id for step in PLAN.steps]), HOURS, max_size=8),
    offered=st.dictionaries(
        st.sampled_from([f"t{n}" for n in range(8)]), st.lists(HOURS, max_size=3).map(tuple), max_size=6
    ),
)
STANDS = Enrolment(id=1, learner_id=1, course_id="t", revision="", enrolled_at=START, reached_at=START)


def returns(mail: Mail, facts: Facts, zone: ZoneInfo) -> list[datetime]:
    """Every instant at which a question comes back that has not stood in a mail on that day or later."""
    assert PLAN.reviews is not None
    assert mail.question is not None
    sent = facts.sent[mail.id]
    seen = max(local_date(at, zone) for at in (sent, *facts.offered.get(mail.question.id, ())))
    gaps = [Gap(count=days, unit=Unit.DAYS) for days in PLAN.reviews.after_days]
    times = [resolve(land(sent, gap, mail.rule, zone), mail.rule, zone).at for gap in gaps]
    return [at for at in times if local_date(at, zone) > seen]


def on_a_free_day(at: datetime, mail: Mail, zone: ZoneInfo, taken: set[date]) -> datetime:
    slot = first_allowed(mail.rule, zone, at).at
    while (day := local_date(slot, zone)) in taken:
        slot = first_allowed(mail.rule, zone, to_instant(datetime.combine(day + timedelta(days=1), time.min), zone)).at
    return slot


@given(facts=FACTS, now=HOURS, tip_at=st.none() | HOURS, zone=st.sampled_from(ZONES))
def test_the_soonest_of_all(facts: Facts, now: datetime, tip_at: datetime | None, zone: ZoneInfo) -> None:
    """Over every tip that was sent: its next return, moved to the first day that is free."""
    taken = {local_date(at, zone) for times in facts.offered.values() for at in times}
    taken |= {local_date(tip_at, zone)} if tip_at is not None else set()
    taught = [step for step in PLAN.steps if isinstance(step, Mail) and step.id in facts.sent]
    times = [
        on_a_free_day(max(coming[0], now), mail, zone, taken)
        for mail in taught
        if (coming := returns(mail, facts, zone))
    ]
    assert next_review_at(PLAN, STANDS, facts, zone, now, tip_at) == min(times, default=None)


@given(facts=FACTS, now=HOURS, zone=st.sampled_from(ZONES))
def test_what_is_due_today(facts: Facts, now: datetime, zone: ZoneInfo) -> None:
    """The questions with a return up to today that has not been seen, the longest due first, two at most."""
    today = local_date(now, zone)
    due = []
    for mail in (step for step in PLAN.steps if isinstance(step, Mail) and step.id in facts.sent):
        days = [local_date(at, zone) for at in returns(mail, facts, zone)]
        if missed := [day for day in days if day <= today]:
            assert mail.question is not None
            due.append((min(missed), facts.sent[mail.id], mail.question.id))
    assert due_questions(PLAN, facts, zone, now) == tuple(question for _, _, question in sorted(due)[:2])
