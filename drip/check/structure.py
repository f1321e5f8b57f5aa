"""Advice on the structure of a course: conditions that cannot do what they say, and gaps that mean something else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from drip.course.expressions import parse_condition
from drip.course.model import Course, If, Tip, Wait
from drip.course.placeholders import placeholders
from drip.course.positions import Path
from drip.course.timing import Gap, Unit, clock_text
from drip.errors import Mistake
from drip.plan.model import Mail, Plan

_ABOUT_TIPS = ("sent", "opened", "clicked")
_ABOUT_QUESTIONS = ("answered", "correct")
_ELAPSING = (Unit.HOURS, Unit.MINUTES)


def structure(course: Course, plan: Plan) -> Iterator[Mistake]:
    """Opens that decide something, conditions on what comes later, and hours that end in a time of day."""
    asked = list(_conditions(course))
    for one in asked:
        yield from _opens(course, one)
        yield from _too_early(course, plan, one)
    yield from _hours(course)
    yield from _unfilled(course)


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


def _unfilled(course: Course) -> Iterator[Mistake]:
    """Placeholders are filled in the subject, preheader, body and button; elsewhere the learner sees the braces."""
    places: list[tuple[Path, str | None]] = [(("title",), course.title), (("sender", "name"), course.sender.name)]
    for path, step in course.walk():
        if not isinstance(step, Tip):
            continue
        places.append(((*path, "objective"), step.objective))
        if step.question:
            places.append(((*path, "question", "ask"), step.question.ask))
            for number, option in enumerate(step.question.options):
                where = (*path, "question", "options", number)
                places += [((*where, "text"), option.text), ((*where, "because"), option.because)]
    for place, text in places:
        if text and (span := next(placeholders(text), None)):
            message = "placeholders are not filled here: the learner sees the braces"
            hint = "they work in subject, preheader, body and button"
            yield course.advice(place, "unfilled-placeholder", message, hint, needle=text[slice(*span)])
