"""All advice on a course, in the order of its lines. To add a rule: write it into its family's list."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace

from drip.check.accessibility import ACCESSIBILITY
from drip.check.deliverability import DELIVERABILITY
from drip.check.draft import Draft
from drip.check.finding import Finding
from drip.check.guessable import GUESSABLE
from drip.check.ignoring import Ignore, ignores, problem
from drip.check.language import LANGUAGE
from drip.check.layouts import LAYOUTS
from drip.check.learning import TIPS
from drip.check.places import Placed, placed
from drip.check.rendered import read_mail
from drip.check.rule import Rule
from drip.check.structure import STRUCTURE
from drip.course.model import Course
from drip.course.positions import Source, Table
from drip.errors import Mistake
from drip.plan.model import Plan
from drip.render.cards import card_step
from drip.render.message import Template


def _none(draft: Draft) -> Iterator[Finding]:
    """These are found once everything else is: see `advise`."""
    return iter(())


IGNORING: tuple[Rule, ...] = (
    Rule(
        id="unknown-rule",
        family="ignoring",
        why="A comment that names no rule ignores nothing.",
        instead="write # drip: ignore=RULE and why; every message names its rule",
        find=_none,
    ),
    Rule(
        id="no-reason",
        family="ignoring",
        why="Next year nobody knows whether it still holds; so a comment without a reason ignores nothing.",
        instead="write the reason after the rule",
        find=_none,
    ),
    Rule(
        id="ignores-nothing",
        family="ignoring",
        why="What was ignored has been mended or moved, and the comment would hide the next one.",
        instead="take the comment away, or put it on the line of the finding or the line above",
        find=_none,
    ),
)

#: Every rule, family by family.
RULES: tuple[Rule, ...] = (
    *STRUCTURE, *TIPS, *GUESSABLE, *LANGUAGE, *ACCESSIBILITY, *DELIVERABILITY, *LAYOUTS, *IGNORING,
)  # fmt: skip
#: No line: a comment for the whole file.
WHOLE = 0
#: A question that comes back is a part of a mail and no mail.
_CARD = card_step("")
_BY_ID = {rule.id: rule for rule in RULES}


def advise(course: Course, plan: Plan, templates: Sequence[Template] = (), layout: str = "") -> tuple[Mistake, ...]:
    """What could be better in a course that is valid; each with its rule, place, reason and what to write instead.

    `templates` are the course's compiled ones and `layout` the MJML that they were made in; without them, the rules on
    rendered mails and layouts find nothing. The hint's first line says why, its second what to write.
    """
    draft = Draft(
        course=course,
        plan=plan,
        mails=tuple(read_mail(one) for one in templates if not one.step.startswith(_CARD)),
        layout=_source(f"templates/{course.layout}.mjml", layout) if layout else None,
    )
    found = [placed(draft, rule, finding) for rule in RULES for finding in rule.find(draft)]
    found += [Placed(_explained(row), frozenset({(row.file, row.line)})) for row in course.missing]
    own = course.source.file
    kept = dict.fromkeys(_without_ignored(draft, found))
    return tuple(sorted(kept, key=lambda one: (one.file != own, one.file, one.line, one.column, one.rule)))


def _source(file: str, text: str) -> Source:
    return Source(file=file, text=text, starts=[0, *(found.end() for found in re.finditer(r"\r\n|\r|\n", text))])


def _explained(row: Mistake) -> Mistake:
    """What the parser says of a translation, with the reason that its rule gives."""
    return replace(row, hint=f"{_BY_ID[row.rule].why}\n{row.hint}") if row.rule in _BY_ID else row


def _without_ignored(draft: Draft, found: list[Placed]) -> Iterator[Mistake]:
    """What no comment leaves in peace, and what is wrong with the comments."""
    course = draft.course
    files: list[tuple[Source, Table | None]] = [(course.source, course.tree)]
    files += [(said.source, said.tree) for said in course.translations.values()]
    files += [(draft.layout, None)] if draft.layout is not None else []
    left = set(found)
    at: dict[tuple[str, str, int], set[Placed]] = defaultdict(set)
    for one in found:
        for file, line in one.lines:
            at[one.mistake.rule, file, line].add(one)
            at[one.mistake.rule, file, WHOLE].add(one)
    for source, tree in files:
        for comment in ignores(source, tree):
            if wrong := problem(comment, _BY_ID):
                yield _about(source, comment, *wrong)
                continue
            lines = (WHOLE,) if comment.top else (comment.line, comment.line + 1)
            hit = [one for line in lines for one in at.get((comment.rule, source.file, line), ())]
            if not hit:
                yield _about(source, comment, "ignores-nothing", f"{comment.rule} finds nothing here")
            left.difference_update(hit)
    yield from (one.mistake for one in found if one in left)


def _about(source: Source, comment: Ignore, rule: str, message: str, instead: str = "") -> Mistake:
    known = _BY_ID[rule]
    hint = f"{known.why}\n{instead or known.instead}"
    return source.mistake(comment.span, rule, message, hint, severity=known.severity)
