"""What steps and questions of earlier revisions are called now, so that nobody gets a renamed tip twice."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TypeVar

from drip.errors import Refused
from drip.people import Facts
from drip.plan.model import Mail, Plan

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Renames:
    """Every id that a course has had and lost to another: old id → today's, for steps and for questions.

    It grows with each publish, so that `renamed_from` may leave the file once it was published.
    """

    steps: Mapping[str, str] = field(default_factory=dict)
    questions: Mapping[str, str] = field(default_factory=dict)

    def step(self, old: str) -> str:
        """What the step is called now."""
        return self.steps.get(old, old)


def renamed_by(new: Plan, *, current: Plan | None, before: Renames) -> Renames:
    """The renames once `new` follows `current`. A name that comes back where its heir has gone is the same step again.

    Raises Refused where an id that was renamed before would now mean a second step.
    """
    steps, questions = dict(before.steps), dict(before.questions)
    asked = [step.question.id for step in new.steps if isinstance(step, Mail) and step.question]
    _come_back(steps, [step.id for step in new.steps], new, "step")
    _come_back(questions, asked, new, "question")
    for mail in new.steps:
        if not isinstance(mail, Mail) or mail.renamed_from is None:
            continue
        _call(steps, mail.renamed_from, mail.id)
        was = current.step(mail.renamed_from) if current is not None else None
        if isinstance(was, Mail) and was.question and mail.question and was.question.id != mail.question.id:
            _call(questions, was.question.id, mail.question.id)
    return Renames(steps=steps, questions=questions)


def _come_back(names: dict[str, str], here: Collection[str], new: Plan, what: str) -> None:
    """Note which earlier ids are in use again, and that what they had become is called by them."""
    for old in sorted(names):
        heir = names.get(old, old)
        if old in here and heir in here and heir != old:
            raise Refused(
                f'{new.course_id}: the id "{old}" was that of "{heir}" before; give the new {what} another id, '
                "or nobody could tell who has had which"
            )
        if old in here:
            _call(names, heir, old)


def _call(names: dict[str, str], old: str, new: str) -> None:
    """Note that `old` is called `new`, and so is whatever was called `old` by now."""
    for earlier, now in list(names.items()):
        if now == old:
            names[earlier] = new
    names[old] = new
    names.pop(new, None)


def called_now(facts: Facts, names: Renames) -> Facts:
    """The facts under today's names: what was sent, opened, clicked and answered under an earlier one."""
    if not names.steps and not names.questions:
        return facts
    asked = names.questions
    sent = _times(facts.sent, names.steps, which=max)
    return replace(
        facts,
        sent=sent,
        earlier=(*facts.earlier, *(at for name, at in facts.sent.items() if at != sent[names.step(name)])),
        opened=_times(facts.opened, names.steps),
        clicked=_times(facts.clicked, names.steps),
        answers={
            name: tuple(sorted(rows, key=lambda one: one.at)) for name, rows in _rows(facts.answers, asked).items()
        },
        offered={name: tuple(sorted(rows)) for name, rows in _rows(facts.offered, asked).items()},
    )


def _times(
    times: Mapping[str, datetime], names: Mapping[str, str], *, which: Callable[[datetime, datetime], datetime] = min
) -> dict[str, datetime]:
    """The earliest, or the last, under each name."""
    found: dict[str, datetime] = {}
    for name, at in times.items():
        now = names.get(name, name)
        found[now] = which(at, found.get(now, at))
    return found


def _rows(rows: Mapping[str, tuple[T, ...]], names: Mapping[str, str]) -> dict[str, tuple[T, ...]]:
    """All of each name together."""
    found: dict[str, tuple[T, ...]] = {}
    for name, several in rows.items():
        now = names.get(name, name)
        found[now] = (*found.get(now, ()), *several)
    return found
