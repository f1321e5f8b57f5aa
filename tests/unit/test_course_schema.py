"""Facts about the JSON Schema: every course that is valid fits it, and what an editor should underline does not."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from drip.course.parse import parse
from drip.course.schema import json_schema
from drip.errors import CourseError

COURSES = Path(__file__).parents[1] / "data" / "courses"
TYPES = {"string": str, "integer": int, "number": (int, float), "boolean": bool, "array": list, "object": dict}
#: Keywords that describe and do not decide.
SILENT = {"description", "examples", "default", "title", "format", "$schema", "$defs"}


def fits(value: Any, schema: dict[str, Any], root: dict[str, Any]) -> bool:
    """Whether a value fits a schema: the keywords that ours uses (JSON Schema 2020-12), and no other."""
    for keyword, wanted in schema.items():
        match keyword:
            case "$ref":
                good = fits(value, root["$defs"][wanted.rpartition("/")[2]], root)
            case "type":
                names = wanted if isinstance(wanted, list) else [wanted]
                good = any(
                    isinstance(value, TYPES[n]) and (n == "boolean" or not isinstance(value, bool)) for n in names
                )
            case "required":
                good = not isinstance(value, dict) or all(key in value for key in wanted)
            case "properties":
                known = value.items() if isinstance(value, dict) else ()
                good = all(fits(inner, wanted[key], root) for key, inner in known if key in wanted)
            case "additionalProperties":
                good = not isinstance(value, dict) or wanted or set(value) <= set(schema["properties"])
            case "items":
                good = not isinstance(value, list) or all(fits(item, wanted, root) for item in value)
            case "oneOf":
                good = sum(fits(value, each, root) for each in wanted) == 1
            case "anyOf":
                good = any(fits(value, each, root) for each in wanted)
            case "allOf":
                good = all(fits(value, each, root) for each in wanted)
            case "pattern":
                good = not isinstance(value, str) or bool(re.search(wanted, value))
            case "minItems" | "maxItems":
                good = not isinstance(value, list) or (
                    len(value) >= wanted if keyword == "minItems" else len(value) <= wanted
                )
            case "minimum" | "maximum":
                good = not isinstance(value, int) or (value >= wanted if keyword == "minimum" else value <= wanted)
            case _:
                assert keyword in SILENT, keyword
                good = True
        if not good:
            return False
    return True


def load(text: str) -> Any:
    return YAML(typ="safe", pure=True).load(text)


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
    schema = json_schema()
    assert fits(load(file.read_text(encoding="utf-8")), schema, schema)


def test_there_are_valid_courses() -> None:
    """(Otherwise the test above would prove nothing.)"""
    assert {"short", "full", "advice"} <= {file.stem for file in FILES}


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
        ("limit: 1 per day", "limit: 1 per day\ngoal: event('x')"),
    ],
)
def test_what_an_editor_underlines(change: tuple[str, str]) -> None:
    """Unknown keys, wrong types and missing keys do not fit, and are mistakes for the parser too."""
    text = (COURSES / "full.yaml").read_text(encoding="utf-8")
    assert change[0] in text
    broken = text.replace(*change)
    schema = json_schema()
    assert not fits(load(broken), schema, schema)
    assert not is_valid("full.yaml", broken)


def test_the_schema_explains_every_key() -> None:
    """Each key has a description, which an editor shows while somebody writes."""
    schema = json_schema()
    assert schema["$schema"].startswith("https://json-schema.org/")
    parts = [schema, *schema["$defs"].values()]
    assert {(part["description"], key) for part in parts for key, value in part["properties"].items() if not (
        value.get("description"))} == set()  # fmt: skip
    assert json.loads(json.dumps(schema)) == schema
