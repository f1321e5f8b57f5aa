"""Course text → a checked Course. All mistakes at once, each with its place and what to write instead."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from drip.course.across import across
from drip.course.bodies import filled_steps
from drip.course.complaints import shaped
from drip.course.files import Files, gathered
from drip.course.index import indexed
from drip.course.model import Course, CourseFile, Defaults, Timing
from drip.course.naming import used_attributes
from drip.course.parts import Tracking
from drip.course.paths import stem_and_end, translation_of
from drip.course.positions import Source, Table, key_at
from drip.course.reading import MOST_MISTAKES, read
from drip.course.steps import Survey, Tip
from drip.course.timing import Rule
from drip.course.translate import translated, translation_trees
from drip.course.translation import Translation
from drip.course.untranslated import lacking
from drip.course.weight import MOST_LETTERS, MOST_MAILS, marks, too_many_marks
from drip.errors import CourseError, Mistake


def parse(
    name: str,
    data: bytes,
    defaults: Defaults = Defaults(),  # noqa: B008  (a frozen value)
    *,
    files: Mapping[str, bytes] = {},
    translations: Mapping[str, bytes] = {},
) -> Course:
    """The course that `data` says, completed by `defaults`; the id is the stem of `name` unless one is written.

    `files` is path → content of what the course refers to (files.referred says which), with paths from the course's
    folder; `translations` is language → content. Raises CourseError with every mistake, in the order of the files and
    lines. Reads nothing but its arguments.
    """
    source, tree, mistakes = read(name, data)
    others = translation_trees(name, translations, mistakes)
    found = gathered(name, [(source, tree), *others.values()], files)
    mistakes += found.mistakes
    index, twice = indexed(source, tree, found.bodies)
    file, wrong = shaped(CourseFile, source, tree)
    mistakes += [*twice, *wrong, *across(source, tree, index, defaults.attributes)]
    mistakes += _about_the_whole(source, tree, name, defaults)
    said: dict[str, Translation] = {}
    for code, (its_source, its_tree) in others.items():
        if len(mistakes) > MOST_MISTAKES:  # nobody reads those of every language
            break
        one, wrong = translated(code, its_source, its_tree, tree, index, defaults.attributes)
        mistakes += [*wrong, *_about_language(code, its_source, file, defaults)]
        if one is not None:
            said[code] = one
    if mistakes or file is None:
        raise CourseError(_in_order(mistakes, name))
    course = _course(file, name, source, tree, defaults, found)
    if too_much := _too_much(course, 1 + len(said)):
        raise CourseError([source.mistake(key_at(tree, ("steps",)), "too-big", *too_much)])
    advice = [row for one in said.values() for row in lacking(source, tree, course.steps, one)]
    trees = [(source, tree), *others.values()]
    used = used_attributes(trees, found.bodies, defaults.attributes or {})
    return replace(course, translations=said, missing=tuple(advice), attributes=used)


def _course(file: CourseFile, name: str, source: Source, tree: Table, defaults: Defaults, found: Files) -> Course:
    sender = file.sender or defaults.sender
    assert sender is not None  # a course without one was refused before
    timing = file.timing or Timing()
    return Course(
        id=file.id or stem_and_end(name)[0],
        title=file.title,
        language=file.language or defaults.language,
        sender=sender,
        layout=file.layout or defaults.layout,
        every=timing.every or defaults.every,
        rule=_rule(timing, defaults),
        timezone=timing.timezone or defaults.timezone,
        limit=timing.limit or defaults.limit,
        stale_after=timing.stale_after or defaults.stale_after,
        start=file.start,
        goal=file.goal,
        stop=file.stop,
        hold_while=file.hold_while,
        silent=file.silent,
        priority=file.priority or 0,
        reviews=file.reviews,
        tracking=_tracking(file.tracking, defaults),
        unsubscribe=file.unsubscribe or "everything",
        experiment=file.experiment,
        removed=file.removed,
        steps=filled_steps(file.steps, found.bodies),
        bodies=found.bodies,
        pictures=found.pictures,
        source=source,
        tree=tree,
    )


def _too_much(course: Course, languages: int) -> tuple[str, str] | None:
    """Whether a course is more than can be made in the time that somebody waits, as (message, hint)."""
    mails = [step for _, step in course.walk() if isinstance(step, Tip | Survey)]
    bodies = [(one.body or step.body or "") for step in mails for one in getattr(step, "variants", ()) or (step,)]
    if len(bodies) * languages > MOST_MAILS:
        message = f"{len(bodies) * languages:,} mails, each variant in each language; {MOST_MAILS:,} are the most"
        return message, "divide it into courses"
    if sum(map(len, bodies)) > MOST_LETTERS:
        return f"more than {MOST_LETTERS:,} letters in the mails of one course", "divide it into courses"
    return too_many_marks(0, sum(map(marks, bodies)))


def _tracking(said: Tracking | None, defaults: Defaults) -> Tracking | None:
    """What the course says, unless the workspace wants no pixels at all."""
    if not defaults.no_pixels:
        return said
    return Tracking(opens="never", clicks=said.clicks if said is not None else "always")


def _rule(timing: Timing, defaults: Defaults) -> Rule:
    """The course's own `at` or `between` replaces either of the defaults'."""
    own = timing.at is not None or timing.between is not None
    return Rule(
        at=timing.at if own else defaults.at,
        between=timing.between if own else defaults.between,
        days=timing.days or defaults.days,
        holidays=timing.skip_holidays or defaults.skip_holidays,
    )


def _in_order(mistakes: list[Mistake], name: str) -> list[Mistake]:
    """The mistakes by line, once each, the course's own file first; of very many the first ones, and how many more."""
    found = sorted(set(mistakes), key=lambda m: (m.file != name, m.file, m.line, m.column, m.rule, m.message))
    left = len(found) - MOST_MISTAKES
    if left <= 0:
        return found
    last = found[MOST_MISTAKES]
    more = replace(last, rule="too-many", message=f"and {left} more mistakes from here on", hint="", excerpt="")
    return [*found[:MOST_MISTAKES], more]


def _about_language(code: str, source: Source, file: CourseFile | None, defaults: Defaults) -> Iterator[Mistake]:
    if file is not None and code == (file.language or defaults.language):
        message = f"the course itself is written in {code}"
        yield source.mistake((0, 0), "duplicate-language", message, "delete this file, or mend the course's language:")


def _about_the_whole(source: Source, tree: Table, name: str, defaults: Defaults) -> Iterator[Mistake]:
    stem, end = stem_and_end(name)
    if course := translation_of(name):
        message = f"this is a translation by its name, and its course, {course}, is not there"
        yield source.mistake((0, 0), "no-course", message, f"write that one first, or name this one without a dot{end}")
    elif "id" not in tree and not re.fullmatch(r"[a-z0-9-]{1,64}", stem):
        like = re.sub(r"[^a-z0-9]+", "-", stem.lower()).strip("-")[:64] or "my-course"
        message = f"the file's name, \"{stem}\", cannot be the course's id"
        yield source.mistake((0, 0), "bad-id", message, f"write id: {like}")
    if "sender" not in tree and defaults.sender is None:
        hint = "write sender: {name: Acme Academy, email: learn@acme.example}, here or in drip.toml"
        yield source.mistake((0, 0), "missing-key", '"sender" is missing', hint)
