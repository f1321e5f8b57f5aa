"""A course as a timeline: every step in reading order, with when it comes and what it depends on, in words."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from drip.course.parse import parse
from drip.course.timing import Rule, parse_days, parse_gap, parse_window
from drip.engine.preview import SOMEBODY
from drip.engine.timeline import Stop, expected, stops, when_words
from drip.plan.compile import compile_plan
from drip.render.languages import words_for

NOW = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)
NESTED = """\
title: Nested
steps:
  - {tip: a, subject: "A for {{ learner.first_name }}", body: x, stale_after: 2 days}
  - if: event("x")
    then:
      - if: event("x")
        then: [{tip: b, subject: B, body: x}, {tip: c, subject: C, body: x}]
        else: [{tip: d, subject: D, body: x, when: learner.plan == "pro"}]
    else: [{notify: crm.no}]
  - {tip: e, subject: "{{ learner.absent }}", body: x, renamed_from: old}
"""


def _stops(text: str, language: str = "en") -> list[Stop]:
    course = parse("nested.yaml", text.encode())
    plan = compile_plan(course, layout="")
    return stops(course, plan, SOMEBODY, language, words_for(language), NOW)


def test_branches_stand_under_their_condition() -> None:
    """`then` and `otherwise` once each, before what they lead to, as deep as they are nested."""
    assert [(stop.depth, stop.kind, stop.id) for stop in _stops(NESTED)] == [
        (0, "begin", ""),
        (0, "tip", "a"),
        (0, "if", "a/if"),
        (0, "then", ""),
        (1, "if", "a/if/then/if"),
        (1, "then", ""),
        (2, "tip", "b"),
        (2, "tip", "c"),
        (1, "otherwise", ""),
        (2, "tip", "d"),
        (0, "otherwise", ""),
        (1, "notify", "a/if/else/notify"),
        (0, "tip", "e"),
        (0, "end", ""),
    ]


def test_a_mail_says_what_it_depends_on() -> None:
    """Its subject as the learner reads it (as written where they lack a value), its place, and its conditions."""
    found = {stop.id: stop for stop in _stops(NESTED) if stop.id}
    assert (found["a"].title, found["a"].place) == ("A for Ada", "1 of 4")
    assert found["a"].only == ("skipped when more than 2 days late",)
    assert found["d"].only == ('only if learner.plan == "pro"',)
    assert (found["e"].title, found["e"].only) == ("{{ learner.absent }}", ("was old",))


@pytest.mark.parametrize(
    ("gap", "rule", "first", "words"),
    [
        ("0 days", Rule(), True, "first mail"),
        ("2 hours", Rule(), True, "after 2 hours"),
        ("0 days", Rule(), False, "straight after the mail before"),
        ("1 day", Rule(at=540, days=parse_days("mon-fri")), False, "after 1 day · at 09:00 · mon–fri"),
        ("1 week", Rule(days=parse_days("tue, thu")), False, "after 1 week · tue, thu"),
        ("1 week", Rule(days=parse_days("sat-mon")), False, "after 1 week · mon, sat, sun"),
        (
            "1 day",
            Rule(between=parse_window("22:00-06:00"), holidays="SE"),
            False,
            "after 1 day · between 22:00–06:00 · no holidays (SE)",
        ),
    ],
)
def test_a_rule_is_said_in_the_words_of_the_file(gap: str, rule: Rule, first: bool, words: str) -> None:
    """Gap, time, days and holidays; what is not said is left out."""
    assert when_words(parse_gap(gap), rule, first=first) == words


def test_the_course_s_own_rules_stand_at_its_ends() -> None:
    """How people come in and what ends it early; questions that come back are a mail of their own."""
    text = """\
title: T
start: {date: learner.renewal_date, offset: -14 days, when: learner.plan == "trial"}
goal: event("bought")
stop: learner.plan == "none"
hold_while: event("ticket")
silent: {after: 5 mails, then: pause}
timing: {limit: 1 per day, stale_after: 7 days}
experiment: {holdout: 10%}
reviews: fixed
steps:
  - tip: a
    subject: A
    body: x
    question: {ask: Q?, options: [{text: Yes, correct: true, because: x}, {text: No, because: y}]}
  - survey: nps
    ask: How likely?
"""
    rows = _stops(text, "sv")
    begin, end = rows[0], next(row for row in rows if row.kind == "end")
    assert begin.title == "14 days before learner.renewal_date"
    assert begin.only == ('only if learner.plan == "trial"', "10% are held out and get nothing")
    assert len(end.only) == 6
    assert (rows[-1].kind, rows[-1].id, rows[-1].title) == ("recap", "review", "Minns du fortfarande?")
    assert [row.kind for row in rows if row.is_mail] == ["tip", "survey", "recap"]


def test_times_are_left_out_where_nobody_can_say_them() -> None:
    """A condition on what the learner does not have, or so many mails that it would take too long."""
    plan = compile_plan(parse("n.yaml", NESTED.encode()), layout="")
    assert expected(plan, SOMEBODY, NOW)["a"].at == NOW
    many = "title: M\nsteps:\n" + "".join(f"  - {{tip: t{n}, subject: S, body: x}}\n" for n in range(101))
    assert expected(compile_plan(parse("m.yaml", many.encode()), layout=""), SOMEBODY, NOW) == {}
