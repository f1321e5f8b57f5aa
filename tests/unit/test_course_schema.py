"""Facts about the JSON Schema: every course that is valid fits it, and what it refuses the parser refuses too.

The validator is another project's (jsonschema, of draft 2020-12); the YAML is read by ruamel.
"""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pictures import png
from ruamel.yaml import YAML

from drip.course.parse import parse
from drip.course.paths import translation_of
from drip.course.schema import json_schema, translation_schema
from drip.errors import CourseError

ROOT = Path(__file__).parents[2]
COURSES = Path(__file__).parents[1] / "data" / "courses"
COURSE, TRANSLATION = Draft202012Validator(json_schema()), Draft202012Validator(translation_schema())


def load(text: str) -> Any:
    """The plain values of a YAML text, as an editor sees them: a date is a text (YAML 1.2, core schema)."""

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {str(key): plain(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [plain(inner) for inner in value]
        return str(value) if isinstance(value, datetime.date) else value

    return plain(YAML(typ="safe", pure=True).load(text))


def is_valid(name: str, text: str) -> bool:
    try:
        parse(name, text.encode())
    except CourseError:
        return False
    return True


FILES = [file for file in sorted(COURSES.glob("*.yaml")) if is_valid(file.name, file.read_text(encoding="utf-8"))]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_valid_course_fits_the_schema(file: Path) -> None:
    """What `drip check` takes, an editor does not underline."""
    assert [error.message for error in COURSE.iter_errors(load(file.read_text(encoding="utf-8")))] == []


def test_there_are_valid_courses() -> None:
    """(Otherwise the test above would prove nothing.)"""
    assert {"short", "full", "whole"} <= {file.stem for file in FILES}


@pytest.mark.parametrize(
    "change",
    [
        ("title: Your first report in a week", "titel: Your first report in a week"),
        ("every: 1 day", "evry: 1 day"),
        ("subject: Export in one press", "subjekt: Export in one press"),
        ("correct: true, because: It is text.", "correct: yes, because: It is text."),
        ("weight: 2", "weight: two"),
        ("at_most: 4 days", "atmost: 4 days"),
        ("id: first-report", "id: First Report"),
        ("    then:\n", "    then: []\n    thn:\n"),
        ("subject: 2026", "preheder: 2026"),
        ("limit: 1 per day", "limit: 1 per day\nunsubscribe: all"),
    ],
)
def test_what_an_editor_underlines(change: tuple[str, str]) -> None:
    """Unknown keys, wrong types and missing keys do not fit, and are mistakes for the parser too."""
    text = (COURSES / "full.yaml").read_text(encoding="utf-8")
    assert change[0] in text
    broken = text.replace(*change)
    assert not COURSE.is_valid(load(broken))
    assert not is_valid("full.yaml", broken)


SNIPPETS = [
    (file, text)
    for file in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
    for text in re.findall(r"^```yaml\n(.*?)^```", file.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
]
SAMPLES = [(file, file.read_text("utf-8")) for file in sorted((ROOT / "campaigns").glob("*.yaml"))]


@pytest.mark.parametrize(("file", "text"), [*SNIPPETS, *SAMPLES], ids=[file.name for file, _ in [*SNIPPETS, *SAMPLES]])
def test_every_sample_and_snippet_fits(file: Path, text: str) -> None:
    """The sample campaigns, their translations, and every whole course in the README and the docs (a snippet that names
    a file of its own, such as a script of answers, is no course).
    """
    if text.startswith("# answers.yaml"):
        return
    is_translation = translation_of(file.name) is not None or "translation.schema.json" in text
    if re.search(r"^(title|steps):", text, flags=re.MULTILINE):
        schema = TRANSLATION if is_translation else COURSE
        assert [error.message for error in schema.iter_errors(load(text))] == []


def test_there_are_samples_and_snippets() -> None:
    """(Otherwise the test above would prove nothing.)"""
    assert len(SAMPLES) >= 2
    assert len(SNIPPETS) > 20


VALUES = st.sampled_from(
    [None, True, 0, 1, -1, 2.5, 10**20, "", "x", "fixed", "scale", "3 days", "09:00", [], {}, ["x"], [1, 5], {"x": 1}]
)
KEYS = st.sampled_from(
    ["at", "between", "body", "body_file", "scale", "id", "tip", "survey", "event", "date", "x", "when", "then", "name"]
)


def mutate(draw: st.DrawFn, value: Any) -> Any:
    """A copy in which one thing is changed: a value exchanged, a key taken out, renamed or added, an item doubled."""
    if isinstance(value, dict) and value and draw(st.integers(0, 3)):
        key = draw(st.sampled_from(sorted(value)))
        return {**value, key: mutate(draw, value[key])}
    if isinstance(value, list) and value and draw(st.integers(0, 3)):
        at = draw(st.integers(0, len(value) - 1))
        return [*value[:at], mutate(draw, value[at]), *value[at + 1 :]]
    if isinstance(value, dict) and value:
        key = draw(st.sampled_from(sorted(value)))
        rest = {name: inner for name, inner in value.items() if name != key}
        return draw(
            st.sampled_from([rest, {**rest, draw(KEYS): value[key]}, {**value, draw(KEYS): draw(VALUES)}, draw(VALUES)])
        )
    if isinstance(value, list) and value:
        return draw(st.sampled_from([[], [*value, value[0]], [*value, draw(VALUES)], draw(VALUES)]))
    return draw(VALUES)


@settings(max_examples=400, deadline=None)
@given(st.data(), st.sampled_from([file.name for file in FILES]))
def test_what_the_schema_refuses_the_parser_refuses(data: st.DataObject, name: str) -> None:
    """A valid course with one to three changes: an editor never underlines what `drip check` takes."""
    value = load((COURSES / name).read_text("utf-8"))
    for _ in range(data.draw(st.integers(1, 3))):
        value = data.draw(st.composite(mutate)(value))
    if not COURSE.is_valid(value):
        assert not is_valid(name, json.dumps(value, ensure_ascii=False))


#: The course that the reference shows beside its translation, and that translation.
SHOWN, SHOWN_IN_SWEDISH = (
    next(text for file, text in SNIPPETS if file.name == "course-file.md" and wanted in text)
    for wanted in ("name: short, subject: Start here", "translation.schema.json")
)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_what_its_schema_refuses_in_a_translation_the_parser_refuses(data: st.DataObject) -> None:
    """The same for translations."""
    value = load(SHOWN_IN_SWEDISH)
    for _ in range(data.draw(st.integers(1, 3))):
        value = data.draw(st.composite(mutate)(value))
    if TRANSLATION.is_valid(value):
        return
    files = {"charts.png": png(), "clip.png": png()}
    translations = {"sv": json.dumps(value, ensure_ascii=False).encode()}
    with pytest.raises(CourseError):
        parse("first-report.yaml", SHOWN.encode(), files=files, translations=translations)


@pytest.mark.parametrize("make", [json_schema, translation_schema])
def test_the_schema_explains_every_key(make: Callable[[], dict[str, Any]]) -> None:
    """Each key has a description, which an editor shows while somebody writes; the schema itself is a valid one."""
    schema = make()
    assert schema["$schema"].startswith("https://json-schema.org/")
    Draft202012Validator.check_schema(schema)
    parts = [schema, *schema["$defs"].values()]
    assert {(part["description"], key) for part in parts for key, value in part["properties"].items() if not (
        value.get("description"))} == set()  # fmt: skip
    assert json.loads(json.dumps(schema)) == schema
