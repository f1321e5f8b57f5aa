"""Whose each finding is: the step whose text it stands in, or the course's as a whole."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from drip.course.files import references
from drip.course.model import Course, Survey
from drip.course.positions import Row, Scalar, Source, Table, at
from drip.course.translation import Translation, survey_key
from drip.errors import Mistake
from drip.plan.model import Plan

#: (line, column) of where something begins or ends, both from 1.
Place = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """Advice on a course: `of_step` is step id → what stands in its text, `of_course` the rest.

    `languages` is file → the language that it is written in, for the translations and their bodies.
    """

    of_step: Mapping[str, tuple[Mistake, ...]] = field(default_factory=dict)
    of_course: tuple[Mistake, ...] = ()
    languages: Mapping[str, str] = field(default_factory=dict)


def assign(course: Course, plan: Plan, rows: Sequence[Mistake]) -> Findings:
    """Each finding with its step. What stands before the steps, in the layout or in the settings is the course's."""
    owners = {source.file: _Owners(source, tree, places) for source, tree, places in _files(course, plan)}
    bodies: dict[str, str] = {}
    languages = {said.source.file: language for language, said in course.translations.items()}
    written = [(course.source, course.tree), *((said.source, said.tree) for said in course.translations.values())]
    for source, tree in written:
        for one in references(source, tree, {}):
            if one.kind == "body" and one.path is not None and one.path in course.bodies:
                file = course.bodies[one.path].source.file
                bodies.setdefault(file, owners[source.file].at(_place(source, one.span[0])))
                if source.file in languages:
                    languages.setdefault(file, languages[source.file])
    of_step: dict[str, list[Mistake]] = defaultdict(list)
    of_course: list[Mistake] = []
    for row in rows:
        owner = owners[row.file].at((row.line, row.column)) if row.file in owners else bodies.get(row.file, "")
        (of_step[owner] if owner else of_course).append(row)
    return Findings(
        of_step={step: tuple(found) for step, found in of_step.items()},
        of_course=tuple(of_course),
        languages=languages,
    )


class _Owners:
    """Which step of one file a place belongs to."""

    def __init__(self, source: Source, tree: Table, steps: Mapping[int, str]) -> None:
        """`steps` is where each begins (in characters) → its id."""
        self._begins = [_place(source, offset) for offset in sorted(steps)]
        self._ids = [steps[offset] for offset in sorted(steps)]
        rows = tree.get("steps")
        self._end = _place(source, rows.span[1]) if isinstance(rows, Row) else (0, 0)

    def at(self, place: Place) -> str:
        """The step that begins last before that place; "" before the first and after the end of the steps."""
        number = bisect_right(self._begins, place)
        return self._ids[number - 1] if number and place < self._end else ""


def _place(source: Source, offset: int) -> Place:
    line = source.line((offset, offset))
    return line, offset - source.starts[line - 1] + 1


def _files(course: Course, plan: Plan) -> Iterator[tuple[Source, Table, Mapping[int, str]]]:
    """The course file and each translation, with where its steps begin."""
    walked = [(path, step, planned.id) for (path, step), planned in zip(course.walk(), plan.steps, strict=True)]
    yield course.source, course.tree, {at(course.tree, path).span[0]: id_ for path, _, id_ in walked}
    surveys = {survey_key(step.survey, step.id): id_ for _, step, id_ in walked if isinstance(step, Survey)}
    for said in course.translations.values():
        yield said.source, said.tree, dict(_translated(said, surveys))


def _translated(said: Translation, surveys: Mapping[str, str]) -> Iterator[tuple[int, str]]:
    rows = said.tree.get("steps")
    for item in rows if isinstance(rows, Row) else ():
        if not isinstance(item, Table):
            continue
        tip, survey = _text(item, "tip"), _text(item, "survey")
        step = tip or surveys.get(survey_key(survey, _text(item, "id") or None), "")
        if step:
            yield item.span[0], step


def _text(item: Table, key: str) -> str:
    value = item.get(key)
    return value.text if isinstance(value, Scalar) else ""
