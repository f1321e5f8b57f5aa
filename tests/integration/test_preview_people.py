"""Who a preview can be for: one learner in a file, or many, and what may be said of them otherwise."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from drip.course.attributes import Attribute
from drip.engine.preview import SOMEBODY
from drip.engine.sample import MOST_PEOPLE, People, overridden, read_people
from drip.errors import NotFound, Refused, UserError

DECLARED = {"plan": Attribute(type="choice", choices=("trial", "pro")), "seats": Attribute(type="number")}


def _file(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, "utf-8")
    return path


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("people.csv", "email,first_name,plan\nada@a.example,Ada,trial\nbo@a.example,Bo,pro\n"),
        ("people.json", '[{"email": "ada@a.example", "first_name": "Ada", "plan": "trial"}, '
         '{"email": "bo@a.example", "first_name": "Bo", "plan": "pro"}]'),
        ("people.yaml", "- {email: ada@a.example, first_name: Ada, plan: trial}\n"
         "- {email: bo@a.example, first_name: Bo, attributes: {plan: pro}}\n"),
    ],
)  # fmt: skip
def test_many_in_every_form(tmp_path: Path, name: str, text: str) -> None:
    """CSV and JSON as an import takes them, and YAML; attributes are of their declared types."""
    people = read_people(_file(tmp_path, name, text), DECLARED)
    assert [(one.email, one.first_name, one.attributes) for one in people.learners] == [
        ("ada@a.example", "Ada", {"plan": "trial"}),
        ("bo@a.example", "Bo", {"plan": "pro"}),
    ]
    assert people.named("bo@a.example").first_name == "Bo"
    assert people.named("nobody@a.example").first_name == "Ada"


@pytest.mark.parametrize("name", ["one.json", "one.yaml"])
def test_one_alone(tmp_path: Path, name: str) -> None:
    """As for a preview into files."""
    people = read_people(_file(tmp_path, name, '{"first_name": "Eva", "seats": 3}'), DECLARED)
    assert [(one.first_name, one.attributes) for one in people.learners] == [("Eva", {"seats": 3})]


def test_nobody_in_it_is_somebody(tmp_path: Path) -> None:
    """An empty list leaves the learner that there is without a file, and says so."""
    people = read_people(_file(tmp_path, "people.csv", "email\n"))
    assert (people.learners, people.notes) == ((SOMEBODY,), ("there are no rows below the header",))
    assert People().learners == (SOMEBODY,)


def test_a_long_list_is_cut(tmp_path: Path) -> None:
    """A chooser of a hundred thousand is none; how many there are is said."""
    rows = "".join(f"p{number}@a.example\n" for number in range(1200))
    people = read_people(_file(tmp_path, "people.csv", f"email\n{rows}"))
    assert len(people.learners) == MOST_PEOPLE
    assert people.notes == ("the first 500 of 1,200 can be chosen here",)


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("a.yaml", "just a text", "a learner is wanted"),
        ("a.yaml", "{a: [", "line 1"),
        ("a.yaml", "plan: gold", "none of its values"),
        ("a.csv", "name\nAda\n", 'no column is named "email"'),
    ],
)
def test_what_cannot_be_read_is_said(tmp_path: Path, name: str, text: str, words: str) -> None:
    """With the file's name."""
    with pytest.raises(UserError, match=rf"{name}: .*{words}"):
        read_people(_file(tmp_path, name, text), DECLARED)


def test_one_bad_of_several_is_left_out(tmp_path: Path) -> None:
    """The others can be chosen."""
    people = read_people(_file(tmp_path, "a.yaml", "- {plan: gold}\n- {first_name: Bo}\n"), DECLARED)
    assert [one.first_name for one in people.learners] == ["Bo"]
    assert people.notes[0].startswith("learner 1: plan")


def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    """A pipe, a folder, and a file that is not there."""
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(Refused, match="not a file"):
        read_people(tmp_path / "pipe.csv")
    with pytest.raises(Refused, match="not a file"):
        read_people(tmp_path)
    with pytest.raises(NotFound, match="there is no file"):
        read_people(tmp_path / "absent.csv")


def test_attributes_may_be_said_otherwise() -> None:
    """Only declared ones; what is as before is no change; an empty text takes one away; a wrong one is told."""
    ada = read_learner = overridden(SOMEBODY, {"plan": "trial", "seats": "3"}, DECLARED)[0]
    assert read_learner.attributes == {"plan": "trial", "seats": 3}
    changed, said = overridden(ada, {"plan": "pro", "seats": "3", "unknown": "x"}, DECLARED)
    assert (changed.attributes, said) == ({"plan": "pro", "seats": 3}, {"plan": "pro"})
    assert overridden(ada, {"seats": ""}, DECLARED)[0].attributes == {"plan": "trial"}
    with pytest.raises(UserError, match='seats: "many" is not a number'):
        overridden(ada, {"seats": "many"}, DECLARED)
