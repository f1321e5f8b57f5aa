"""Facts about docs/course-file.md: it is what the grammar says today, and each example in it does what it shows."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pytest
from jsonschema import Draft202012Validator
from pictures import png
from plain_tree import plain

from drip.course.attributes import declared
from drip.course.complaints import part_at
from drip.course.files import referred
from drip.course.model import Course, CourseFile, Defaults
from drip.course.parse import parse
from drip.course.parts import Part
from drip.course.positions import Scalar
from drip.course.reading import read
from drip.course.schema import json_schema, translation_schema
from drip.plan.compile import compile_plan

DOCS = Path(__file__).parents[2] / "docs"


def module(name: str) -> ModuleType:
    """One of the two programs of docs/, which are no package."""
    sys.path.insert(0, str(DOCS))
    try:
        return __import__(name)
    finally:
        sys.path.remove(str(DOCS))


REFERENCE, EXAMPLES = module("course_file"), module("course_examples")
LEARNER = {name: declared(name, said) for name, said in tomllib.loads(EXAMPLES.LEARNER)["learner"].items()}
ALL = [(part, example) for part, _, _, example in EXAMPLES.CONSTRUCTS if example]


def course(text: str, translations: dict[str, bytes] | None = None) -> Course:
    """The course that an example says, with a picture and a body wherever it names one."""
    data = text.encode()
    files = {
        path: png() if path.endswith(".png") else b"Press *Export*." for path in referred("first-report.yaml", data)
    }
    return parse("first-report.yaml", data, Defaults(attributes=LEARNER), files=files, translations=translations or {})


def test_the_page_is_up_to_date() -> None:
    """Whoever changes the grammar runs `python docs/course_file.py`."""
    assert REFERENCE.PAGE.read_text("utf-8") == REFERENCE.page()


@pytest.mark.parametrize(("part", "example"), ALL, ids=[part.__name__ for part, _ in ALL])
def test_every_example_compiles(part: type[Part], example: str) -> None:
    """Each example of a construct is a course, fits the schema, and has every key that the construct must have."""
    plan = compile_plan(course(example), layout="")
    assert plan.steps
    _, tree, _ = read("first-report.yaml", example.encode())
    assert [error.message for error in Draft202012Validator(json_schema()).iter_errors(plain(tree))] == []


def test_the_translation_translates_everything() -> None:
    """The example of a translation lacks nothing that the course beside it says, and fits its own schema."""
    text = EXAMPLES.TRANSLATION.encode()
    read_course = course(EXAMPLES.TRANSLATED_COURSE, {"sv": text})
    assert read_course.missing == ()
    plan = compile_plan(read_course, layout="")
    assert plan.languages == ("sv",)
    _, tree, _ = read("first-report.sv.yaml", text)
    assert [error.message for error in Draft202012Validator(translation_schema()).iter_errors(plain(tree))] == []


def models(root: type[Part]) -> set[type[Part]]:
    """Every model that a file may hold, found by way of the models themselves."""
    found: set[type[Part]] = set()
    left = [root]
    tags = ("<tip>", "<survey>", "<wait>", "<if>", "<notify>", "<award>")
    while left:
        part = left.pop()
        if part in found:
            continue
        found.add(part)
        for name, field in part.model_fields.items():
            key = field.alias or name
            left += [part_at(part, (key,)), *(part_at(part, (key, tag)) for tag in tags if key in ("steps", "then"))]
    return found


def test_every_construct_has_its_place_and_example() -> None:
    """No part of the grammar is missing from the page, and every key of each is used in an example."""
    assert models(CourseFile) == {part for part, *_ in EXAMPLES.CONSTRUCTS}
    used: set[str] = set()
    for _, example in [*ALL, (None, EXAMPLES.TRANSLATED_COURSE)]:
        nodes = [read("first-report.yaml", example.encode())[1]]
        while nodes:
            node = nodes.pop()
            if isinstance(node, Scalar):
                continue
            if isinstance(node, dict):
                used |= set(node)
            nodes += node.values() if isinstance(node, dict) else node
    keys = {field.alias or name for part in models(CourseFile) for name, field in part.model_fields.items()}
    assert keys - used == set()
