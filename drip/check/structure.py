"""Advice on the structure of a course: conditions, gaps and texts that mean something else than they seem to."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from drip.course.expressions import parse_condition
from drip.course.model import Course, If, Tip, Wait
from drip.course.positions import Node, Path, Row, Scalar, Table
from drip.course.timing import Gap, Unit, clock_text
from drip.errors import Mistake
from drip.plan.model import Mail, Plan

_ABOUT_TIPS = ("sent", "opened", "clicked")
_ABOUT_QUESTIONS = ("answered", "correct")
_TEXTS = ("title", "subject", "preheader", "objective", "body", "ask", "text", "because")
#: `#1` and not `# 1`: nobody begins a comment for colleagues without a space.
_HASH = re.compile(r"[ \t]+(#[^\s#][^\r\n]*)")
_ELAPSING = (Unit.HOURS, Unit.MINUTES)


def structure(course: Course, plan: Plan) -> Iterator[Mistake]:
    """Opens that decide something, conditions on what comes later, hours before a time of day, texts cut by a #."""
    asked = list(_conditions(course))
    for one in asked:
        yield from _opens(course, one)
        yield from _too_early(course, plan, one)
    yield from _hours(course)
    yield from _after_hash(course)


@dataclass(frozen=True, slots=True)
class _Asked:
    """A condition, where it stands, and the tips that stand before it in reading order."""

    path: Path
    text: str
    before: frozenset[str]


def _conditions(course: Course) -> Iterator[_Asked]:
    before: frozenset[str] = frozenset()
    if course.start_when is not None:
        yield _Asked(("start", "when"), course.start_when, before)
    for path, step in course.walk():
        match step:
            case Tip():
                if step.when is not None:
                    yield _Asked((*path, "when"), step.when, before)
                before |= {step.tip}
            case Wait():
                yield _Asked((*path, "wait", "until"), step.wait.until, before)
            case If():
                yield _Asked((*path, "if"), step.condition, before)


def _opens(course: Course, asked: _Asked) -> Iterator[Mistake]:
    for function, tip in sorted(parse_condition(asked.text).calls):
        if function == "opened":
            message = f'opened("{tip}") decides here, but many mail programs open every mail, or none, by themselves'
            hint = f'ask for clicked("{tip}") or answered("…")'
            yield course.advice(asked.path, "open-gates", message, hint, needle=f'opened("{tip}")')


def _too_early(course: Course, plan: Plan, asked: _Asked) -> Iterator[Mistake]:
    """Nobody has clicked on what comes later: such a condition is the same for everybody."""
    owner = {mail.question.id: mail.id for mail in plan.steps if isinstance(mail, Mail) and mail.question}
    for function, name in sorted(parse_condition(asked.text).calls):
        if function in _ABOUT_TIPS:
            tip = name
        elif function in _ABOUT_QUESTIONS:
            tip = owner[name]
        else:
            continue
        if tip not in asked.before:
            message = f'{function}("{name}") is always false here: tip "{tip}" has not been sent by then'
            hint = "ask about a tip that stands before"
            yield course.advice(asked.path, "asked-too-early", message, hint, needle=name)


def _hours(course: Course) -> Iterator[Mistake]:
    """`after: 24 hours` before `at: 09:00` is the day after the next morning."""
    if course.rule.at is not None and _elapses(course.every):
        yield _hours_advice(course, ("timing", "every"), course.every, course.rule.at)
    for path, step in course.walk():
        if isinstance(step, Tip) and step.after is not None and _elapses(step.after):
            at = step.at if step.at is not None or step.between is not None else course.rule.at
            if at is not None:
                yield _hours_advice(course, (*path, "after"), step.after, at)


def _elapses(gap: Gap) -> bool:
    return gap.unit in _ELAPSING and gap.count > 0


def _hours_advice(course: Course, path: Path, gap: Gap, at: int) -> Mistake:
    message = f"{gap.unit} pass first, and then the next {clock_text(at)} is waited for: often a day more than meant"
    return course.advice(path, "hours-then-at", message, 'count in days, such as "1 day"')


def _after_hash(course: Course) -> Iterator[Mistake]:
    """`subject: Tip #1` says `Tip`: without quotes, YAML reads a comment after a space and a #."""
    for table in _tables(course.tree):
        for key, node in table.items():
            if key in _TEXTS and isinstance(node, Scalar) and course.source.text[node.span[0]] not in "'\"|>":
                lost = _HASH.match(course.source.text, node.span[1])
                if lost:
                    message = f'the text ends before "{lost[1]}": a # after a space begins a comment'
                    hint = "put the text in quotes"
                    span = lost.span(1)
                    yield course.source.mistake(span, "lost-after-hash", message, hint, severity="warning")


def _tables(node: Node) -> Iterator[Table]:
    if isinstance(node, Table):
        yield node
    for child in node.values() if isinstance(node, Table) else node if isinstance(node, Row) else ():
        yield from _tables(child)
