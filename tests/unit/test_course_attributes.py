"""Facts about declared attributes: how they are declared and read, and what conditions may do with them."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from drip.course.attributes import Attribute, declared
from drip.course.expressions import holds, variables
from drip.course.model import Course, Defaults
from drip.course.parse import parse
from drip.errors import CourseError, ExpressionError
from drip.people import Facts, Learner
from drip.plan.compile import compile_plan

NOW = datetime.datetime(2026, 11, 3, 9, 0, tzinfo=datetime.UTC)
DECLARED = {
    "status": declared("status", "text"),
    "plan": declared("plan", ["trial", "pro"]),
    "seats": declared("seats", {"type": "number", "default": 1}),
    "renewal_date": declared("renewal_date", "date"),
    "open_ticket": declared("open_ticket", {"type": "yes/no", "default": False}),
}
TIP = "steps: [{tip: one, subject: S, body: B}]\n"


def read(head: str, attributes: dict[str, Attribute] | None = DECLARED) -> Course:
    return parse("course.yaml", f"title: T\n{head}\n{TIP}".encode(), Defaults(attributes=attributes))


@pytest.mark.parametrize(
    ("said", "attribute"),
    [
        ("text", Attribute(type="text")),
        ({"type": "date"}, Attribute(type="date")),
        (["a", "b"], Attribute(type="choice", choices=("a", "b"))),
        ({"values": ["a", "b"], "default": "B"}, Attribute(type="choice", choices=("a", "b"), default="b")),
        ({"type": "number", "default": 1}, Attribute(type="number", default=1)),
        ({"type": "number", "default": "1,5"}, Attribute(type="number", default=1.5)),
        ({"type": "yes/no", "default": False}, Attribute(type="yes/no", default=False)),
        ({"type": "yes/no", "default": "yes"}, Attribute(type="yes/no", default=True)),
        ({"type": "date", "default": datetime.date(2026, 3, 31)}, Attribute(type="date", default="2026-03-31")),
        ({"type": "date", "default": "2026-03-31"}, Attribute(type="date", default="2026-03-31")),
        ({"type": "text", "default": ""}, Attribute(type="text", default="")),
    ],
)
def test_a_line_declares_an_attribute(said: object, attribute: Attribute) -> None:
    """A type, a list of values, or both with a default, which may be TOML's own value or an import's text."""
    assert declared("x", said) == attribute


@pytest.mark.parametrize(
    ("name", "said", "words"),
    [
        ("Seats", "number", "small letters"),
        ("email", "text", "drip's own"),
        ("ref", "text", "drip's own"),
        ("x", "nummer", "did you mean number?"),
        ("x", "boolean", "is not a type"),
        ("x", 5, "a type is wanted"),
        ("x", {}, "is not a type"),
        ("x", {"typ": "text"}, '"typ" is not known'),
        ("x", [], "a list of texts"),
        ("x", ["a", 1], "a list of texts"),
        ("x", ["a", "a"], "stands there once"),
        ("x", {"type": "text", "values": ["a"]}, "take the type away"),
        ("x", {"type": "number", "default": "many"}, "is not a number"),
        ("x", {"type": "number", "default": True}, "is not of its type"),
        ("x", {"type": "yes/no", "default": 1}, "is not of its type"),
        ("x", {"type": "date", "default": datetime.datetime(2026, 1, 1)}, "is not of its type"),
        ("x", {"values": ["a", "b"], "default": "c"}, "is none of its values"),
    ],
)
def test_a_bad_declaration_says_what_to_write(name: str, said: object, words: str) -> None:
    """Names, types, values and defaults that do not fit."""
    with pytest.raises(ValueError, match=words):
        declared(name, said)


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("number", "5", 5),
        ("number", "-3.50", -3.5),
        ("number", "3,5", 3.5),
        ("number", "1 000", 1000),
        ("number", "1\u00a0234\u00a0567,8", 1234567.8),
        ("number", "1234,567", 1234.567),
        ("number", "1.234", 1.234),
        ("number", "0,125", 0.125),
        ("date", "2026-03-31", "2026-03-31"),
        ("yes/no", "YES", True),
        ("yes/no", "false", False),
        ("yes/no", "1", True),
        ("yes/no", "Nej", False),
        ("text", "no", "no"),
    ],
)
def test_a_cell_becomes_a_value(kind: Any, text: str, value: object) -> None:
    """Numbers with a point or a comma and with spaces between thousands; ISO dates; yes and no in a few words."""
    found = Attribute(type=kind).read(text)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("kind", "text", "words"),
    [
        ("number", "many", "is not a number"),
        ("number", "1,234", "may be 1234 or 1.234"),
        ("number", "1 2", "is not a number"),
        ("number", "1e5", "is not a number"),
        ("number", "٣", "is not a number"),
        ("number", "nan", "is not a number"),
        ("date", "31/03/2026", "is not a date"),
        ("date", "2026-02-30", "is not a date"),
        ("date", "2026-03-31T09:00", "is not a date"),
        ("date", "20260331", "is not a date"),
        ("yes/no", "maybe", "neither yes nor no"),
    ],
)
def test_a_cell_that_does_not_fit_says_why(kind: Any, text: str, words: str) -> None:
    """What could mean two things is not guessed."""
    with pytest.raises(ValueError, match=words):
        Attribute(type=kind).read(text)


def test_a_choice_is_read_in_any_case_unless_two_differ_by_it() -> None:
    """`Pro` is `pro`; where both are values, each is itself."""
    assert Attribute(type="choice", choices=("trial", "pro")).read("Pro") == "pro"
    assert Attribute(type="choice", choices=("Pro", "pro")).read("Pro") == "Pro"
    with pytest.raises(ValueError, match='did you mean "trial"'):
        Attribute(type="choice", choices=("trial", "pro")).read("trail")


@pytest.mark.parametrize(
    "condition",
    [
        'learner.plan == "pro"',
        'learner.plan in ["trial", "pro"]',
        "learner.seats >= 5 or learner.seats < -1",
        "1 < learner.seats <= 3.5",
        "learner.seats + 1 > 3",
        "learner.open_ticket and not learner.open_ticket",
        "learner.open_ticket == true",
        'learner.renewal_date < "2026-12-31"',
        'learner.status > "a"',
        "learner.status == none",
        'learner.first_name == "Ada" and learner.language == "sv" and learner.ref != "x"',
        "learner.seats | default(3) > 1",
    ],
)
def test_conditions_that_fit_are_taken(condition: str) -> None:
    """Every type is compared with its own kind; drip's own fields need no declaration."""
    assert read(f"stop: '{condition}'").stop == condition


