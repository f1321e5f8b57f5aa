"""Which events a plan asks about, in its conditions and in its texts."""

from __future__ import annotations

from collections.abc import Iterator

from drip.course.expressions import parse_condition, parse_text
from drip.plan.model import Branch, Mail, Plan, Wait


def events_used(plan: Plan) -> frozenset[str]:
    """The names in `event("…")` anywhere in the plan, and of the event that begins it."""
    asked = {
        name for text in _conditions(plan) for function, name in parse_condition(text).calls if function == "event"
    }
    told = {name for text in _texts(plan) for function, name in parse_text(text).calls if function == "event"}
    return frozenset(asked | told | ({plan.start.event} if plan.start.event else set()))


def _conditions(plan: Plan) -> Iterator[str]:
    said = [plan.goal, plan.stop, plan.hold_while, plan.start.when]
    for step in plan.steps:
        match step:
            case Mail():
                said.append(step.when)
            case Wait():
                said.append(step.until)
            case Branch():
                said.append(step.condition)
            case _:
                pass
    return (text for text in said if text is not None)


def _texts(plan: Plan) -> Iterator[str]:
    for step in plan.steps:
        for variant in step.variants if isinstance(step, Mail) else ():
            for said in (variant.texts, *variant.translations.values()):
                yield from (said.subject, said.preheader, said.body)
