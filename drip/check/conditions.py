"""Conditions: what they ask too early, what nobody meets, and where an open decides something."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from drip.check.draft import Draft, Telling
from drip.check.finding import Finding
from drip.check.never import always_true, never_true
from drip.course.expressions import parse_condition, parse_text
from drip.course.positions import Path
from drip.plan.model import Branch, Mail, Plan, Step

_ABOUT_TIPS = ("sent", "opened", "clicked")
_ABOUT = (*_ABOUT_TIPS, "answered", "correct")
#: The step of a condition that belongs to the whole course.
_ALL = "*"


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a condition or a text asks about: its calls, the step that it belongs to, and how to tell of it."""

    calls: tuple[tuple[str, str], ...]
    step: str
    find: Callable[[str, str], Finding]


def _asked(draft: Draft) -> Iterator[_Asked]:
    """The conditions, but for those that are asked again and again while the course goes on, and the texts."""
    for path, text, step in draft.conditions:
        if calls := parse_condition(text).calls:
            place = partial(_in_condition, path)
            lasting = path[0] in ("goal", "stop", "hold_while")
            yield _Asked(tuple(sorted(calls)), _ALL if lasting else step.id if step else "", place)
    for told, key in draft.saying("subject", "preheader", "body"):
        text = getattr(told.texts, key)
        if "{%" in text and (calls := parse_text(text).calls):
            yield _Asked(tuple(sorted(calls)), told.mail.id, partial(_in_text, draft, told, key))


def _in_condition(path: Path, message: str, needle: str) -> Finding:
    return Finding(message=message, path=path, needle=needle)


def _in_text(draft: Draft, told: Telling, key: str, message: str, needle: str) -> Finding:
    return told.finding(draft, message, key, needle=needle)


def opens(draft: Draft) -> Iterator[Finding]:
    measured = draft.plan.tracking.opens != "never"
    decides = "decides here" if measured else "is always false here: opens are not measured (`opens: never`)"
    for asked in _asked(draft):
        for function, tip in asked.calls:
            if function == "opened":
                yield asked.find(f'opened("{tip}") {decides}', f'opened("{tip}")')


def too_early(draft: Draft) -> Iterator[Finding]:
    """Nobody has clicked on what comes later, or on the other way: such a condition is the same for everybody."""
    plan = draft.plan
    mails = {step.id: step for step in plan.steps if isinstance(step, Mail)}
    bits = {id_: 1 << number for number, id_ in enumerate(mails)}
    owner = {asked.id: id_ for id_, mail in mails.items() for asked in (mail.question, mail.survey) if asked}
    before: dict[str, int] | None = None
    for asked in _asked(draft):
        about = [(function, name) for function, name in asked.calls if function in _ABOUT]
        if not about or asked.step == _ALL:
            continue
        before = _before(plan, bits) if before is None else before
        for function, name in about:
            tip = name if function in _ABOUT_TIPS else owner.get(name)
            if tip in bits and not before.get(asked.step, 0) & bits[tip]:
                message = f'{function}("{name}") is always false here: tip "{tip}" has not been sent by then'
                yield asked.find(message, name)


def _before(plan: Plan, bits: dict[str, int]) -> dict[str, int]:
    """Step → the bits of the mails that some learner may have been sent before it. Plans only jump forward."""
    found = {step.id: 0 for step in plan.steps}
    for step in plan.steps:
        sent = found[step.id] | bits.get(step.id, 0)
        for after in next_ids(step):
            if after in found:
                found[after] |= sent
    return found


def next_ids(step: Step) -> list[str]:
    """The ids of the steps that may follow."""
    ways = [step.then, step.otherwise] if isinstance(step, Branch) else [step.then]
    return [way for way in ways if way is not None]


def never(draft: Draft) -> Iterator[Finding]:
    for path, text, step in draft.conditions:
        if isinstance(step, Branch):
            continue  # its steps are told of instead
        if never_true(text, draft.enclosing(path)):
            tip = isinstance(step, Mail)
            what = f'tip "{step.id}" is sent to nobody' if tip and step else "this is true for nobody"
            yield Finding(message=f"{what}: the condition contradicts itself or what was decided before", path=path)


def unreachable(draft: Draft) -> Iterator[Finding]:
    for path, text, step in draft.conditions:
        if not isinstance(step, Branch):
            continue
        above = path[:-1]
        if never_true(text, draft.enclosing(path)):
            yield _nobody(draft, (*above, "then"), "is never true")
        elif step.otherwise is not None and always_true(text):
            yield _nobody(draft, (*above, "else"), "is always true")


def _nobody(draft: Draft, way: Path, why: str) -> Finding:
    first = draft.step_at((*way, 0))
    return Finding(message=f'nobody reaches "{first}": the condition of its `if` {why}', path=way, key=True)
