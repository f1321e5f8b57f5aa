"""All advice on a course, in the order of its lines. To add a family: write its file, and name it in FAMILIES."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from drip.check.deliverability import deliverability
from drip.check.learning import learning
from drip.check.placeholders import about_placeholders
from drip.check.structure import structure
from drip.course.model import Course
from drip.errors import Mistake
from drip.plan.model import Plan

FAMILIES: tuple[Callable[[Course, Plan], Iterator[Mistake]], ...] = (
    structure,
    about_placeholders,
    learning,
    deliverability,
)


def advise(course: Course, plan: Plan) -> tuple[Mistake, ...]:
    """What could be better in a course that is valid; each has severity `warning`, a place and a hint."""
    found = [mistake for family in FAMILIES for mistake in family(course, plan)]
    return tuple(sorted(found, key=lambda m: (m.line, m.column, m.rule)))
