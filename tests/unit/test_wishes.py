"""What a learner wishes over the course: gaps scaled, hours and weekdays of their own, the next mail at once."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drip.course.parse import parse
from drip.course.timing import Unit, parse_gap
from drip.people import AS_PLANNED, Enrolment, Facts, Learner, Tempo, Wish
from drip.plan.compile import compile_plan
from drip.plan.model import Mail, Plan
from drip.schedule.advance import after_send, begin, next_due
from drip.schedule.migrate import retimed
from drip.schedule.simulate import Life
from drip.schedule.slots import zone
from drip.schedule.wishes import HURRY_FOR, can_be_faster, gap_of

LEARNER = Learner(id=1, ref="r", email="ada@customer.example", timezone="Europe/Stockholm")
START = datetime(2026, 3, 2, 7, 0, tzinfo=UTC)
WISHES = st.builds(
    Wish,
    tempo=st.sampled_from(Tempo),
    at=st.none() | st.integers(0, 1439),
    days=st.none() | st.frozensets(st.integers(0, 6), min_size=1),
)


def plan_of(timing: str, tips: int = 6) -> Plan:
    steps = "".join(f"  - {{tip: t{n}, subject: S, body: B}}\n" for n in range(tips))
    text = f"title: T\nsender: {{name: A, email: a@a.example}}\ntiming: {{{timing}}}\nsteps:\n{steps}"
    return compile_plan(parse("t.yaml", text.encode()), layout="")


def lived(plan: Plan, wish: Wish) -> list[str]:
    life = Life(plan, LEARNER, start=START, wish=wish)
    return [f"{row.local:%a %d %H:%M}" for row in life.rows() if row.kind == "mail"]


@pytest.mark.parametrize(
    ("gap", "half", "twice"),
    [
        ("1 day", "2 days", "1 day"),
        ("3 days", "6 days", "2 days"),
        ("1 week", "2 weeks", "4 days"),
        ("2 weeks", "4 weeks", "1 week"),
        ("1 business day", "2 business days", "1 business day"),
        ("1 hour", "2 hours", "30 minutes"),
        ("24 hours", "48 hours", "12 hours"),
        ("1 minute", "2 minutes", "1 minute"),
        ("0 days", "0 days", "0 days"),
    ],
)
def test_gaps_are_doubled_or_halved_and_whole_days_stay_whole(gap: str, half: str, twice: str) -> None:
    """Half of a gap is rounded up: never sooner than half, and never no gap at all."""
    step = next(step for step in plan_of("every: 1 day").steps if isinstance(step, Mail))
    step = replace(step, gap=parse_gap(gap))
    stands = Enrolment(
        id=1, learner_id=1, course_id="t", revision="", enrolled_at=START, reached_at=START, last_mail_at=START
    )
    for tempo, wanted in ((Tempo.PLANNED, gap), (Tempo.HALF, half), (Tempo.TWICE, twice)):
        assert gap_of(step, replace(stands, wish=Wish(tempo=tempo))) == parse_gap(wanted)


def test_a_daily_course_cannot_come_faster() -> None:
    """A day is the smallest gap between days; two days can be halved."""
    assert not can_be_faster(plan_of("every: 1 day"))
    assert can_be_faster(plan_of("every: 2 days"))


def test_their_hour_and_days_go_over_the_course_s() -> None:
    """Tuesdays and Thursdays at 07:30 in a course of weekdays at 09:00; one day's gap each."""
    wish = Wish(at=7 * 60 + 30, days=frozenset({1, 3}))
    assert lived(plan_of('every: 1 day, at: "09:00", days: mon-fri', tips=3), wish) == [
        "Tue 03 07:30", "Thu 05 07:30", "Tue 10 07:30",
    ]  # fmt: skip


def test_holidays_of_the_course_stay_free() -> None:
    """Easter Monday is left out though the learner takes Mondays."""
    plan = plan_of('every: 1 day, at: "09:00", skip_holidays: SE', tips=6)
    mails = lived(plan, Wish(days=frozenset({0})))
    assert "Mon 06 09:00" not in mails
    assert mails[:2] == ["Mon 02 09:00", "Mon 09 09:00"]


def test_half_as_often_lives_twice_as_long() -> None:
    """A course every day comes every other day."""
    assert lived(plan_of('every: 1 day, at: "09:00"', tips=3), Wish(tempo=Tempo.HALF)) == [
        "Mon 02 09:00", "Wed 04 09:00", "Fri 06 09:00",
    ]  # fmt: skip


@given(WISHES)
def test_a_wish_survives_its_text(wish: Wish) -> None:
    """What an enrolment keeps reads back as what was wished."""
    assert Wish.from_text(wish.to_text()) == wish
    assert wish == AS_PLANNED or Wish.from_text(wish.to_text()).to_text() == wish.to_text()


