"""Two plans → what an author has changed: each edit of a step, and of the course, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum

from drip.course.timing import Rule, clock_text, days_text, gap_text, limit_text, window_text
from drip.plan.model import Award, Branch, Mail, Notify, Plan, Step, Wait
from drip.plan.renames import Renames
from drip.plan.unnamed import aligned, is_unnamed


class Kind(StrEnum):
    """What kind of edit it is."""

    #: A step that was not there.
    ADDED = "added"
    #: A step that is not there any more.
    REMOVED = "removed"
    #: The same step under another id.
    RENAMED = "renamed"
    #: The same step at another place among the others.
    MOVED = "moved"
    #: When it is due: its gap, its hours or its days; for a wait what it waits for, and how long.
    TIMING = "timing"
    #: Whether it is due at all: a tip's `when`, the condition of an `if`.
    CONDITION = "condition"
    #: What it says: any text, picture, question, variant or translation; a webhook's or a certificate's name.
    WORDS = "words"
    #: When anything is due: the course's zone, cap or `stale_after`.
    CLOCK = "clock"
    #: Who goes on: goal, stop, hold_while, silent.
    GATE = "gate"
    #: Anything else of the course, such as its title, sender or layout: in effect from the next mail on.
    COURSE = "course"


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """One change. `step` is today's id (for a removed one the old), "" for the course. `what` says it in words."""

    kind: Kind
    step: str
    what: str


def edits(old: Plan, new: Plan, names: Renames) -> tuple[Edit, ...]:
    """All edits that lead from `old` to `new`: the course's first, then step by step in the new order."""
    return (*_of_course(old, new), *_of_steps(old, new, names))


def _of_steps(old: Plan, new: Plan, names: Renames) -> Iterator[Edit]:
    names = aligned(old, new, names)
    before = {names.step(step.id): step for step in old.steps}
    moved = _moved([name for name in before if new.step(name)], [step.id for step in new.steps if step.id in before])
    for step in new.steps:
        was = before.get(step.id)
        if was is None:
            yield Edit(kind=Kind.ADDED, step=step.id, what=f"{_noun(step)} added")
            continue
        if was.id != step.id and not is_unnamed(was.id):
            yield Edit(kind=Kind.RENAMED, step=step.id, what=f"renamed from {was.id}")
        if step.id in moved:
            yield Edit(kind=Kind.MOVED, step=step.id, what="moved to another place")
        yield from _of_step(was, step)
    for name, step in before.items():
        if new.step(name) is None:
            yield Edit(kind=Kind.REMOVED, step=step.id, what=f"{_noun(step)} removed")


def _moved(before: Sequence[str], now: Sequence[str]) -> set[str]:
    """The ids that do not stand in the same order among the others."""
    blocks = SequenceMatcher(None, before, now, autojunk=False).get_matching_blocks()
    return set(now) - {name for block in blocks for name in now[block.b : block.b + block.size]}


def _of_step(was: Step, step: Step) -> Iterator[Edit]:
    match was, step:
        case Mail(), Mail():
            told = [*_gaps(was, step), *_rules(was.rule, step.rule)]
            if told:
                yield Edit(kind=Kind.TIMING, step=step.id, what="; ".join(told))
            if was.when != step.when:
                yield Edit(kind=Kind.CONDITION, step=step.id, what=f"when {_said(was.when)} → {_said(step.when)}")
            if said := ", ".join(_words(was, step)):
                yield Edit(kind=Kind.WORDS, step=step.id, what=f"{said} changed")
        case Wait(), Wait():
            told = [f"until {was.until} → {step.until}"] if was.until != step.until else []
            if was.at_most != step.at_most:
                told.append(f"at_most {gap_text(was.at_most)} → {gap_text(step.at_most)}")
            if told:
                yield Edit(kind=Kind.TIMING, step=step.id, what="; ".join(told))
        case Branch(), Branch():
            if was.condition != step.condition:
                what = f"if {was.condition} → {step.condition}"
                yield Edit(kind=Kind.CONDITION, step=step.id, what=what)
            if told := [*_gaps(was, step), *_rules(was.rule, step.rule)]:
                yield Edit(kind=Kind.TIMING, step=step.id, what="; ".join(told))
        case (Notify(name=before), Notify(name=now)) | (Award(name=before), Award(name=now)):
            if before != now:
                yield Edit(kind=Kind.WORDS, step=step.id, what=f"{before} → {now}")
        case _:
            yield Edit(kind=Kind.TIMING, step=step.id, what=f"was a {_noun(was)}, is a {_noun(step)}")


def _gaps(was: Mail | Branch, now: Mail | Branch) -> Iterator[str]:
    """The gap that counts; that of a first mail is told where it alone has changed."""
    if was.gap != now.gap:
        yield f"after {gap_text(was.gap)} → {gap_text(now.gap)}"
    elif was.first_gap != now.first_gap:
        yield f"after the enrolment {gap_text(was.first_gap)} → {gap_text(now.first_gap)}"


def _rules(was: Rule, now: Rule) -> Iterator[str]:
    if (was.at, was.between) != (now.at, now.between):
        yield f"{_hours(was)} → {_hours(now)}"
    if was.days != now.days:
        yield f"{days_text(was.days)} → {days_text(now.days)}"
    if was.holidays != now.holidays:
        yield f"holidays {was.holidays or 'none'} → {now.holidays or 'none'}"


def _hours(rule: Rule) -> str:
    if rule.at is not None:
        return f"at {clock_text(rule.at)}"
    return f"between {window_text(rule.between)}" if rule.between is not None else "at any hour"


#: What a mail says: field → what an author calls it. Timing, conditions and places are told apart.
_SAYS: Mapping[str, str] = {
    "variants": "texts", "question": "question", "questions": "translated questions", "survey": "survey",
    "surveys": "translated surveys", "objective": "objective",
    "objectives": "translated objectives", "skill": "skill", "stale_after": "stale_after",
}  # fmt: skip


def _words(was: Mail, now: Mail) -> Iterator[str]:
    for field, name in _SAYS.items():
        if getattr(was, field) != getattr(now, field):
            yield name


def _of_course(old: Plan, new: Plan) -> Iterator[Edit]:
    for kind, told in (
        (Kind.CLOCK, _differences(old, new, timezone=str, limit=limit_text, stale_after=gap_text)),
        (Kind.GATE, _differences(old, new, goal=str, stop=str, hold_while=str, silent_after=lambda n: f"{n} mails")),
    ):
        for what in told:
            yield Edit(kind=kind, step="", what=what)
    for field in (
        "title", "titles", "language", "languages", "sender", "layout", "start", "priority", "reviews", "tracking",
        "unsubscribe", "holdout",
    ):  # fmt: skip
        if getattr(old, field) != getattr(new, field):
            yield Edit(kind=Kind.COURSE, step="", what=f"{field} changed")
    if old.look and old.look != new.look:  # plans of old compilers do not say
        yield Edit(kind=Kind.COURSE, step="", what="the look of the mails changed")


def _differences(old: Plan, new: Plan, **words: object) -> Iterator[str]:
    for field, said in words.items():
        was, now = getattr(old, field), getattr(new, field)
        if was != now:
            assert callable(said)
            yield f"{field} {said(was) if was is not None else 'none'} → {said(now) if now is not None else 'none'}"


def _said(condition: str | None) -> str:
    return condition or "always"


def _noun(step: Step) -> str:
    match step:
        case Mail(survey=survey):
            return "survey" if survey is not None else "tip"
        case Wait():
            return "wait"
        case Branch():
            return "if"
        case Notify():
            return "notify"
        case Award():
            return "award"
