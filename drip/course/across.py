"""What must hold across the fields of a course: ids are unique, and every name in a condition is one that exists.

It reads the tree and not the models, so that a typo in one tip hides no mistake in another.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from difflib import get_close_matches

from drip.course.expressions import Names, parse_condition, parse_text
from drip.course.links import Link, links
from drip.course.positions import Node, Row, Scalar, Source, Span, Table
from drip.course.values import LONGEST_PROSE
from drip.errors import ExpressionError, Mistake

#: A name costs about 10 µs to compare: a second for a course in which everything is wrong.
MOST_COMPARED = 100_000
#: So many names fit under a message.
FEW_NAMES = 8

_TIP_CALLS = ("sent", "opened", "clicked")
_QUESTION_CALLS = ("answered", "correct")
_TEMPLATES = ("subject", "preheader", "body")


@dataclass(slots=True)
class _Index:
    """What a course's conditions may name. `compared` counts names that were held against a mistaken one."""

    tips: dict[str, Table] = field(default_factory=dict)
    questions: dict[str, Table] = field(default_factory=dict)
    skills: set[str] = field(default_factory=set)
    compared: int = 0

    def meant(self, name: str, known: dict[str, Table] | set[str]) -> str:
        """A hint: the known name that is nearest, or all of them where they are few."""
        if self.compared + len(known) > MOST_COMPARED:
            return ""
        self.compared += len(known)
        if close := get_close_matches(name[:80], sorted(known), n=1):
            return f'did you mean "{close[0]}"?'
        return f"there are: {', '.join(sorted(known))}" if 0 < len(known) <= FEW_NAMES else ""


def across(source: Source, tree: Table) -> Iterator[Mistake]:
    """Every mistake that can only be seen by looking at more than one field."""
    index = _Index()
    steps = list(_steps(tree.get("steps")))
    for step in steps:
        yield from _collect(source, index, step)
    if steps and not index.tips:
        yield source.mistake(tree.keys_at["steps"], "no-tips", "a course without a tip mails nothing", "add a tip:")
    timing = tree.get("timing")
    for table in [timing, *steps]:
        if isinstance(table, Table) and "at" in table and "between" in table:
            hint = "keep one of them"
            yield source.mistake(
                table.keys_at["between"], "at-and-between", '"at" and "between" exclude each other', hint
            )
    for step in steps:
        if "tip" in step:
            yield from _tip(source, step)
    for scalar, names in _uses(tree, steps):
        for function, name in sorted(names.calls):
            yield from _reference(source, index, scalar, function, name)


def _steps(node: Node | None) -> Iterator[Table]:
    for item in node if isinstance(node, Row) else ():
        if isinstance(item, Table):
            yield item
            yield from _steps(item.get("then"))
            yield from _steps(item.get("else"))


def _collect(source: Source, index: _Index, step: Table) -> Iterator[Mistake]:
    tip, question = step.get("tip"), step.get("question")
    if not isinstance(tip, Scalar):
        return
    if tip.text in index.tips:
        yield _twice(source, tip, "tip", index.tips[tip.text]["tip"].span)
    index.tips.setdefault(tip.text, step)
    if (skill := _text(step.get("skill"))) and question is not None:
        index.skills.add(skill.strip())
    if isinstance(question, Table):
        named = question.get("id", tip)
        id_ = named if isinstance(named, Scalar) else tip
        known = index.questions.get(id_.text)
        if known is not None and (known is not step or id_ is not tip):
            first = known["question"]
            yield _twice(source, id_, "question", first.span)
        index.questions.setdefault(id_.text, step)


def _twice(source: Source, scalar: Scalar, what: str, first: Span) -> Mistake:
    hint = f"first in line {source.line(first)}; give one of them another id"
    return source.mistake(scalar.span, "duplicate-id", f'two {what}s are called "{scalar.text}"', hint)