@given(
    wish=WISHES,
    before=WISHES,
    timing=st.sampled_from(
        [
            'every: 1 day, at: "09:00", days: mon-fri',
            "every: 3 days, between: 22:00-06:00",
            "every: 5 hours",
            'every: 1 week, at: "09:00", skip_holidays: SE',
            "every: 2 business days, limit: 1 per day",
        ]
    ),
    changed_after=st.timedeltas(timedelta(0), timedelta(days=9)),
    looked_after=st.timedeltas(timedelta(0), timedelta(days=30)),
    sent_after=st.timedeltas(timedelta(0), timedelta(days=200)),
)
def test_never_early_never_outside_what_was_chosen_never_back(
    wish: Wish, before: Wish, timing: str, changed_after: timedelta, looked_after: timedelta, sent_after: timedelta
) -> None:
    """Whatever was wished before, and whenever it was changed: the next mail keeps the gap, the hour and the days."""
    plan, sent_at = plan_of(timing), START + sent_after
    first = plan.step("t0")
    assert isinstance(first, Mail)
    stands = replace(begin(plan, _fresh()), wish=before)
    stands = after_send(stands, first, sent_at)
    facts = Facts(sent={"t0": sent_at})
    changed_at = sent_at + changed_after
    stands = next_due(plan, stands, LEARNER, facts, sent_at).enrolment  # its target is kept
    stands = replace(stands, wish=wish)
    stands = retimed(plan, stands, LEARNER, facts, changed_at, anew=wish.tempo is not before.tempo)
    then = next_due(plan, stands, LEARNER, facts, changed_at)
    now = changed_at
    if then.due_at is not None and then.send is None:
        assert then.due_at > changed_at
        now = max(then.due_at, changed_at + looked_after)
        late = next_due(plan, then.enrolment, LEARNER, facts, now)
        assert (late.due_at or now) >= now
        now = late.due_at or now
    step = plan.step("t1")
    assert isinstance(step, Mail)
    local, zone_ = now.astimezone(zone("Europe/Stockholm")), ZoneInfo("Europe/Stockholm")
    gap = gap_of(step, stands)
    assert now >= sent_at
    if gap.unit in (Unit.HOURS, Unit.MINUTES):
        assert now - sent_at >= timedelta(minutes=gap.count * (60 if gap.unit is Unit.HOURS else 1))
    else:
        days = {Unit.WEEKS: 7 * gap.count}.get(gap.unit, gap.count)
        assert (local.date() - sent_at.astimezone(zone_).date()).days >= days or wish.tempo is before.tempo
    if wish.days is not None and (wish.at is not None or step.rule.between is None):
        assert local.weekday() in wish.days or _in_gap(now)
    if wish.at is not None and now == then.due_at:
        assert local.hour * 60 + local.minute == wish.at or _in_gap(now)


@given(wish=WISHES, asked_after=st.timedeltas(timedelta(0), timedelta(days=3)))
def test_asked_for_it_goes_at_once_and_a_cap_still_holds(wish: Wish, asked_after: timedelta) -> None:
    """Whatever the hour, the weekday and the gap; on a day that is full it comes as if nobody had asked."""
    plan = plan_of('every: 4 days, at: "09:00", days: mon-fri, limit: 1 per day')
    first = plan.step("t0")
    assert isinstance(first, Mail)
    stands = after_send(replace(begin(plan, _fresh()), wish=wish), first, START)
    facts, now = Facts(sent={"t0": START}), START + asked_after
    asked = next_due(plan, replace(stands, hurried_at=now), LEARNER, facts, now)
    zone_ = zone("Europe/Stockholm")
    if now.astimezone(zone_).date() == START.astimezone(zone_).date():
        assert asked.send is None
    else:
        assert asked.send is not None
        assert asked.send.id == "t1"
        assert after_send(asked.enrolment, asked.send, now).hurried_at is None


def test_now_does_not_mean_tomorrow() -> None:
    """A worker that comes back after HURRY_FOR sends it when it would have come anyway."""
    plan = plan_of('every: 4 days, at: "09:00"')
    first = plan.step("t0")
    assert isinstance(first, Mail)
    stands = replace(after_send(begin(plan, _fresh()), first, START), hurried_at=START + timedelta(days=1))
    facts = Facts(sent={"t0": START})
    inside = next_due(plan, stands, LEARNER, facts, START + timedelta(days=1) + HURRY_FOR / 2)
    beyond = next_due(plan, stands, LEARNER, facts, START + timedelta(days=1) + HURRY_FOR)
    assert inside.send is not None
    assert beyond.send is None
    assert beyond.due_at == datetime(2026, 3, 6, 8, 0, tzinfo=UTC)


def _fresh() -> Enrolment:
    return Enrolment(id=1, learner_id=1, course_id="t", revision="", enrolled_at=START, reached_at=START)


def _in_gap(at: datetime) -> bool:
    """Whether the clocks in Stockholm were set forward at this instant."""
    zone_ = ZoneInfo("Europe/Stockholm")
    before = (at - timedelta(microseconds=1)).astimezone(zone_)
    return before.utcoffset() != at.astimezone(zone_).utcoffset()
