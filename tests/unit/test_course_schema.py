"""Facts about the JSON Schema: every course that is valid fits it, and what it refuses the parser refuses too.

The validator is another project's (jsonschema, of draft 2020-12); the YAML is read by ruamel.
"""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML

from drip.course.parse import parse
from drip.course.schema import json_schema
from drip.errors import CourseError

COURSES = Path(__file__).parents[1] / "data" / "courses"
COURSE = Draft202012Validator(json_schema())


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
    assert {"short", "full"} <= {file.stem for file in FILES}


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


def test_the_schema_explains_every_key() -> None:
    """Each key has a description, which an editor shows while somebody writes."""
    schema = json_schema()
    assert schema["$schema"].startswith("https://json-schema.org/")
    Draft202012Validator.check_schema(schema)
    parts = [schema, *schema["$defs"].values()]
    assert {(part["description"], key) for part in parts for key, value in part["properties"].items() if not (
        value.get("description"))} == set()  # fmt: skip
    assert json.loads(json.dumps(schema)) == schema
