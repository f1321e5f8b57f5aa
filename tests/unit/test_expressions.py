"""Facts about conditions and placeholders: what may be written, what it means, and what it can never do."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drip.course.expressions import environment, holds, parse_condition, parse_text, variables
from drip.errors import ExpressionError
from drip.people import Answer, Facts, Learner

NOW = datetime(2026, 11, 3, 9, 0, tzinfo=UTC)
DAY = timedelta(days=1)
ADA = Learner(
    id=1, ref="r1", email="ada@x.example", first_name="Ada", attributes={"plan": "pro", "visits": 3, "gone": None}
)


def seen(facts: Facts = Facts(), learner: Learner = ADA) -> dict[str, Any]:  # noqa: B008
    return variables(
        learner=learner,
        course={"id": "c", "title": "T", "language": "en"},
        run=2,
        facts=facts,
        now=NOW,
        skills={"q1": "charts", "q2": "charts", "q3": ""},
    )


def refusal(read: Callable[[str], object], text: str) -> ExpressionError | None:
    try:
        read(text)
    except ExpressionError as error:
        return error
    return None


def answer(days_ago: float, *, correct: bool) -> Answer:
    return Answer(at=NOW - days_ago * DAY, option=0, correct=correct)


@pytest.mark.parametrize(
    ("condition", "truth"),
    [
        ('learner.plan == "pro"', True),
        ('learner.plan in ["trial", "pro"] and not learner.visits > 5', True),
        ('learner.email == "ada@x.example" and learner.ref == "r1"', True),
        ("course.id == 'c' and enrolment.run == 2", True),
        ("learner.visits + 1 == 4", True),
        ("learner.first_name | upper == 'ADA'", True),
        ("learner.plan is defined and learner.nothing is not defined", True),
        ("1 < learner.visits <= 3", True),
        ("'x' if learner.nothing else ''", False),
    ],
)
def test_conditions_read_the_learner(condition: str, truth: bool) -> None:
    """Fields, comparisons, arithmetic, lists, filters and tests mean what they mean in Jinja."""
    assert holds(condition, seen()) is truth


@pytest.mark.parametrize(
    "condition",
    [
        "learner.nothing",
        "learner.nothing == 'x'",
        "learner.nothing == learner.nothing",
        "learner.nothing > 1",
        "learner.nothing < 1",
        "'x' in learner.nothing",
        "learner.gone",
        "score() < 1",
        "score() >= 0",
    ],
)
def test_what_a_learner_does_not_have_makes_comparisons_false(condition: str) -> None:
    """A missing or empty value equals nothing, is in no order and holds nothing; so does a score before any answer."""
    assert holds(condition, seen()) is False


def test_evidence_is_read_by_name() -> None:
    """sent, opened, clicked, answered, correct and event look in the facts."""
    facts = Facts(
        sent={"one": NOW - DAY},
        opened={"one": NOW - DAY},
        clicked={"one": NOW},
        answers={"q1": (answer(2, correct=True), answer(1, correct=False))},
        events={"bought": NOW - DAY, "later": NOW + DAY},
    )
    for condition in (
        "sent('one')",
        "opened('one')",
        "clicked('one')",
        "answered('q1')",
        "correct('q1')",
        "event('bought')",
    ):
        assert holds(condition, seen(facts)), condition
        assert not holds(condition.replace("('", "('x"), seen(facts)), condition
    assert not holds("event('later')", seen(facts))


def test_a_click_counts_from_when_it_settles() -> None:
    """Facts hold the instant from which a click counts: not before it, and from that very instant on."""
    assert not holds("clicked('one')", seen(Facts(clicked={"one": NOW + timedelta(seconds=1)})))
    assert holds("clicked('one')", seen(Facts(clicked={"one": NOW})))


def test_the_score_counts_first_answers() -> None:
    """correct / answered over first answers: a second try does not improve it."""
    facts = Facts(answers={"q1": (answer(3, correct=False), answer(2, correct=True)), "q2": (answer(1, correct=True),)})
    assert holds("score() == 0.5", seen(facts))
    assert not holds("correct('q1')", seen(facts))


@pytest.mark.parametrize(
    ("answers", "mastered"),
    [
        ({"q1": [(8, True)], "q2": [(1, True)]}, True),
        ({"q1": [(7, True), (0, True)]}, True),
        ({"q1": [(6.99, True), (0, True)]}, False),
        ({"q1": [(20, True), (10, False), (1, True)]}, False),
        ({"q1": [(20, True)]}, False),
        ({"q1": [(20, True)], "q3": [(1, True)]}, False),
    ],
)
def test_a_skill_is_mastered_by_two_right_answers_a_week_apart(
    answers: dict[str, list[tuple[float, bool]]], mastered: bool
) -> None:
    """Two consecutive correct answers of the skill, over all its questions, at least seven days apart."""
    facts = Facts(answers={q: tuple(answer(ago, correct=right) for ago, right in said) for q, said in answers.items()})
    assert holds('mastered("charts")', seen(facts)) is mastered


def test_names_are_listed() -> None:
    """The names that a condition or a text uses, wherever they stand in it."""
    names = parse_condition('not clicked("a") and (learner.x or correct("q")) and score() > 0')
    assert names.calls == {("clicked", "a"), ("correct", "q"), ("score", "")}
    assert names.fields == {("learner", "x")}
    text = parse_text("{% if sent('a') %}{{ learner.y | default(course.title) }}{% else %}clicked('b'){% endif %}")
    assert text.calls == {("sent", "a")}
    assert text.fields == {("learner", "y"), ("course", "title")}


@pytest.mark.parametrize(
    ("read", "text", "under", "message"),
    [
        (parse_condition, "lerner.plan == 'x'", "lerner", 'unknown name "lerner"'),
        (parse_condition, "'plan' == plan", "plan", 'unknown name "plan"'),
        (parse_condition, "clickd('a')", "clickd", 'unknown function "clickd"'),
        (parse_condition, "course.titel", "titel", 'unknown field of course "titel"'),
        (parse_condition, "learner.x | uper", "uper", 'unknown filter "uper"'),
        (parse_condition, "learner.x is emty", "emty", 'unknown test "emty"'),
        (parse_condition, "learner.x = 1", "=", 'did not expect "=" here'),
        (parse_condition, "learner.x && learner.y", "&", "& is not a word of conditions"),
        (parse_condition, "learner.x || learner.y", "|", "| begins a filter here, and || is not a word of conditions"),
        (parse_condition, "(learner.x", "x", "a bracket is not closed"),
        (parse_condition, "learner.x == 'a", "'", "a text without its closing quote"),
        (parse_condition, "learner.x and", "and", "it ends too early"),
        (parse_condition, "learner.x learner.y", "learner", 'did not expect "learner" here'),
        (parse_condition, "sent(one)", "sent", "sent takes one text in quotes"),
        (parse_condition, "score(1)", "score", "score() takes nothing in its brackets"),
        (parse_condition, "sent", "sent", "sent is called with brackets"),
        (parse_condition, "learner.x.y", "y", '"x" has no fields'),
        (parse_text, "nme {{ nme }}", "nme", 'unknown name "nme"'),
        (parse_text, "Hello {{ learner.x", "x", "a {{ without its }}"),
        (parse_text, "Hello {{ learner.x }", "}", "a single } closes no placeholder"),
        (parse_text, "{% if learner.x %}y", "y", "an {% if … %} without its {% endif %}"),
        (parse_text, "y {% endif %}", "endif", "an {% endif %} without its {% if … %}"),
        (parse_text, "{% foo %}", "foo", "{% foo %} cannot be used here"),
        (parse_text, "a\n\nb {{ learner.x y }}", "y", 'did not expect "y" here'),
    ],
)
def test_complaints_point_at_the_word(read: Callable[[str], object], text: str, under: str, message: str) -> None:
    """The place is the word that is wrong, not the line it stands on and not the same word in prose."""
    with pytest.raises(ExpressionError) as caught:
        read(text)
    error = caught.value
    assert error.message == message
    assert text[error.offset : error.offset + error.width] == under
    rightmost = text.rfind(under)
    assert error.offset in (rightmost, text.find(under))


def test_a_bad_escape_behind_another_mistake_hides_nothing() -> None:
    """Where the rest of a condition cannot even be cut into words, the first mistake is still told, at its place."""
    error = refusal(parse_condition, r"learner.a learner.b == '\x'")
    assert error is not None
    assert (error.message, error.offset) == ('did not expect "learner" here', 10)
    assert refusal(parse_condition, r"learner.a == '\x'") is not None


def test_a_name_in_prose_is_not_the_one_underlined() -> None:
    """The second `nme` is code, the first is not."""
    with pytest.raises(ExpressionError) as caught:
        parse_text("nme {{ nme }}")
    assert caught.value.offset == 7


@pytest.mark.parametrize(
    "text",
    [
        "{{ learner.__class__ }}",
        "{{ ''.__class__.__mro__ }}",
        "{{ learner['__class__'] }}",
        "{{ learner.x() }}",
        "{{ sent.__globals__ }}",
        "{{ cycler }}",
        "{{ range(10) }}",
        "{{ self }}",
        "{{ 9 ** 9 ** 9 }}",
        "{{ 'a' * 1000000000 }}",
        "{{ learner.x * 1000000000 }}",
        "{{ 'a' % 1000 }}",
        "{{ '%1000000000d' | format(1) }}",
        "{{ 'a' | replace('a', 'aaaa') | replace('a', 'aaaa') }}",
        "{{ 'a' | replace('a', learner.x) }}",
        "{{ 1.5 | round(999999999, 'ceil') }}",
        "{{ learner.x | safe }}",
        "{{ learner.x | attr('y') }}",
        "{% for x in learner.x %}{% endfor %}",
        "{% include 'x' %}",
        "{% extends 'x' %}",
        "{% import 'x' as y %}",
        "{% macro x() %}{% endmacro %}",
        "{% set x = 1 %}",
        "{% set learner = 1 %}",
        "{% block x %}{% endblock %}",
        "{% filter upper %}x{% endfilter %}",
        "{{ " + "(" * 200 + "1" + ")" * 200 + " }}",
        "{{ {'a': 1} }}",
        "{{ learner.x[0] }}",
        "{{ sent(*learner.x) }}",
        "{{ sent('a', **learner.x) }}",
    ],
)
def test_nothing_else_can_be_written(text: str) -> None:
    """No attributes of Python's, no calls but ours, no loops, no includes, and nothing that grows without end."""
    with pytest.raises(ExpressionError):
        parse_text(text)


