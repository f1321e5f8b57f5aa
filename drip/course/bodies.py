"""Bodies that stand in files of their own, filled in where they belong: afterwards `body` is the text in any case."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from drip.course.files import Body
from drip.course.parts import Part
from drip.course.paths import resolved
from drip.course.steps import AnyStep, If, Survey, Tip

P = TypeVar("P", bound=Part)


def filled(part: P, bodies: Mapping[str, Body]) -> P:
    """A tip, variant or survey with the text of its `body_file`, its variants too."""
    changes: dict[str, object] = {}
    named = getattr(part, "body_file", None)
    if named is not None and (path := resolved("", named)) in bodies:
        changes["body"] = bodies[path or ""].scalar.text
    if variants := getattr(part, "variants", ()):
        changes["variants"] = tuple(filled(variant, bodies) for variant in variants)
    return part.model_copy(update=changes) if changes else part


def filled_steps(steps: tuple[AnyStep, ...], bodies: Mapping[str, Body]) -> tuple[AnyStep, ...]:
    """The steps, also those inside an `if`, with their bodies filled in."""
    return tuple(_filled(step, bodies) for step in steps) if bodies else steps


def _filled(step: AnyStep, bodies: Mapping[str, Body]) -> AnyStep:
    if isinstance(step, If):
        ways = {"then": filled_steps(step.then, bodies), "otherwise": filled_steps(step.otherwise, bodies)}
        return step.model_copy(update=ways)
    return filled(step, bodies) if isinstance(step, Tip | Survey) else step