WRONG = [
    ("learner.plann", "unknown-attribute", "plann", "did you mean learner.plan?"),
    ("learner.colour == 'red'", "unknown-attribute", "colour", "or declare colour under [learner] in drip.toml"),
    ("learner.plan == 'prro'", "attribute-type", "learner.plan", 'did you mean "pro"?'),
    ("learner.plan in ['pro', 'gold']", "attribute-type", "learner.plan", "write trial, pro"),
    ("learner.plan < 'pro'", "attribute-type", "learner.plan", "its values are: trial, pro"),
    ("learner.seats == '5'", "attribute-type", "learner.seats", "compare it with a number, without quotes"),
    ("learner.seats > true", "attribute-type", "learner.seats", "compare it with a number, without quotes"),
    ("'5' == learner.seats", "attribute-type", "learner.seats", "compare it with a number, without quotes"),
    ("learner.renewal_date < '31 March'", "attribute-type", "learner.renewal_date",
     'compare it with one such as "2026-03-31"'),
    ("learner.renewal_date > '2026-02-30'", "attribute-type", "learner.renewal_date",
     'compare it with one such as "2026-03-31"'),
    ("learner.open_ticket == 'yes'", "attribute-type", "learner.open_ticket", "ask for it alone, or for not …"),
    ("learner.open_ticket > false", "attribute-type", "learner.open_ticket", "ask for it alone, or for not …"),
    ("learner.status == 5", "attribute-type", "learner.status", 'compare it with a text in quotes, such as "5"'),
]  # fmt: skip


