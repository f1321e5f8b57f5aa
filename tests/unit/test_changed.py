"""A value with some fields changed."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, datetime

import pytest

from drip.people import Enrolment, Facts, changed

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
ONE = Enrolment(
    id=1,
    learner_id=2,
    course_id="c",
    revision="r",
    enrolled_at=AT,
    reached_at=AT,
    next_step="a",
    target="t",
    waited=True,
)


@pytest.mark.parametrize("name", [one.name for one in fields(Enrolment)])
def test_it_is_what_the_standard_library_gives(name: str) -> None:
    """Each field alone; the value itself stays as it was."""
    before = replace(ONE)
    assert changed(ONE, **{name: "x"}) == replace(ONE, **{name: "x"})
    assert before == ONE
    assert changed(ONE) == ONE
    assert changed(ONE) is not ONE


def test_values_of_several_classes_keep_apart() -> None:
    """Facts have fields of their own."""
    assert changed(Facts(), sent={"a": AT}) == replace(Facts(), sent={"a": AT})


def test_a_field_that_there_is_not_is_an_error() -> None:
    """A slip of the pen changes nothing in silence."""
    with pytest.raises(KeyError, match="nxt_step"):
        changed(ONE, nxt_step="b")
