"""What must hold across the fields of a course: ids are unique, keys do not contradict each other, names exist.

It reads the tree and not the models, so that a typo in one tip hides no mistake in another.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise

from drip.course.attributes import Attribute
from drip.course.index import Index, items, steps_in, text_of
from drip.course.naming import attributes, references, start_date, uses
from drip.course.positions import Node, Scalar, Source, Table
from drip.errors import Mistake


def across(source: Source, tree: Table, index: Index, declared: Mapping[str, Attribute] | None) -> Iterator[Mistake]:
    """Every mistake that can only be seen by looking at more than one field."""
    steps = list(steps_in(tree.get("steps")))
    if steps and not index.tips:
        yield source.mistake(tree.keys_at["steps"], "no-tips", "a course without a tip mails nothing", "add a tip:")
    yield from _course(source, tree)
    yield from _old_ids(source, tree, steps, index.ids)
    for step in steps:
        yield from one_of_two(source, step, "at", "between", "at-and-between")
        for said in (step, *items(step.get("variants"))):
            if isinstance(said, Table):
                yield from one_of_two(source, said, "body", "body_file", "body-and-file")
        if "tip" in step:
            yield from _tip(source, step)
        elif "survey" in step:
            yield from _survey(source, step)
    for use in uses(source, tree, steps, index.bodies):
        yield from references(index, use)
        if declared is not None:
            yield from attributes(index, declared, use)
    if declared is not None:
        yield from start_date(source, tree, declared)


def one_of_two(source: Source, table: Table, one: str, other: str, rule: str) -> Iterator[Mistake]:
    """A mistake where two keys stand together that exclude each other."""
    if one in table and other in table:
        yield source.mistake(
            table.keys_at[other], rule, f'"{one}" and "{other}" exclude each other', "keep one of them"
        )


def _course(source: Source, tree: Table) -> Iterator[Mistake]:
    """What must hold between the keys of the course's own parts."""
    timing, start, reviews = tree.get("timing"), tree.get("start"), tree.get("reviews")
    if isinstance(timing, Table):
        yield from one_of_two(source, timing, "at", "between", "at-and-between")
    if isinstance(start, Table):
        if not start:
            yield source.mistake(start.span, "empty", '"start" says nothing', "write event: …, date: … or when: …")
        yield from one_of_two(source, start, "event", "date", "event-and-date")
        if "offset" in start and "date" not in start:
            hint = "write date: learner.renewal_date, say"
            yield source.mistake(start.keys_at["offset"], "missing-key", '"offset" is counted from a "date"', hint)
    if isinstance(reviews, Table):
        days = items(reviews.get("after_days"))
        for before, day in pairwise(days):
            one, other = _value(before), _value(day)
            if isinstance(one, int) and isinstance(other, int) and other <= one:
                hint = "each is counted from the mail that taught it, such as [2, 5, 10]"
                yield source.mistake(day.span, "not-ascending", f"{other} does not come after {one}", hint)
        if _value(reviews.get("strategy")) == "none":
            for key in ("after_days", "per_email"):
                if key in reviews:
                    message = f'"{key}" means nothing without reviews'
                    yield source.mistake(reviews.keys_at[key], "no-reviews", message, "write strategy: fixed")


def _old_ids(source: Source, tree: Table, steps: list[Table], ids: dict[str, Scalar]) -> Iterator[Mistake]:
    """Ids of the past: none is in use today, and each has gone one way."""
    gone: dict[str, Scalar] = {}
    renamed = [step["renamed_from"] for step in steps if "tip" in step and "renamed_from" in step]
    for old in [*items(tree.get("removed")), *renamed]:
        if not isinstance(old, Scalar):
            continue
        if old.text in ids:
            message = f'"{old.text}" is the id of a step that is here'
            hint = f"see line {source.line(ids[old.text].span)}; only ids that are no longer used stand here"
            yield source.mistake(old.span, "id-in-use", message, hint)
        elif old.text in gone:
            message = f'"{old.text}" stands among the ids of the past twice'
            hint = f"first in line {source.line(gone[old.text].span)}"
            yield source.mistake(old.span, "duplicate-id", message, hint)
        gone.setdefault(old.text, old)


def _survey(source: Source, survey: Table) -> Iterator[Mistake]:
    kind = text_of(survey.get("survey"))
    if kind == "scale" and "scale" not in survey:
        message = '"scale" is missing in the survey'
        yield source.mistake(survey.keys_at["survey"], "missing-key", message, "write scale: [1, 7]")
    if kind in ("nps", "csat") and "scale" in survey:
        message = f'"{kind}" has a scale of its own, {"0 to 10" if kind == "nps" else "1 to 5"}'
        hint = "write survey: scale, or take the scale away"
        yield source.mistake(survey.keys_at["scale"], "unknown-key", message, hint)


def _tip(source: Source, tip: Table) -> Iterator[Mistake]:
    """What must hold inside one tip: its texts are there, its variants differ, one option is right."""
    name = text_of(tip.get("tip")) or "?"
    variants = [v for v in items(tip.get("variants")) if isinstance(v, Table)]
    for keys in (("subject",), ("body", "body_file")):
        if not _says(tip, keys) and not (variants and all(_says(variant, keys) for variant in variants)):
            missing = f'"{keys[0]}" is missing in tip "{name}"'
            yield source.mistake(tip.keys_at["tip"], "missing-key", missing, f"write {keys[0]}: …")
    names: set[str] = set()
    for variant in variants:
        called = variant.get("name")
        if isinstance(called, Scalar):
            if called.text in names:
                message = f'two variants of tip "{name}" are called "{called.text}"'
                yield source.mistake(called.span, "duplicate-id", message, "give one of them another name")
            names.add(called.text)
    question = tip.get("question")
    options = items(question.get("options") if isinstance(question, Table) else None)
    right = [o["correct"] for o in options if isinstance(o, Table) and _value(o.get("correct")) is True]
    if options and not right and isinstance(question, Table):
        message = f'no option of the question of tip "{name}" is correct'
        yield source.mistake(question.keys_at["options"], "bad-options", message, "mark one with correct: true")
    for extra in right[1:]:
        message = f'more than one option of the question of tip "{name}" is correct'
        yield source.mistake(extra.span, "bad-options", message, "exactly one option has correct: true")
    yield from same_options(source, name, options)


def same_options(source: Source, name: str, options: list[Node]) -> Iterator[Mistake]:
    """Options of one question that nobody can tell apart."""
    seen: set[str] = set()
    for option in options:
        text = option.get("text") if isinstance(option, Table) else None
        if isinstance(text, Scalar):
            if text.text.strip() in seen:
                message = f'two options of the question of tip "{name}" say the same'
                yield source.mistake(text.span, "bad-options", message, "a learner cannot tell them apart")
            seen.add(text.text.strip())


def _says(table: Table, keys: tuple[str, ...]) -> bool:
    return any(key in table for key in keys)


def _value(node: Node | None) -> object:
    return node.value if isinstance(node, Scalar) else None