def _tip(source: Source, tip: Table) -> Iterator[Mistake]:
    """What must hold inside one tip: its texts are there, its variants differ, one option is right."""
    name = _text(tip.get("tip")) or "?"
    variants = [v for v in _items(tip.get("variants")) if isinstance(v, Table)]
    for key in ("subject", "body"):
        if key not in tip and not (variants and all(key in variant for variant in variants)):
            missing = f'"{key}" is missing in tip "{name}"'
            if key == "body" and "body_file" in tip:
                continue  # refused by name already
            yield source.mistake(tip.keys_at["tip"], "missing-key", missing, f"write {key}: …")
    names: set[str] = set()
    for variant in variants:
        called = variant.get("name")
        if isinstance(called, Scalar):
            if called.text in names:
                message = f'two variants of tip "{name}" are called "{called.text}"'
                yield source.mistake(called.span, "duplicate-id", message, "give one of them another name")
            names.add(called.text)
    question = tip.get("question")
    options = _items(question.get("options") if isinstance(question, Table) else None)
    right = [o["correct"] for o in options if isinstance(o, Table) and _value(o.get("correct")) is True]
    if options and not right and isinstance(question, Table):
        message = f'no option of the question of tip "{name}" is correct'
        yield source.mistake(question.keys_at["options"], "bad-options", message, "mark one with correct: true")
    for extra in right[1:]:
        message = f'more than one option of the question of tip "{name}" is correct'
        yield source.mistake(extra.span, "bad-options", message, "exactly one option has correct: true")
    yield from _same_options(source, name, options)


def _same_options(source: Source, name: str, options: list[Node]) -> Iterator[Mistake]:
    seen: set[str] = set()
    for option in options:
        text = option.get("text") if isinstance(option, Table) else None
        if isinstance(text, Scalar):
            if text.text.strip() in seen:
                message = f'two options of the question of tip "{name}" say the same'
                yield source.mistake(text.span, "bad-options", message, "a learner cannot tell them apart")
            seen.add(text.text.strip())


def _uses(tree: Table, steps: list[Table]) -> Iterator[tuple[Scalar, Names]]:
    """Every text that may hold conditions, with the names it uses; what cannot be read is complained of elsewhere."""
    start = tree.get("start")
    conditions = [start.get("when") if isinstance(start, Table) else None]
    templates: list[Node | None] = []
    for step in steps:
        wait = step.get("wait")
        conditions += [step.get("when"), step.get("if"), wait.get("until") if isinstance(wait, Table) else None]
        for said in [step, *_items(step.get("variants"))]:
            if isinstance(said, Table):
                templates += [said.get(key) for key in _TEMPLATES]
                button = said.get("button")
                templates += [button.get(key) for key in ("text", "url")] if isinstance(button, Table) else []
    for read, nodes in ((parse_condition, conditions), (parse_text, templates)):
        for node in nodes:
            if isinstance(node, Scalar) and isinstance(node.value, str):
                try:
                    yield node, read(node.text)
                except ExpressionError:
                    continue


def _reference(source: Source, index: _Index, scalar: Scalar, function: str, name: str) -> Iterator[Mistake]:
    found = re.search(rf"\b{function}\s*\(\s*['\"]({re.escape(name)})['\"]", scalar.text)
    span = source.within(scalar, found.start(1), len(name)) if found else scalar.span
    if function in _TIP_CALLS:
        if name not in index.tips:
            yield source.mistake(span, "unknown-step", f'no tip is called "{name}"', index.meant(name, index.tips))
        elif function == "clicked" and not _clickable(index.tips[name]):
            hint = 'give it a button, or ask for opened("…") or answered("…")'
            yield source.mistake(span, "no-link", f'tip "{name}" has no link and no button to click', hint)
    elif function in _QUESTION_CALLS and name not in index.questions:
        if name in index.tips:
            hint = index.meant(_question_id(index.tips[name]), index.questions) or "give it a question"
            yield source.mistake(span, "no-question", f'tip "{name}" has no question of that id', hint)
        else:
            message = f'no question is called "{name}"'
            yield source.mistake(span, "unknown-question", message, index.meant(name, index.questions))
    elif function == "mastered" and name not in index.skills:
        message = f'no tip with a question trains the skill "{name}"'
        yield source.mistake(span, "unknown-skill", message, index.meant(name, index.skills))


def _question_id(tip: Table) -> str:
    question = tip.get("question")
    return _text(question.get("id")) if isinstance(question, Table) else ""


def _clickable(tip: Table) -> bool:
    for said in [tip, *_items(tip.get("variants"))]:
        if isinstance(said, Table):
            button, body = said.get("button"), _text(said.get("body"))
            if isinstance(button, Table) and Link(url=_text(button.get("url"))).counts_clicks:
                return True
            if len(body) <= LONGEST_PROSE and any(link.counts_clicks for link in links(body)):
                return True
    return False


def _items(node: Node | None) -> list[Node]:
    return list(node) if isinstance(node, Row) else []


def _text(node: Node | None) -> str:
    return node.text if isinstance(node, Scalar) else ""


def _value(node: Node | None) -> object:
    return node.value if isinstance(node, Scalar) else None
