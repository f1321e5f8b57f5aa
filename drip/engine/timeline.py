"""A course as a timeline: every step in reading order, with what decides when it comes, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise

from jinja2 import TemplateError

from drip.course.expressions import environment
from drip.course.model import Course
from drip.course.timing import ALL_DAYS, DAY_NAMES, Gap, Rule, clock_text, gap_text, limit_text, window_text
from drip.engine.preview import seen_by
from drip.errors import DripError
from drip.people import Learner
from drip.plan.choice import choose
from drip.plan.model import Award, Branch, Mail, Notify, Plan, Step, Wait
from drip.render.cards import RECAP
from drip.render.words import Words
from drip.schedule.simulate import Row, simulate

#: A course with more mails than this is shown without its times: to work them out would take a second.
MOST_TIMED = 100
#: What a step of the plan is in a timeline; a mail may also be a survey.
_KINDS = {Mail: "tip", Wait: "wait", Branch: "if", Notify: "notify", Award: "award"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """One row of a timeline. `id` is the step's, "" for a row that is none (`then`, `otherwise`, `begin`, `end`).

    `kind` is tip, survey or recap (those are mails), wait, if, then, otherwise, notify, award, begin or end. `title` is
    a mail's subject, or the condition or name of another step; `words` say when it comes, `only` what it depends on.
    `depth` counts the branches that it stands in; `place` is "3 of 8" for a tip.
    """

    id: str = ""
    kind: str
    title: str = ""
    words: str = ""
    only: tuple[str, ...] = ()
    depth: int = 0
    place: str = ""
    variants: int = 1

    @property
    def is_mail(self) -> bool:
        """Whether there is a message to look at."""
        return self.kind in ("tip", "survey", "recap")


def stops(course: Course, plan: Plan, learner: Learner, language: str, words: Words, now: datetime) -> list[Stop]:
    """The rows of a course in one language, as a learner who is enrolled now reads them."""
    sees = seen_by(plan, learner, now)
    rows = [_begin(plan)]
    before: tuple[str | int, ...] = ()
    for (path, _), step in zip(course.walk(), plan.steps, strict=True):
        depth = sum(part in ("then", "else") for part in path)
        if depth and path[:-1] != before[: len(path) - 1]:  # the first of its branch
            rows.append(Stop(kind="then" if path[-2] == "then" else "otherwise", depth=depth - 1))
        before = path
        title = ""
        if isinstance(step, Mail):
            variant = choose(step.variants, course_id=plan.course_id, step=step.id, ref=learner.ref)
            title = filled(variant.texts_in(language).subject, sees)
        rows.append(replace(_stop(step, title), depth=depth))
    rows.append(_end(plan))
    if plan.reviews is not None and any(isinstance(step, Mail) and step.question for step in plan.steps):
        rows.append(Stop(id=RECAP, kind="recap", title=words.recap_subject, words=_reviews(plan)))
    return rows


def expected(plan: Plan, learner: Learner, now: datetime) -> Mapping[str, Row]:
    """Step → its row in the life of a learner who is enrolled now and only reads; nothing where that cannot be said."""
    if sum(isinstance(step, Mail) for step in plan.steps) > MOST_TIMED:
        return {}
    found: dict[str, Row] = {}
    try:
        for row in simulate(plan, learner, start=now):
            found.setdefault(row.step, row)
    except DripError:  # a condition asks for what this learner does not have: the check tells of it
        return {}
    return found


def when_words(gap: Gap, rule: Rule, *, first: bool = False) -> str:
    """When a mail comes, in the words of the course file: `after 1 day · at 09:00 · mon–fri`."""
    at_once = "first mail" if first else "straight after the mail before"
    parts = [f"after {gap_text(gap)}" if gap.count else at_once]
    if rule.at is not None:
        parts.append(f"at {clock_text(rule.at)}")
    elif rule.between is not None:
        parts.append(f"between {window_text(rule.between).replace('-', '–')}")
    if rule.days != ALL_DAYS:
        parts.append(_days(rule.days))
    if rule.holidays:
        parts.append(f"no holidays ({rule.holidays})")
    return " · ".join(parts)


def _days(days: frozenset[int]) -> str:
    """`mon–fri`, `tue, thu`."""
    listed = sorted(days)
    names = [DAY_NAMES[day][:3] for day in listed]
    in_a_row = len(listed) > 2 and all(after - before == 1 for before, after in pairwise(listed))
    return f"{names[0]}–{names[-1]}" if in_a_row else ", ".join(names)


def _stop(step: Step, title: str) -> Stop:
    kind = _KINDS[type(step)]
    match step:
        case Mail():
            only = [f"only if {step.when}"] if step.when else []
            if step.stale_after:
                only.append(f"skipped when more than {gap_text(step.stale_after)} late")
            if step.renamed_from:
                only.append(f"was {step.renamed_from}")
            return Stop(
                id=step.id,
                kind="survey" if step.survey else kind,
                title=title,
                words=when_words(step.first_gap if step.number == 1 else step.gap, step.rule, first=step.number == 1),
                only=tuple(only),
                place=f"{step.number} of {step.of}",
                variants=len(step.variants),
            )
        case Wait():
            return Stop(id=step.id, kind=kind, title=step.until, words=f"at most {gap_text(step.at_most)}")
        case Branch():
            return Stop(id=step.id, kind=kind, title=step.condition)
        case Notify() | Award():
            return Stop(id=step.id, kind=kind, title=step.name)


def filled(text: str, sees: Mapping[str, object]) -> str:
    """A subject as this learner reads it, or as it is written where they lack a value."""
    if "{" not in text:
        return text
    try:
        return environment(autoescape=False).from_string(text).render(sees)
    except (TemplateError, DripError, TypeError, ValueError, ArithmeticError):
        return text


def _begin(plan: Plan) -> Stop:
    """How people come in."""
    start = plan.start
    if start.event:
        title = f'event "{start.event}"'
    elif start.date:
        days = abs(start.offset_days)
        apart = f"{days} {'day' if days == 1 else 'days'} {'before' if start.offset_days < 0 else 'after'} "
        title = f"{apart if days else 'on '}learner.{start.date}"
    else:
        title = "enrolled by import or by hand"
    only = [f"only if {start.when}"] if start.when else []
    if plan.holdout:
        only.append(f"{plan.holdout:.0%} are held out and get nothing")
    return Stop(kind="begin", title=title, only=tuple(only))


def _end(plan: Plan) -> Stop:
    """What ends or holds the course, besides its last step."""
    said: Sequence[str | None] = (
        plan.goal and f"earlier, as a success, if {plan.goal}",
        plan.stop and f"earlier, quietly, if {plan.stop}",
        plan.hold_while and f"held while {plan.hold_while}",
        f"paused after {plan.silent_after} mails without a sign of life" if plan.silent_after else None,
        f"at most {limit_text(plan.limit)}" if plan.limit else None,
        f"a tip more than {gap_text(plan.stale_after)} late is skipped" if plan.stale_after else None,
    )
    return Stop(kind="end", title="the course is finished", only=tuple(filter(None, said)))


def _reviews(plan: Plan) -> str:
    """When questions come back: `6 and 20 days after their tip, 2 a mail`."""
    assert plan.reviews is not None
    days = [str(number) for number in plan.reviews.after_days]
    listed = " and ".join(filter(None, (", ".join(days[:-1]), days[-1])))
    unit = "day" if days == ["1"] else "days"
    return f"{listed} {unit} after their tip, {plan.reviews.per_email} a mail, if no tip takes them along"
