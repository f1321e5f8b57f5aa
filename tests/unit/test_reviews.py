"""Which questions come back on which day, as a pure function."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from drip.course.parse import parse
from drip.people import Facts, Learner
from drip.plan.compile import compile_plan
from drip.plan.model import Plan
from drip.schedule.reviews import due_questions
from drip.schedule.simulate import Row, simulate

BERLIN = ZoneInfo("Europe/Berlin")
LEARNER = Learner(id=1, ref="r", email="ada@customer.example", timezone="Europe/Berlin")
START = datetime(2026, 3, 2, 6, tzinfo=UTC)


def plan_of(tips: int, after_days: str = "[2, 5]", per_email: int = 2, timing: str = "days: mon-sun") -> Plan:
    question = "question: {ask: Q, options: [{text: 'Y', correct: true}, {text: 'N'}]}"
    steps = "".join(f"  - {{tip: t{n}, subject: S, body: B, {question}}}\n" for n in range(tips))
    text = (
        f"title: T\nsender: {{name: A, email: a@a.example}}\ntiming: {{every: 1 day, at: '09:00', {timing}}}\n"
        f"reviews: {{strategy: fixed, after_days: {after_days}, per_email: {per_email}}}\nsteps:\n{steps}"
    )
    return compile_plan(parse("t.yaml", text.encode()), layout="")


def mails(rows: list[Row]) -> list[tuple[int, str, list[str]]]:
    """(day of the course, step, what came back) of every mail."""
    told = [row for row in rows if row.kind == "mail"]
    return [((row.local.date() - START.date()).days, row.step, _back(row.reason)) for row in told]


def _back(reason: str) -> list[str]:
    words = reason.partition("brings back ")[2].partition(";")[0]
    return words.split(", ") if words else []


def test_a_short_course_with_its_recaps() -> None:
    """Two tips; each question comes back after two and five days, in recaps, since no tip is left to carry them."""
    assert mails(list(simulate(plan_of(2), LEARNER, start=START))) == [
        (0, "t0", []),
        (1, "t1", []),
        (2, "review", ["t0"]),
        (3, "review", ["t1"]),
        (5, "review", ["t0"]),
        (6, "review", ["t1"]),
    ]


def test_a_tip_of_the_day_carries_what_is_due() -> None:
    """No recap on a day that has a tip."""
    told = mails(list(simulate(plan_of(4), LEARNER, start=START)))
    assert (2, "t2", ["t0"]) in told
    assert (3, "t3", ["t1"]) in told
    assert [step for day, step, _ in told if day < 4] == ["t0", "t1", "t2", "t3"]


def test_recaps_keep_to_the_days_of_the_course() -> None:
    """Weekdays only: what falls on a weekend comes on Monday."""
    told = mails(list(simulate(plan_of(3, "[3]", timing="days: mon-fri"), LEARNER, start=START)))
    assert [(day % 7) for day, _, _ in told if day % 7 > 4] == []


def test_more_than_fit_go_on_the_next_day() -> None:
    """Three due on one day, one a mail: three days in a row, the longest due first."""
    facts = Facts(sent={f"t{n}": START + timedelta(hours=n) for n in range(3)})
    plan = plan_of(3, "[2]", per_email=1)
    now, seen = START + timedelta(days=2, hours=5), []
    for _ in range(3):
        (question,) = due_questions(plan, facts, BERLIN, now)
        seen.append(question)
        facts = replace(facts, offered={**facts.offered, question: (now,)})
        now += timedelta(days=1)
    assert seen == ["t0", "t1", "t2"]
    assert due_questions(plan, facts, BERLIN, now) == ()


@given(
    tips=st.integers(1, 6),
    after=st.lists(st.integers(1, 30), min_size=1, max_size=4, unique=True).map(sorted),
    per_email=st.integers(1, 3),
    start=st.integers(0, 6),
)
def test_every_question_comes_back_as_often_as_was_said_or_less(
    tips: int, after: list[int], per_email: int, start: int
) -> None:
    """Never twice on one day, never two mails on one day, never more often than there are days, and it ends."""
    plan = plan_of(tips, str(after), per_email)
    told = mails(list(simulate(plan, LEARNER, start=START + timedelta(days=start))))
    days = [day for day, _, _ in told]
    assert len(days) == len(set(days))
    back = [question for _, _, questions in told for question in questions]
    for n in range(tips):
        assert 1 <= back.count(f"t{n}") <= len(after)
    assert all(len(questions) <= per_email for _, _, questions in told)
