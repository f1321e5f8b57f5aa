"""What plain functions evaluate is what Jinja makes of it, to the last value and the last word of an error."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from jinja2 import UndefinedError
from jinja2.exceptions import SecurityError
from jinja2.parser import Parser

from drip.course.attributes import Day
from drip.course.evaluate import Value, value_of
from drip.course.expressions import environment, variables
from drip.course.scope import Record
from drip.people import Answer, Facts, Learner

NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)
ENV = environment(autoescape=False)
FACTS = Facts(
    sent={"welcome": NOW},
    clicked={"welcome": NOW},
    answers={"welcome": (Answer(at=NOW - timedelta(days=1), option=0, correct=True),)},
    events={"bought": NOW + timedelta(seconds=1)},
)
VALUES = st.one_of(
    st.none(), st.text(), st.sampled_from(["pro", "a", "{{ 1 }}"]), st.integers(), st.floats(), st.booleans(),
    st.dates().map(lambda day: Day(day.isoformat())),
)  # fmt: skip
_FIELDS = st.sampled_from(["learner.one", "learner.two", "learner.first_name", "course.title", "enrolment.run"])
_CALLS = st.sampled_from(
    ['sent("welcome")', 'clicked("x")', 'answered("welcome")', 'correct("welcome")', "score()", 'event("bought")']
)
_CONSTANTS = st.sampled_from(['"pro"', "5", "0.5", "true", "none", '""', '"2026-01-01"'])
_ATOMS = st.one_of(_FIELDS, _CALLS, _CONSTANTS)


def _grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    pairs = st.tuples(inner, st.sampled_from(["==", "!=", "<", "<=", ">", ">=", "and", "or"]), inner)
    return st.one_of(
        pairs.map(lambda p: f"({p[0]}) {p[1]} ({p[2]})"),
        inner.map(lambda one: f"not ({one})"),
        inner.map(lambda one: f'({one}) in ["pro", 5]'),
        inner.map(lambda one: f'({one}) not in ("pro", "a")'),
        st.tuples(inner, inner).map(lambda p: f"({p[0]}) | default({p[1]})"),
    )


def _seen(one: object, two: object, facts: Facts = FACTS) -> Mapping[str, Any]:
    return variables(
        learner=Learner(id=1, ref="r", email="a@b.example", first_name="Ada", attributes={"one": one, "two": two}),
        course={"id": "c", "title": "T", "language": "en"},
        run=1,
        facts=facts,
        now=NOW,
        skills={},
    )


def _plain(text: str) -> Value | None:
    return value_of(Parser(ENV, text, state="variable").parse_expression(), ENV)


def _outcome(value: Callable[[Mapping[str, Any]], Any], names: Mapping[str, Any]) -> str:
    """What comes out, told so that two of them can be compared: a missing value equals nothing, not even itself."""
    try:
        found = value(names)
    except Exception as error:  # noqa: BLE001 # whatever it is, both must raise it
        return f"{type(error).__name__}: {error}"
    return f"{type(found).__name__} {found!r}"


@settings(max_examples=400)
@given(st.recursive(_ATOMS, _grown, max_leaves=6), VALUES, VALUES, st.sampled_from([FACTS, Facts()]))
@example("learner.one | default(learner.two) | default('x')", None, None, FACTS)
@example("learner.one | default('x')", "", 5, FACTS)
@example("learner.one > 5 or learner.two in ['a', 5]", None, 5, FACTS)
@example("learner.one < 5", "a", 5, FACTS)
@example("learner.one | default(learner.one < 5)", "a", 5, FACTS)
def test_a_plain_function_gives_what_jinja_gives(text: str, one: object, two: object, facts: Facts) -> None:
    """Fields, calls, constants, comparisons, and, or, not, in and default: value, kind and error are the same."""
    plain, names = _plain(text), _seen(one, two, facts)
    assert plain is not None
    jinja = ENV.compile_expression(text, undefined_to_none=False)
    assert _outcome(plain, names) == _outcome(jinja, names)


@pytest.mark.parametrize(
    "text",
    [
        "learner.one | upper",
        "learner.one | default",
        "learner.one | default('x', true)",
        "1 < learner.one < 5",
        "learner.one + 1",
        "-learner.one",
        "'a' ~ learner.one",
        "learner.one is defined",
        "'a' if learner.one else 'b'",
        "learner.one in [learner.two]",
        "sent(learner.one)",
        "learner.one.two",
    ],
)
def test_anything_else_is_left_to_jinja(text: str) -> None:
    """A shape that is not among the few has no plain function, also where it stands inside one that has."""
    assert _plain(text) is None
    assert _plain(f"not ({text})") is None
    assert _plain(f"learner.two | default({text})") is None


def test_what_is_python_s_own_is_out_of_reach() -> None:
    """The short way to a record's values leads to its values only, and to none whose name begins with a line."""
    record = Record({"_secret": "x", "open": "y"})
    assert ENV.getattr(record, "open") == "y"
    for inner in ("_secret", "_values", "__class__", "__init__", "__slots__"):
        with pytest.raises(SecurityError):
            str(ENV.getattr(record, inner))
    with pytest.raises(UndefinedError, match="no attribute 'nothing'"):
        str(ENV.getattr(record, "nothing"))
