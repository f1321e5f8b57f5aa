"""Facts about a simulated cohort: counts that add up, the same each time, at a price that a laptop can pay."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta

import pytest

from drip.course.attributes import declared
from drip.course.model import Defaults
from drip.course.parse import parse
from drip.people import Learner
from drip.plan.compile import compile_plan
from drip.plan.model import Plan
from drip.schedule.acts import NOTHING, Script
from drip.schedule.cohort import Cohort, Day, Tally, enrolled_at, lived
from drip.schedule.golden import MARK, cohort_text, difference, recorded, timeline_text
from drip.schedule.script import read_script
from drip.schedule.simulate import Row, simulate
from drip.schedule.slots import zone

START = datetime(2026, 3, 2, 6, tzinfo=UTC)
ZONES = ("Europe/Stockholm", "America/New_York", "Asia/Tokyo", None)
#: 10,000 learners of a 20-step course are to take less than a minute of CPU (bench/ measures it): this is the share of
#: one of them, three times over, since other processes push this one out of the caches.
MOST_SECONDS_EACH = 3 * 60 / 10_000


def plan_of(top: str = "", count: int = 3) -> Plan:
    question = "question: {ask: Q?, options: [{text: 'Y', correct: true}, {text: 'N'}]}"
    said = f"subject: S, body: 'See [this](https://a.example/x).', {question}"
    steps = "".join(f"  - {{tip: t{n}, {said}}}\n" for n in range(count))
    text = "title: T\nsender: {name: A, email: a@a.example}\ntiming: {every: 1 day, at: '09:00', days: mon-fri}\n"
    attributes = {"plan": declared("plan", "text"), "away": declared("away", "yes/no")}
    return compile_plan(
        parse("t.yaml", f"{text}{top}steps:\n{steps}".encode(), Defaults(attributes=attributes)), layout=""
    )


def people(number: int, **values: object) -> list[Learner]:
    return [
        Learner(id=n, ref=f"ref-{n}", email=f"p{n}@a.example", timezone=ZONES[n % 4], attributes=values)
        for n in range(number)
    ]


def of(plan: Plan, learners: list[Learner], *, days: float = 0, script: Script = NOTHING, seed: str = "0") -> Cohort:
    tally = Tally(plan=plan, zone=zone("Europe/Stockholm"), script=script, seed=seed)
    for _ in lived(tally, learners, start=START, over=timedelta(days=days)):
        pass
    return tally.cohort()


def test_a_cohort_is_the_sum_of_its_lives() -> None:
    """Mails by day, the busiest minute and the end are those of the timelines, one by one."""
    plan, learners = plan_of(), people(40)
    found = of(plan, learners, days=10)
    rows = [
        row for one in learners for row in simulate(plan, one, start=enrolled_at(one, START, timedelta(days=10), "0"))
    ]
    sent = [row.at for row in rows if row.kind == "mail"]
    assert (found.learners, found.mails, found.finished) == (40, 120, 40) == (40, len(sent), 40)
    assert found.finished_by == {"last step": 40}
    assert found.last_at == max(row.at for row in rows)
    assert found.peak_per_minute == max(sent.count(at) for at in sent)
    assert found.peak_at in sent
    assert sum(day.mails for day in found.per_day) == 120
    assert [day.date for day in found.per_day] == sorted({day.date for day in found.per_day})


def test_everyone_at_once_is_one_peak() -> None:
    """Without a period all are enrolled together, and those of one zone are mailed in the same minute."""
    found = of(plan_of(count=1), people(40))
    assert (found.peak_per_minute, found.peak_at) == (10, datetime(2026, 3, 2, 8, tzinfo=UTC))
    assert found.per_day == (Day(date=date(2026, 3, 2), mails=30), Day(date=date(2026, 3, 3), mails=10))


def test_the_seed_decides_and_nothing_else() -> None:
    """The same seed is the same cohort; another is another one, as large."""
    plan, learners = plan_of(), people(60)
    script = read_script("a.yaml", b"every: {unsubscribe: {after: 1 hour, share: 20%}}", plan)
    first = of(plan, learners, days=30, script=script, seed="7")
    assert of(plan, learners, days=30, script=script, seed="7") == first
    assert of(plan, list(reversed(learners)), days=30, script=script, seed="7") == first
    other = of(plan, learners, days=30, script=script, seed="8")
    assert other != first
    assert other.left + other.finished == first.left + first.finished == 60


def test_enrolments_are_spread_evenly() -> None:
    """Over 30 days about as many come in each third, none before the start or after the end."""
    times = [enrolled_at(one, START, timedelta(days=30), "1") for one in people(600)]
    thirds = [
        sum(START + timedelta(days=d) <= at < START + timedelta(days=d + 10) for at in times) for d in (0, 10, 20)
    ]
    assert sum(thirds) == 600
    assert min(thirds) > 150


def test_those_who_get_nothing_are_counted_apart() -> None:
    """Not enrolled, held out, held, silent and stuck: each in its own number, and together everybody."""
    held_out = of(plan_of("experiment: {holdout: 20%}\n"), people(200))
    assert 20 < held_out.held_out < 60
    assert held_out.held_out + held_out.finished == 200
    barred = of(plan_of('start: {when: learner.plan == "trial"}\n'), [*people(3, plan="trial"), *people(2, plan="pro")])
    assert (barred.not_enrolled, barred.finished) == (2, 3)
    held = of(plan_of("hold_while: learner.away\n"), people(4, away=True))
    assert (held.held, held.mails, held.finished, held.finished_share) == (4, 0, 0, 0.0)
    silent = of(plan_of("silent: {after: 2 mails, then: pause}\n"), people(4))
    assert (silent.paused, silent.mails) == (4, 8)
    stuck = of(plan_of("stop: learner.away > learner.plan\n"), people(4, away=True, plan="x"))
    assert (stuck.stuck, stuck.mails) == (4, 0)
    assert list(stuck.problems.values()) == [4]


def test_nobody_is_a_cohort_too() -> None:
    """Of no learners there is nothing to tell, and nothing is divided by zero."""
    none = of(plan_of(), [])
    assert (none.learners, none.mails, none.per_day, none.peak_at, none.last_at, none.finished_share) == (
        0, 0, (), None, None, None,
    )  # fmt: skip


@pytest.mark.parametrize("top", ["", 'goal: event("x")\nreviews: {after_days: [6, 20]}\n'])
def test_a_cohort_costs_what_a_laptop_can_pay(top: str) -> None:
    """A learner of a 20-step course takes milliseconds of CPU, with questions that come back or without."""
    plan = plan_of(top, count=20)
    of(plan, people(8))  # what is worked out once is paid for
    learners = people(300)
    before = time.process_time()
    found = of(plan, learners, days=30)
    assert time.process_time() - before < MOST_SECONDS_EACH * len(learners)
    assert found.mails >= 20 * len(learners)


def test_the_text_of_a_timeline_says_what_it_is_of() -> None:
    """A head in words of the command line, and a line a row, which no reason can break."""
    local = datetime.fromisoformat("2026-03-02T09:00:30+01:00")
    rows = [Row(at=local.astimezone(UTC), local=local, step="a", kind="skip", reason="x and\n  y is false")]
    said = {"course": "t", "start": "2026-03-02T08:00+01:00", "answers": "a.yaml"}
    text = timeline_text(said, rows, zone("Europe/Stockholm"))
    assert text.startswith(MARK)
    assert text.endswith("\n\nMon 2026-03-02 09:00:30 +0100  skip    a: x and y is false\n")
    assert recorded(text) == said
    assert recorded("title: a course\n") == {}
    assert recorded("") == {}


def test_the_text_of_a_cohort_has_its_numbers() -> None:
    """Counts that are not zero, the peak, the end, and a line a day."""
    text = cohort_text({"course": "t"}, of(plan_of(count=1), people(4)), zone("Europe/Stockholm"))
    assert text.partition("\n\n")[2] == (
        "Times in Europe/Stockholm.\n\nlearners: 4\nfinished: 4 (4 by last step)\nmails: 4\n"
        "most in a minute: 1, first Mon 2026-03-02 09:00 +0100\nover: Tue 2026-03-03 01:00 +0100\n\n"
        "Mon 2026-03-02  3\nTue 2026-03-03  1\n"
    )


def test_a_difference_is_short_enough_to_read() -> None:
    """Nothing for the same text; of very many lines the first, and how many more there are."""
    assert difference("a\nb\n", "a\nb\n") == ""
    assert difference("a\nb\n", "a\nc\n").splitlines()[-2:] == ["-b", "+c"]
    many = difference("".join(f"{n}\n" for n in range(5_000)), "".join(f"x{n}\n" for n in range(5_000))).splitlines()
    assert len(many) == 201
    assert many[-1] == "… and 9,803 more lines"
