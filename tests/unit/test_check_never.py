"""Which conditions nobody meets, and which everybody does, found without a learner."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drip.check.never import always_true, never_true
from drip.course.expressions import holds, variables
from drip.people import Answer, Facts, Learner


@pytest.mark.parametrize(
    "text",
    [
        'learner.plan == "a" and learner.plan == "b"',
        'learner.plan == "a" and learner.plan != "a"',
        '"a" == learner.plan and learner.plan == "b"',
        'learner.plan in ["a", "b"] and learner.plan == "c"',
        'learner.plan in ["a", "b"] and learner.plan in ["c"]',
        "score() > 1",
        "score() < 0",
        "score() >= 1.01",
        "score() == 2",
        "1 < score()",
        "score() > 0.8 and score() < 0.5",
        "score() > 0.5 and score() <= 0.5",
        "0.8 < score() < 0.5",
        "learner.seats > 10 and learner.seats < 5",
        "learner.seats == 3 and learner.seats > 5",
        "enrolment.run < 1",
        'clicked("a") and not clicked("a")',
        'not (clicked("a") or not clicked("a"))',
        'correct("a") and not answered("a")',
        'clicked("a") and not sent("a")',
        "false",
        'clicked("a") and false',
        '(score() > 1 or score() < 0) and clicked("a")',
    ],
)
def test_nobody_meets_these(text: str) -> None:
    """A contradiction between two claims about one thing, also behind brackets and `not`, or against what can be."""
    assert never_true(text)


@pytest.mark.parametrize(
    "text",
    [
        'learner.plan == "a" or learner.plan == "b"',
        'learner.plan != "a" and learner.plan != "b"',
        'learner.plan == "a" and learner.status == "b"',
        'learner.plan in ["a", "b"] and learner.plan != "a"',
        "score() >= 1",
        "score() > 0.5 and score() <= 0.8",
        "score() > 1 or clicked('a')",
        "not score() > 0.5 and not score() <= 0.5",  # before any answer there is no score
        "learner.seats > 5 and learner.seats < 10",
        'clicked("a") and not clicked("b")',
        'answered("a") and not correct("a")',
        'sent("a") and not clicked("a")',
        "learner.seats > learner.desks and learner.seats < learner.desks",
        "enrolment.run == 1",
        "true",
    ],
)
def test_somebody_meets_these(text: str) -> None:
    """What one learner can meet is left in peace, and so is what cannot be decided without one."""
    assert not never_true(text)


def test_what_was_decided_before_still_holds() -> None:
    """Whoever went the way of those who clicked has clicked; an attribute may have changed meanwhile."""
    assert never_true('not clicked("a")', ['clicked("a")'])
    assert never_true('not answered("a")', ['correct("a") and clicked("b")', 'answered("a")'])
    assert not never_true('learner.plan == "b"', ['learner.plan == "a"'])
    assert not never_true("score() < 0.5", ["score() > 0.5"])
    assert not never_true('not clicked("a")', ['clicked("a") or clicked("b")'])


def test_everybody_meets_these() -> None:
    """The opposite of a contradiction."""
    assert always_true('clicked("a") or not clicked("a")')
    assert always_true("true")
    assert not always_true("score() <= 1")  # false before any answer
    assert not always_true('clicked("a")')


def test_many_ways_are_taken_as_possible() -> None:
    """A condition that would take long to take apart is left in peace at once."""
    many = " and ".join(f'(clicked("a{n}") or clicked("b{n}"))' for n in range(20))
    assert not never_true(f"{many} and score() > 1")


_ATOMS = st.sampled_from(
    [
        'clicked("a")', 'sent("a")', 'answered("q")', 'correct("q")', "score() > 0.5", "score() < 0.5", "score() == 1",
        'learner.plan == "a"', 'learner.plan == "b"', 'learner.plan != "a"', 'learner.plan in ["a", "c"]',
        "learner.seats > 3", "learner.seats <= 3", "3 < learner.seats < 9", "learner.seats", "true", "false",
    ]
)  # fmt: skip
_CONDITIONS = st.recursive(
    _ATOMS,
    lambda inner: st.one_of(
        inner.map(lambda one: f"not ({one})"),
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(
            lambda parts: f"({parts[0]}) {parts[1]} ({parts[2]})"
        ),
    ),
    max_leaves=6,
)
_NOW = datetime(2026, 11, 24, tzinfo=UTC)


@given(
    text=_CONDITIONS,
    plan=st.sampled_from([None, "a", "b", "c"]),
    seats=st.sampled_from([None, 0, 3, 4, 9]),
    answer=st.sampled_from([None, True, False]),
    clicked=st.booleans(),
)
def test_no_learner_proves_it_wrong(
    text: str, plan: str | None, seats: int | None, answer: bool | None, clicked: bool
) -> None:
    """Whatever is called impossible is false for every learner that could be, and the other way round."""
    attributes = {key: value for key, value in {"plan": plan, "seats": seats}.items() if value is not None}
    answers = {} if answer is None else {"q": (Answer(at=_NOW, correct=answer, option=0),)}
    facts = Facts(
        sent={"a": _NOW} if clicked else {},
        clicked={"a": _NOW - timedelta(hours=1)} if clicked else {},
        answers=answers,
    )
    seen = variables(
        learner=Learner(id=1, ref="r", email="a@b.example", attributes=attributes),
        course={},
        run=1,
        facts=facts,
        now=_NOW,
        skills={},
    )
    if holds(text, seen):
        assert not never_true(text)
    else:
        assert not always_true(text)
