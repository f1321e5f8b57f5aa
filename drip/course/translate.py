"""A translation held against its course: its ids must be the course's, and what it does not say is told as advice."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from pydantic_core import PydanticCustomError

from drip.course import values
from drip.course.across import one_of_two, same_options
from drip.course.attributes import Attribute
from drip.course.bodies import filled
from drip.course.complaints import shaped
from drip.course.index import FEW_NAMES, Index, items, steps_in, text_of
from drip.course.naming import attributes, references, uses
from drip.course.paths import translation_name
from drip.course.positions import Row, Scalar, Source, Span, Table
from drip.course.reading import read
from drip.course.translation import (
    TranslatedSurvey,
    TranslatedTip,
    Translation,
    TranslationFile,
    survey_key,
)
from drip.errors import CourseError, Mistake


@dataclass(frozen=True, slots=True)
class _Known:
    """The steps of a course that have texts, as its tree has them."""

    tips: Mapping[str, Table]
    surveys: Mapping[str, Table]
    ambiguous: frozenset[str]


def translation_trees(
    name: str, translations: Mapping[str, bytes], mistakes: list[Mistake]
) -> dict[str, tuple[Source, Table]]:
    """Language → the text and tree of each translation that can be read; what is wrong with the others is added."""
    trees: dict[str, tuple[Source, Table]] = {}
    for written, data in translations.items():
        file = translation_name(name, written)
        try:
            source, tree, found = read(file, data)
            code = values.language(Scalar(written, written, (0, 0)))
        except CourseError as error:
            mistakes += error.mistakes
            continue
        except PydanticCustomError as error:
            hint = "name the file such as first-report.sv.yaml"
            mistakes.append(source.mistake((0, 0), error.type, error.message(), hint))
            continue
        mistakes += found
        if code in trees:
            message = f"{trees[code][0].file} is a translation into {code} too"
            mistakes.append(source.mistake((0, 0), "duplicate-language", message, "delete one of them"))
        trees.setdefault(code, (source, tree))
    return trees


def translated(
    language: str,
    source: Source,
    tree: Table,
    course: Table,
    index: Index,
    declared: Mapping[str, Attribute] | None,
) -> tuple[Translation | None, list[Mistake]]:
    """The translation that a tree says, held against the course's tree and index; or the mistakes in it."""
    file, found = shaped(TranslationFile, source, tree)
    said = [item for item in items(tree.get("steps")) if isinstance(item, Table)]
    found += against(source, tree, list(steps_in(course.get("steps"))), index)
    for use in uses(source, tree, said, index.bodies):
        found += references(index, use)
        found += attributes(index, declared, use) if declared is not None else ()
    if found or file is None:
        return None, found
    steps = [filled(step, index.bodies) for step in file.steps]
    return Translation(
        language=language,
        title=file.title,
        tips={step.tip: step for step in steps if isinstance(step, TranslatedTip)},
        surveys={survey_key(step.survey, step.id): step for step in steps if isinstance(step, TranslatedSurvey)},
        source=source,
        tree=tree,
    ), []


def against(source: Source, tree: Table, steps: list[Table], index: Index) -> Iterator[Mistake]:
    """Mistakes of a translation's tree that only the course's steps show."""
    known = _known(steps)
    seen: dict[str, Span] = {}
    for item in items(tree.get("steps")):
        named = item.get("tip", item.get("id", item.get("survey"))) if isinstance(item, Table) else None
        if not isinstance(item, Table) or not isinstance(named, Scalar):
            continue
        for said in (item, *items(item.get("variants"))):
            if isinstance(said, Table):
                yield from one_of_two(source, said, "body", "body_file", "body-and-file")
        key = key_of(item)
        found = (known.tips if "tip" in item else known.surveys).get(key)
        if found is None or key in known.ambiguous:
            yield source.mistake(named.span, *_unknown(item, known, index))
            continue
        if key in seen:
            hint = f"first in line {source.line(seen[key])}"
            yield source.mistake(named.span, "duplicate-id", f'"{named.text}" is translated twice', hint)
        seen.setdefault(key, named.span)
        if "tip" in item:
            yield from _parts(source, item, found)
            yield from _variants(source, item, found, index)
            yield from _question(source, named.text, item, found)