def test_a_learners_data_is_never_code() -> None:
    """A value that looks like a placeholder or markup is printed as text, escaped where HTML is made."""
    evil = Learner(id=1, ref="r", email="a@b.example", first_name="{{ course.title }}<script>")
    template = environment(autoescape=True).from_string("{{ learner.first_name }}")
    assert template.render(seen(learner=evil)) == "{{ course.title }}&lt;script&gt;"


def test_what_is_missing_is_not_printed_silently() -> None:
    """A missing first name is an error unless `default` says what stands there instead."""
    env = environment(autoescape=True)
    nobody = seen(learner=Learner(id=1, ref="r", email="a@b.example", first_name=""))
    assert env.from_string("{{ learner.first_name | default('there') }}").render(nobody) == "there"
    with pytest.raises(Exception, match="first_name"):
        env.from_string("{{ learner.first_name }}").render(nobody)


@pytest.mark.parametrize("condition", ["learner.plan > 1", "learner.plan + 1 > 2", "1 / 0 > 1", "learner.plan / 2 > 1"])
def test_values_that_do_not_fit_are_an_error_with_the_condition(condition: str) -> None:
    """What cannot be decided names the condition, so that a person can find it."""
    with pytest.raises(ExpressionError, match="cannot be decided"):
        holds(condition, seen())


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="learnsx.()'\"=<>!&|~+-*/ {}%[]:,01\n\\#é", max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    """Reading a condition or a text raises ExpressionError or nothing, with a place inside the text."""
    for read in (parse_condition, parse_text):
        error = refusal(read, text)
        assert error is None or (0 <= error.offset <= len(text) and error.message)
