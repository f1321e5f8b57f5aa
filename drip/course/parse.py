"""Course text → a checked Course. All mistakes at once, each with its place and what to write instead."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from pydantic import ValidationError

from drip.course.across import across
from drip.course.complaints import mistake
from drip.course.model import Course, CourseFile, Defaults, Timing
from drip.course.positions import Source, Table
from drip.course.reading import MOST_MISTAKES, read
from drip.course.timing import Rule
from drip.errors import CourseError, Mistake

_ENDS = (".yaml", ".yml")
_TRANSLATION = re.compile(r"[^.]+\.[A-Za-z]{2,3}(-[A-Za-z0-9]+)*")


def parse(name: str, data: bytes, defaults: Defaults = Defaults()) -> Course:  # noqa: B008  (a frozen value)
    """The course that `data` says, completed by `defaults`; the id is the stem of `name` unless one is written.

    Raises CourseError with every mistake, in the order of the lines. Reads nothing but its arguments.
    """
    source, tree, mistakes = read(name, data)
    file = None
    try:
        file = CourseFile.model_validate(tree)
    except ValidationError as error:
        found = (mistake(source, tree, detail) for detail in error.errors(include_url=False))
        mistakes += [one for one in found if one is not None]
    except RecursionError:
        raise CourseError([source.mistake((0, 0), "too-deep", "nested too deeply")]) from None
    mistakes += across(source, tree)
    mistakes += _about_the_whole(source, tree, name, defaults)
    if mistakes or file is None:
        raise CourseError(_in_order(mistakes))
    sender = file.sender or defaults.sender
    assert sender is not None  # a course without one was refused above
    timing = file.timing or Timing()
    return Course(
        id=file.id or _stem(name),
        title=file.title,
        language=file.language or defaults.language,
        sender=sender,
        layout=file.layout or defaults.layout,
        every=timing.every or defaults.every,
        rule=_rule(timing, defaults),
        timezone=timing.timezone or defaults.timezone,
        limit=timing.limit or defaults.limit,
        start_when=file.start.when if file.start else None,
        steps=file.steps,
        source=source,
        tree=tree,
    )


def _rule(timing: Timing, defaults: Defaults) -> Rule:
    """The course's own `at` or `between` replaces either of the defaults'."""
    own = timing.at is not None or timing.between is not None
    return Rule(
        at=timing.at if own else defaults.at,
        between=timing.between if own else defaults.between,
        days=timing.days or defaults.days,
        holidays=timing.skip_holidays or defaults.skip_holidays,
    )


def _in_order(mistakes: list[Mistake]) -> list[Mistake]:
    """The mistakes by line, once each; of very many the first ones, and how many more there are."""
    found = sorted(set(mistakes), key=lambda m: (m.line, m.column, m.rule, m.message))
    left = len(found) - MOST_MISTAKES
    if left <= 0:
        return found
    last = found[MOST_MISTAKES]
    more = replace(last, rule="too-many", message=f"and {left} more mistakes from here on", hint="", excerpt="")
    return [*found[:MOST_MISTAKES], more]


def _stem(name: str) -> str:
    file = name.replace("\\", "/").rpartition("/")[2]
    end = next((end for end in _ENDS if file.lower().endswith(end)), "")
    return file[: len(file) - len(end)]


def _about_the_whole(source: Source, tree: Table, name: str, defaults: Defaults) -> Iterator[Mistake]:
    stem = _stem(name)
    if _TRANSLATION.fullmatch(stem):
        message = f"translations ({stem.partition('.')[0]}.LANGUAGE.yaml) are not supported yet in this version"
        yield source.mistake((0, 0), "not-yet", message, "a course has one language for now")
    elif "id" not in tree and not re.fullmatch(r"[a-z0-9-]{1,64}", stem):
        like = re.sub(r"[^a-z0-9]+", "-", stem.lower()).strip("-")[:64] or "my-course"
        message = f"the file's name, \"{stem}\", cannot be the course's id"
        yield source.mistake((0, 0), "bad-id", message, f"write id: {like}")
    if "sender" not in tree and defaults.sender is None:
        hint = "write sender: {name: Acme Academy, email: learn@acme.example}, here or in drip.toml"
        yield source.mistake((0, 0), "missing-key", '"sender" is missing', hint)