def _known(steps: list[Table]) -> _Known:
    tips = {text_of(step["tip"]): step for step in steps if "tip" in step}
    surveys: dict[str, Table] = {}
    ambiguous: set[str] = set()
    for step in steps:
        if "survey" in step and "tip" not in step:
            if key_of(step) in surveys:
                ambiguous.add(key_of(step))
            surveys.setdefault(key_of(step), step)
    return _Known(tips, surveys, frozenset(ambiguous))


def key_of(step: Table) -> str:
    """What a step with texts is found by, in the course and in a translation."""
    if "tip" in step:
        return text_of(step["tip"])
    return survey_key(text_of(step.get("survey")), text_of(step.get("id")) or None)


def _unknown(item: Table, known: _Known, index: Index) -> tuple[str, str, str]:
    """Why an item translates nothing, as (rule, message, hint)."""
    if "tip" in item:
        name = text_of(item["tip"])
        return "unknown-step", f'the course has no tip "{name}"', _like(name, known.tips, index)
    kind, id_ = text_of(item.get("survey")), text_of(item.get("id"))
    ids = [key for key in known.surveys if not key.startswith("<")]
    if id_:
        return "unknown-step", f'the course has no survey "{id_}"', _like(id_, ids, index)
    if key_of(item) in known.ambiguous:
        message = f"the course has more than one survey of the kind {kind}"
        return "unknown-step", message, "give each an id there, and write it here"
    hint = f"there are: {', '.join(f'id: {one}' for one in ids)}" if ids else ""
    return "unknown-step", f"the course has no survey of the kind {kind} without an id", hint


def _parts(source: Source, item: Table, found: Table) -> Iterator[Mistake]:
    """A button, picture, clip or objective is translated where there is one."""
    for key in ("button", "image", "clip", "objective"):
        if key in item and key not in found:
            message = f'tip "{text_of(item.get("tip"))}" has no {key} of its own in the course'
            yield source.mistake(item.keys_at[key], "unknown-part", message, "only what is there is translated")


def _variants(source: Source, item: Table, found: Table, index: Index) -> Iterator[Mistake]:
    """Variants are found by name."""
    names = {text_of(v.get("name")) for v in items(found.get("variants")) if isinstance(v, Table)}
    seen: set[str] = set()
    for variant in items(item.get("variants")):
        name = variant.get("name") if isinstance(variant, Table) else None
        if not isinstance(name, Scalar):
            continue
        if name.text not in names:
            message = f'the course has no variant "{name.text}" of this tip'
            yield source.mistake(name.span, "unknown-variant", message, _like(name.text, names, index))
        elif name.text in seen:
            yield source.mistake(name.span, "duplicate-id", f'the variant "{name.text}" is translated twice')
        seen.add(name.text)


def _question(source: Source, tip: str, item: Table, found: Table) -> Iterator[Mistake]:
    question, theirs = item.get("question"), found.get("question")
    if not isinstance(question, Table):
        return
    if not isinstance(theirs, Table):
        message = f'tip "{tip}" has no question in the course'
        yield source.mistake(item.keys_at["question"], "no-question", message, "only what is there is translated")
        return
    ours, options = question.get("options"), items(theirs.get("options"))
    if isinstance(ours, Row) and len(ours) != len(options):
        message = f"{len(ours)} options, and the course has {len(options)}"
        hint = "translate each of them, in the same order"
        yield source.mistake(question.keys_at["options"], "bad-options", message, hint)
    yield from same_options(source, tip, items(ours))


def _like(name: str, known: Iterable[str], index: Index) -> str:
    names = sorted(known)
    if close := index.nearest(name, names):
        return f'did you mean "{close}"?'
    return f"there are: {', '.join(names)}" if 0 < len(names) <= FEW_NAMES else ""