@pytest.mark.parametrize(("condition", "rule", "under", "hint"), WRONG, ids=[text for text, *_ in WRONG])
def test_conditions_that_cannot_be_meant_are_refused(condition: str, rule: str, under: str, hint: str) -> None:
    """Undeclared names, values that are never there, types that do not meet: with the place and the way out."""
    with pytest.raises(CourseError) as caught:
        read(f'stop: "{condition}"')
    (found,) = caught.value.mistakes
    assert (found.rule, found.line, found.hint) == (rule, 2, hint)
    assert found.excerpt[found.column - 1 :][: found.width] == under


def test_texts_use_declared_attributes_only() -> None:
    """A placeholder in a subject or a button is looked at as a condition is."""
    text = (
        "title: T\nsteps:\n  - {tip: one, subject: 'Hi {{ learner.nick }}', body: B, "
        "button: {text: Go, url: 'https://a.example/{{ learner.sets }}'}}\n"
    )
    with pytest.raises(CourseError) as caught:
        parse("course.yaml", text.encode(), Defaults(attributes=DECLARED))
    assert [m.hint for m in caught.value.mistakes] == [
        "or declare nick under [learner] in drip.toml",
        "did you mean learner.seats?",
    ]


@pytest.mark.parametrize(("date", "rule"), [("renewal", "unknown-attribute"), ("seats", "attribute-type")])
def test_people_come_in_by_a_declared_date(date: str, rule: str) -> None:
    """`start.date` must be declared, and as a date."""
    assert read("start: {date: learner.renewal_date}").start
    with pytest.raises(CourseError) as caught:
        read(f"start: {{date: learner.{date}}}")
    assert [m.rule for m in caught.value.mistakes] == [rule]


def test_without_declarations_everything_is_taken() -> None:
    """No [learner] section: any name, any comparison, as before."""
    assert read("stop: learner.whatever == 5\nstart: {date: learner.some_day}", None).stop


def test_an_empty_section_declares_that_there_are_none() -> None:
    """`[learner]` without a line: only drip's own fields."""
    with pytest.raises(CourseError):
        read("stop: learner.whatever", {})
    assert read("stop: learner.first_name == 'Ada'", {}).stop


def test_the_plan_has_the_attributes_that_it_uses() -> None:
    """It stands alone; one that no condition or text uses changes no revision."""
    plan = compile_plan(read('stop: learner.plan == "pro"\nstart: {date: learner.renewal_date}'), layout="")
    assert set(plan.attributes) == {"plan", "renewal_date"}
    other = {**DECLARED, "colour": Attribute(type="text")}
    same = compile_plan(read('stop: learner.plan == "pro"\nstart: {date: learner.renewal_date}', other), layout="")
    assert same.revision == plan.revision
    changed = {**DECLARED, "plan": Attribute(type="choice", choices=("trial", "pro"), default="trial")}
    assert compile_plan(read('stop: learner.plan == "pro"', changed), layout="").revision != compile_plan(
        read('stop: learner.plan == "pro"'), layout=""
    ).revision  # fmt: skip


def sees(**attributes: object) -> dict[str, object]:
    learner = Learner(id=1, ref="r", email="a@b.example", attributes=attributes)
    course = {"id": "c", "title": "T", "language": "en"}
    return variables(learner=learner, course=course, run=1, facts=Facts(), now=NOW, skills={}, declared=DECLARED)


def test_who_has_none_gets_the_default() -> None:
    """Missing, empty and null alike; one without a default stays missing."""
    for nothing in ({}, {"seats": ""}, {"seats": None}):
        assert holds("learner.seats == 1 and not learner.open_ticket", sees(**nothing))
    assert not holds('learner.plan == "trial" or learner.renewal_date < "2030-01-01"', sees())


def test_what_was_imported_before_it_was_declared_is_read_as_declared() -> None:
    """A stored text of a number or of yes and no is that; any other text is a condition that cannot be decided."""
    assert holds("learner.seats == 12 and learner.open_ticket", sees(seats="12", open_ticket="true"))
    assert not holds("learner.open_ticket", sees(open_ticket="no"))
    with pytest.raises(ExpressionError):
        holds("learner.seats > 3", sees(seats="many"))


def test_a_false_default_is_printed_as_a_value() -> None:
    """False and 0 are values, not nothing."""
    assert holds("learner.open_ticket is defined and learner.open_ticket == false", sees())
