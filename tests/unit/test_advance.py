"""Where an enrolment stands: gaps, waits, branches, skips, limits and late mail, all as pure functions of `now`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drip.course.parse import parse
from drip.people import Answer, Enrolment, Facts, Learner, State
from drip.plan.compile import compile_plan
from drip.plan.model import Mail, Plan
from drip.schedule.advance import Did, after_send, begin, look_ahead, next_due
from drip.schedule.simulate import simulate

LEARNER = Learner(id=1, ref="r", email="ada@customer.example", timezone="Europe/Berlin")


def plan_of(steps: str, timing: str = 'every: 1 day, at: "09:00"') -> Plan:
    text = f"title: T\nsender: {{name: A, email: a@a.example}}\ntiming: {{{timing}}}\nsteps:\n{steps}"
    return compile_plan(parse("t.yaml", text.encode()), layout="")


def tips(*names: str) -> str:
    return "".join(f"  - {{tip: {name}, subject: S, body: B}}\n" for name in names)


def at(text: str) -> datetime:
    """A Berlin wall time (UTC+1 in winter) as an instant."""
    return datetime.fromisoformat(f"{text}+01:00").astimezone(UTC)


def enrolled(plan: Plan, when: datetime) -> Enrolment:
    return begin(plan, Enrolment(id=1, learner_id=1, course_id="t", revision="", enrolled_at=when, reached_at=when))


def lived(plan: Plan, start: datetime, learner: Learner = LEARNER) -> list[tuple[str, str]]:
    """(local time, step) of every mail of a learner who does nothing."""
    rows = simulate(plan, learner, start=start)
    return [(f"{row.local:%a %d %H:%M}", row.step) for row in rows if row.kind == "mail"]


ASKED = """\
  - tip: one
    subject: S
    body: See [this](https://a.example/x).
    question: {ask: Q?, options: [{text: Y, correct: true}, {text: N}]}
"""


TWO_WAYS = """\
  - if: correct("one")
    then: [{tip: good, subject: S, body: B}]
    else: [{tip: bad, subject: S, body: B}]
"""


def test_the_first_mail_is_due_at_the_first_allowed_instant() -> None:
    """Enrolled at 08:00, the first comes at 09:00 that day; enrolled at 10:00, the day after."""
    plan = plan_of(tips("one"))
    assert next_due(
        plan, enrolled(plan, at("2026-03-02T08:00")), LEARNER, Facts(), at("2026-03-02T08:00")
    ).due_at == at("2026-03-02T09:00")
    assert lived(plan, at("2026-03-02T10:00")) == [("Tue 03 09:00", "one")]


def test_each_gap_counts_from_the_actual_send() -> None:
    """A mail that went two days late moves the next one, so that a backlog never bursts."""
    plan = plan_of(tips("one", "two"), 'every: 2 days, at: "09:00"')
    stands = enrolled(plan, at("2026-03-02T08:00"))
    late = at("2026-03-04T09:20")
    mail = plan.steps[0]
    assert isinstance(mail, Mail)
    then = look_ahead(plan, after_send(stands, mail, late), LEARNER, Facts(sent={"one": late}), late)
    assert then.due_at == at("2026-03-06T09:00")


def test_a_late_mail_goes_at_once_while_its_day_is_open() -> None:
    """09:00 seen at 15:00 goes now; seen the next day at 08:00 it waits for 09:00, and is then not late again."""
    plan = plan_of(tips("one"))
    stands = enrolled(plan, at("2026-03-02T08:00"))
    assert next_due(plan, stands, LEARNER, Facts(), at("2026-03-02T15:00")).send is not None
    shifted = next_due(plan, stands, LEARNER, Facts(), at("2026-03-03T09:00:01"))
    assert shifted.send is None
    assert shifted.due_at == at("2026-03-04T09:00")
    assert "late" in shifted.reason
    again = next_due(plan, shifted.enrolment, LEARNER, Facts(), at("2026-03-04T09:00:05"))
    assert again.send is not None


def test_a_skipped_step_takes_no_time() -> None:
    """The tip after one whose `when` is false goes at the instant at which the skipped one was due."""
    plan = plan_of(
        tips("one")
        + '  - {tip: two, subject: S, body: B, when: sent("nine")}\n'.replace("nine", "three")
        + tips("three")
    )
    assert lived(plan, at("2026-03-02T08:00")) == [("Mon 02 09:00", "one"), ("Tue 03 09:00", "three")]


def test_a_skipped_step_takes_no_time_even_seconds_late() -> None:
    """A tick at 09:00:03 that skips a tip with its own shorter gap still sends the next one then."""
    plan = plan_of(
        tips("one")
        + '  - {tip: two, subject: S, body: B, when: sent("two")}\n'
        + "  - {tip: three, subject: S, body: B, after: 0 days}\n"
    )
    stands = enrolled(plan, at("2026-03-02T08:00"))
    mail = next_due(plan, stands, LEARNER, Facts(), at("2026-03-02T09:00")).send
    assert mail is not None
    stands = after_send(stands, mail, at("2026-03-02T09:00"))
    then = next_due(plan, stands, LEARNER, Facts(sent={"one": at("2026-03-02T09:00")}), at("2026-03-03T09:00:03"))
    assert then.send is not None
    assert then.send.id == "three"
    assert [(note.kind, note.step) for note in then.notes] == [(Did.SKIP, "two")]


def test_a_wait_ends_when_its_condition_comes_true_and_the_gap_still_counts() -> None:
    """Answered after an hour, the next tip still keeps its day's distance."""
    plan = plan_of(ASKED + '  - wait: {until: answered("one"), at_most: 4 days}\n' + tips("two"))
    sent = at("2026-03-02T09:00")
    stands = after_send(enrolled(plan, at("2026-03-02T08:00")), plan.steps[0], sent)  # type: ignore[arg-type]
    facts = Facts(sent={"one": sent})
    waits = next_due(plan, stands, LEARNER, facts, sent)
    assert waits.due_at == at("2026-03-06T09:00")
    answered = replace(facts, answers={"one": (Answer(at=at("2026-03-02T10:00"), option=0, correct=True),)})
    then = next_due(plan, waits.enrolment, LEARNER, answered, at("2026-03-02T10:00"))
    assert then.enrolment.next_step == "two"
    assert then.due_at == at("2026-03-03T09:00")


def test_a_wait_that_runs_out_goes_on() -> None:
    """Nobody answered: after `at_most` the next tip is due at its first allowed instant."""
    plan = plan_of(ASKED + '  - wait: {until: answered("one"), at_most: 4 days}\n' + tips("two"))
    assert lived(plan, at("2026-03-02T08:00")) == [("Mon 02 09:00", "one"), ("Fri 06 09:00", "two")]


def test_an_unsettled_click_is_waited_for_past_the_deadline() -> None:
    """A click in the last minute of a wait is decided when it has settled, and not before."""
    plan = plan_of(ASKED + '  - wait: {until: clicked("one"), at_most: 2 hours}\n' + tips("two"))
    sent = at("2026-03-02T09:00")
    stands = after_send(enrolled(plan, sent), plan.steps[0], sent)  # type: ignore[arg-type]
    settles = sent + timedelta(hours=2, seconds=30)
    facts = Facts(sent={"one": sent}, clicked={"one": settles})
    then = next_due(plan, stands, LEARNER, facts, sent + timedelta(hours=2))
    assert (then.enrolment.next_step, then.due_at) == ("one/wait", settles)
    after = next_due(plan, then.enrolment, LEARNER, facts, settles)
    assert after.enrolment.next_step == "two"
    assert "is true" in after.notes[0].reason


def test_an_if_is_decided_when_a_mail_in_its_place_would_be_due() -> None:
    """An answer that comes in the gap before the `if` still counts."""
    plan = plan_of(ASKED + TWO_WAYS)
    sent = at("2026-03-02T09:00")
    stands = after_send(enrolled(plan, sent), plan.steps[0], sent)  # type: ignore[arg-type]
    facts = Facts(sent={"one": sent})
    early = next_due(plan, stands, LEARNER, facts, sent)
    assert early.due_at == at("2026-03-03T09:00")
    assert early.enrolment.next_step == "one/if"
    right = replace(facts, answers={"one": (Answer(at=at("2026-03-02T22:00"), option=0, correct=True),)})
    then = next_due(plan, early.enrolment, LEARNER, right, at("2026-03-03T09:00:02"))
    assert then.send is not None
    assert then.send.id == "good"


def test_an_if_after_a_wait_is_decided_at_once() -> None:
    """When the wait ends, the way is chosen, and the mail in it waits for its own gap."""
    plan = plan_of(ASKED + '  - wait: {until: answered("one"), at_most: 4 days}\n' + TWO_WAYS)
    sent = at("2026-03-02T09:00")
    stands = after_send(enrolled(plan, sent), plan.steps[0], sent)  # type: ignore[arg-type]
    wrong = Facts(sent={"one": sent}, answers={"one": (Answer(at=sent, option=1, correct=False),)})
    then = next_due(plan, stands, LEARNER, wrong, at("2026-03-02T11:00"))
    assert (then.enrolment.next_step, then.due_at) == ("bad", at("2026-03-03T09:00"))


def test_a_full_day_shifts_and_never_drops() -> None:
    """With one mail a day, three tips without gaps come on three days, at the same wall time, in order."""
    plan = plan_of(tips("one", "two", "three"), "every: 0 days, limit: 1 per day")
    assert lived(plan, at("2026-03-02T10:00")) == [
        ("Mon 02 10:00", "one"),
        ("Tue 03 10:00", "two"),
        ("Wed 04 10:00", "three"),
    ]


def test_a_full_week_counts_as_closed_until_monday() -> None:
    """Two a week: the third waits for the next Monday."""
    plan = plan_of(tips("one", "two", "three"), 'every: 1 day, at: "09:00", limit: 2 per week')
    assert [when for when, _ in lived(plan, at("2026-03-03T08:00"))] == ["Tue 03 09:00", "Wed 04 09:00", "Mon 09 09:00"]


def test_a_zone_changed_in_mid_wait_moves_the_instant_and_keeps_the_date() -> None:
    """Tuesday 09:00 stays Tuesday 09:00 when the learner moves to New York."""
    plan = plan_of(tips("one", "two"))
    sent = at("2026-03-02T09:00")
    stands = after_send(enrolled(plan, sent), plan.steps[0], sent)  # type: ignore[arg-type]
    facts = Facts(sent={"one": sent})
    planned = look_ahead(plan, stands, LEARNER, facts, sent)
    moved = replace(LEARNER, timezone="America/New_York")
    then = next_due(plan, planned.enrolment, moved, facts, at("2026-03-03T09:00"))
    assert then.send is None
    assert then.due_at == datetime.fromisoformat("2026-03-03T09:00-05:00")


def test_zone_precedence() -> None:
    """The learner's own word goes before the import's, and that before the course's."""
    plan = plan_of(tips("one"), 'every: 1 day, at: "09:00", timezone: Asia/Kathmandu')
    start = datetime(2026, 3, 2, tzinfo=UTC)

    def first(**zones: str) -> str:
        learner = Learner(id=1, ref="r", email="a@b.example", **zones)  # type: ignore[arg-type]
        return next(iter(simulate(plan, learner, start=start))).local.tzname() or ""

    assert first() == "+0545"
    assert first(imported_timezone="Europe/London") == "GMT"
    assert first(imported_timezone="Europe/London", timezone="Europe/Berlin") == "CET"


def test_an_empty_way_and_a_last_wait_finish_the_course() -> None:
    """An `if` whose way is empty joins what follows; a wait may be the last step."""
    wait = '  - wait: {until: answered("one"), at_most: 1 day}\n'
    plan = plan_of(ASKED + '  - if: correct("one")\n    then: [{tip: good, subject: S, body: B}]\n' + wait)
    rows = list(simulate(plan, LEARNER, start=at("2026-03-02T08:00")))
    assert [(row.kind, row.step) for row in rows] == [("mail", "one"), ("wait", "one/wait"), ("finish", "")]


DAYS = ["mon-fri", "sat-sun", "[tue, thu]", "daily"]
TIMES = ['at: "09:00"', "between: 22:00-06:00", "between: 08:00-10:00", "between: 00:00-24:00"]
ZONES = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia", "America/Nuuk"]
GAPS = ["1 day", "0 days", "3 hours", "2 business days", "1 week"]


@given(
    days=st.sampled_from(DAYS),
    time=st.sampled_from(TIMES),
    zone=st.sampled_from(ZONES),
    gaps=st.lists(st.sampled_from(GAPS), min_size=1, max_size=4),
    start=st.datetimes(
        datetime(2024, 1, 1),
        datetime(2027, 12, 31),
        timezones=st.just(UTC),
    ),
    late=st.lists(st.integers(0, 200_000), min_size=8, max_size=8),
)
def test_never_early_never_outside_never_back(
    days: str, time: str, zone: str, gaps: list[str], start: datetime, late: list[int]
) -> None:
    """However late the ticks come: every tip goes once, in order, never before it is due."""
    steps = "".join(f"  - {{tip: t{n}, subject: S, body: B, after: {gap}}}\n" for n, gap in enumerate(gaps))
    plan = plan_of(steps, f"days: {days}, {time}")
    learner = replace(LEARNER, timezone=zone)
    stands, now, sent = enrolled(plan, start), start, dict[str, datetime]()
    lateness = iter(late)
    for _ in range(60):
        then = next_due(plan, stands, learner, Facts(sent=sent), now)
        assert then == next_due(plan, stands, learner, Facts(sent=sent), now)
        stands = then.enrolment
        if then.send is not None:
            assert then.send.id == f"t{len(sent)}"
            sent[then.send.id] = now
            stands = after_send(stands, then.send, now)
        elif then.due_at is not None:
            assert then.due_at > now
            now = then.due_at + timedelta(seconds=next(lateness, 0))
        else:
            break
    assert stands.state is State.FINISHED
    assert list(sent) == [f"t{n}" for n in range(len(gaps))]
    _assert_apart(gaps, list(sent.values()))


def _assert_apart(gaps: list[str], times: list[datetime]) -> None:
    """No gap is shorter than its elapsed hours, or than its days less one and a bit (a calendar day may be short)."""
    least: Mapping[str, timedelta] = {
        "3 hours": timedelta(hours=3),
        "1 day": timedelta(0),
        "0 days": timedelta(0),
        "2 business days": timedelta(days=1) - timedelta(hours=3),
        "1 week": timedelta(days=6) - timedelta(hours=3),
    }
    for gap, before, after in zip(gaps[1:], times, times[1:], strict=False):
        assert after - before >= least[gap]


@pytest.mark.parametrize("hour", range(0, 24, 5))
def test_simulate_agrees_with_an_hourly_tick(hour: int) -> None:
    """What the simulator foretells is what a worker that looks every minute would do."""
    plan = plan_of(tips("one", "two", "three"), "every: 1 day, between: 08:00-10:00, days: mon-fri")
    start = at(f"2026-03-26T{hour:02}:00")
    foretold = [row.at for row in simulate(plan, LEARNER, start=start) if row.kind == "mail"]
    stands, now, sent = enrolled(plan, start), start, list[datetime]()
    while stands.state is State.ACTIVE:
        then = next_due(plan, stands, LEARNER, Facts(), now)
        stands = then.enrolment
        if then.send is not None:
            sent.append(now)
            stands = after_send(stands, then.send, now)
        else:
            now += timedelta(minutes=1)
    assert sent == foretold
