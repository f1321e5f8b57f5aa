"""A course is read from the disk with everything beside it: translations, bodies, pictures; and nothing else."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from pictures import png
from terminal import COURSE, Terminal

from drip.course.model import Defaults
from drip.course.pictures import picture
from drip.engine import beside
from drip.engine.workspace import Compiled, compile_course, course_files, files_under, find_course, packaged
from drip.errors import CourseError, NotFound, Refused
from drip.plan.model import Mail
from drip.render.layout import Brand

TEXT = """\
title: Hello
steps:
  - tip: one
    subject: One
    preheader: First
    body_file: tips/one.md
    image: {src: img/a.png, alt: A}
"""


SWEDISH = "title: Hej\nsteps: [{tip: one, subject: Ett, body_file: tips/one.sv.md}]\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A workspace with one course in two languages, a body in a file, and pictures."""
    write(tmp_path, "campaigns/hello.yaml", TEXT)
    write(tmp_path, "campaigns/tips/one.md", "![B](../img/b.png) Body.")
    write(
        tmp_path, "campaigns/hello.sv.yaml", "title: Hej\nsteps: [{tip: one, subject: Ett, body_file: tips/one.sv.md}]"
    )
    write(tmp_path, "campaigns/tips/one.sv.md", "![B](../img/b.png) Brödtext.")
    for name, data in (("a", png(1, 1)), ("b", png(2, 2))):
        write(tmp_path, f"campaigns/img/{name}.png", data)
    return tmp_path


def write(folder: Path, name: str, content: str | bytes) -> Path:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return file


def compiled(folder: Path, name: str = "hello") -> Compiled:
    return compile_course(folder / "campaigns" / f"{name}.yaml", folder, Defaults(), Brand())


def rules(folder: Path, name: str = "hello") -> list[tuple[str, str]]:
    with pytest.raises(CourseError) as caught:
        compiled(folder, name)
    return [(mistake.file, mistake.rule) for mistake in caught.value.mistakes]


def test_a_course_is_compiled_with_what_lies_beside_it(folder: Path) -> None:
    """Both bodies, both pictures (each by the name of its content), and a template for each language."""
    made = compiled(folder)
    step = made.plan.steps[0]
    assert isinstance(step, Mail)
    a, b = picture(png(1, 1)).name, picture(png(2, 2)).name
    assert step.variants[0].texts.body == f"![B]({b}) Body."
    assert step.variants[0].texts_in("sv").body == f"![B]({b}) Brödtext."
    assert made.media == {a.removeprefix("m/"): png(1, 1), b.removeprefix("m/"): png(2, 2)}
    assert {template.language for template in made.templates} == {"en", "sv"}


def test_every_file_beside_it_is_part_of_the_revision(folder: Path) -> None:
    """An edited body, translation or picture is another plan."""
    revisions = {compiled(folder).plan.revision}
    for name, content in (
        ("campaigns/tips/one.md", b"Other."),
        ("campaigns/tips/one.sv.md", b"Annat."),
        ("campaigns/hello.sv.yaml", SWEDISH.replace("Hej", "Hejsan")),
        ("campaigns/img/a.png", png(3, 3)),
    ):
        write(folder, name, content)
        revisions.add(compiled(folder).plan.revision)
    assert len(revisions) == 5


def test_a_missing_file_is_told_where_it_is_named(folder: Path) -> None:
    """In the course, in a body, in a translation: each with its own file's name."""
    (folder / "campaigns/img/b.png").unlink()
    (folder / "campaigns/img/a.png").unlink()
    assert rules(folder) == [
        ("campaigns/hello.yaml", "missing-file"),
        ("campaigns/tips/one.md", "missing-file"),
        ("campaigns/tips/one.sv.md", "missing-file"),
    ]
    (folder / "campaigns/tips/one.sv.md").unlink()
    assert ("campaigns/hello.sv.yaml", "missing-file") in rules(folder)


def test_what_is_no_file_is_not_there(folder: Path) -> None:
    """A folder or a pipe with the name of a file is never opened."""
    (folder / "campaigns/img/a.png").unlink()
    (folder / "campaigns/img/a.png").mkdir()
    (folder / "campaigns/img/b.png").unlink()
    os.mkfifo(folder / "campaigns/img/b.png")
    assert {rule for _, rule in rules(folder)} == {"missing-file"}


def test_a_link_out_of_the_folder_is_not_followed(folder: Path) -> None:
    """A course shows nothing of the disk but its own folder; a link inside it is a file like any other."""
    write(folder, "secret.md", "A secret.")
    target = folder / "campaigns/tips/one.md"
    target.unlink()
    target.symlink_to(folder / "secret.md")
    with pytest.raises(Refused, match="leads out of the course's folder"):
        compiled(folder)
    target.unlink()
    write(folder, "campaigns/shared.md", "Shared.")
    target.symlink_to(folder / "campaigns/shared.md")
    assert compiled(folder).plan.steps


def test_a_huge_file_is_not_read_whole(folder: Path) -> None:
    """Of a picture as large as a film, a little more than a megabyte is read, and it is refused."""
    with (folder / "campaigns/img/a.png").open("r+b") as file:
        file.truncate(5_000_000_000)  # sparse: it takes no space
    assert rules(folder) == [("campaigns/hello.yaml", "bad-picture")]


def test_all_files_together_have_a_limit(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A course whose pictures would fill the memory is refused before they do."""
    monkeypatch.setattr(beside, "LARGEST_TOGETHER", len(png(1, 1)) + 30)
    with pytest.raises(Refused, match="make its pictures smaller"):
        compiled(folder)


def test_a_translation_is_no_course_of_its_own(folder: Path) -> None:
    """Looking through a folder, naming it, or asking for its id leads to its course."""
    course = folder / "campaigns/hello.yaml"
    assert course_files(folder) == [course]
    assert list(files_under([folder, folder / "campaigns/hello.sv.yaml", course])) == [course]
    assert find_course(folder, "campaigns/hello.sv.yaml") == course
    with pytest.raises(NotFound):
        find_course(folder, "hello.sv")


def test_a_translation_without_its_course_is_told(folder: Path) -> None:
    """It is not passed over in silence."""
    orphan = write(folder, "campaigns/bye.sv.yaml", "title: Hej då")
    assert orphan in course_files(folder)
    assert ("campaigns/bye.sv.yaml", "no-course") in rules(folder, "bye.sv")


def test_a_translation_over_a_megabyte_is_refused(folder: Path) -> None:
    """As a course is."""
    write(folder, "campaigns/hello.sv.yaml", "#" * 1_000_001)
    with pytest.raises(Refused, match=r"hello\.sv\.yaml: larger than 1 MB"):
        compiled(folder)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Terminal:
    return Terminal(folder=tmp_path, monkeypatch=monkeypatch, capsys=capsys)


def test_check_tells_what_is_not_translated(here: Terminal) -> None:
    """Each step that lacks a translation is a warning, in the translation or in the course."""
    here.found(COURSE)
    here.write("campaigns/hello.sv.yaml", "title: Hej\nsteps:\n  - {tip: welcome, subject: Välkommen}\n")
    rows = [row for row in here.json("check") if row["rule"] == "missing-translation"]
    assert [(row["file"], row["line"], row["severity"]) for row in rows] == [
        ("campaigns/hello.yaml", 13, "warning"),
        ("campaigns/hello.yaml", 18, "warning"),
        ("campaigns/hello.sv.yaml", 3, "warning"),
    ]


def test_a_mistake_in_a_translation_is_an_error_of_its_course(here: Terminal) -> None:
    """`check` of either file tells it, with the translation's own line."""
    here.found(COURSE)
    here.write("campaigns/hello.sv.yaml", "title: Hej\nsteps:\n  - {tip: welcom, subject: Välkommen}\n")
    for path in ("campaigns/hello.yaml", "campaigns/hello.sv.yaml"):
        rows = here.json("check", path, code=1)
        assert [(row["file"], row["line"], row["column"], row["rule"]) for row in rows] == [
            ("campaigns/hello.sv.yaml", 3, 11, "unknown-step")
        ]


def test_declared_attributes_hold_in_every_command(here: Terminal) -> None:
    """[learner] is what `check`, `learners import`, `learners add` and a learner's file go by."""
    here.found(COURSE.replace('correct("welcome")', "learner.seats > 3"))
    settings = (here.folder / "drip.toml").read_text("utf-8")
    here.write("drip.toml", settings + '\n[learner]\nseats = {type = "number", default = 1}\nplan = ["trial", "pro"]\n')
    assert [row["severity"] for row in here.json("check") if row["rule"].startswith("attribute")] == []
    here.found(COURSE.replace('correct("welcome")', "learner.seets > 3"))
    here.write("drip.toml", settings + '\n[learner]\nseats = {type = "number", default = 1}\nplan = ["trial", "pro"]\n')
    assert [row["rule"] for row in here.json("check", code=1)] == ["unknown-attribute"]
    here.write("people.csv", "email,seats,plan\na@kund.example,5,Pro\nb@kund.example,many,pro\nc@kund.example,,gold\n")
    done = here.json("learners", "import", "people.csv", code=1)
    assert [(row["line"], row["column"]) for row in done["refused"]] == [(3, "seats"), (4, "plan")]
    assert here.json("learners", "show", "a@kund.example")["attributes"] == {"seats": 5, "plan": "pro"}
    here.drip("learners", "add", "d@kund.example", "--set", "seats=2,5")
    assert here.json("learners", "show", "d@kund.example")["attributes"] == {"seats": 2.5}
    assert (
        'seats: "many" is not a number'
        in here.drip("learners", "add", "e@kund.example", "--set", "seats=many", code=1).err
    )
    assert "did you mean seats?" in here.drip("learners", "add", "e@kund.example", "--set", "seat=5", code=1).err


def test_the_schema_of_a_translation_is_there_for_an_editor(here: Terminal) -> None:
    """`drip init` writes it beside the course's, and `drip schema --translation` prints the same."""
    here.drip("init", "ny")
    written = json.loads((here.folder / "ny" / "campaigns" / "translation.schema.json").read_text("utf-8"))
    assert json.loads(here.drip("schema", "--translation").out) == written
    assert written != json.loads(here.drip("schema").out)


def test_init_takes_what_the_samples_refer_to_along(here: Terminal) -> None:
    """Bodies, pictures and translations of the sample campaigns are copied whole, byte by byte."""
    here.drip("init", "ny")
    samples = [one for one in packaged("campaigns").rglob("*") if one.suffix in (".yaml", ".md", ".png")]
    assert samples
    for sample in samples:
        copied = here.folder / "ny" / "campaigns" / sample.relative_to(packaged("campaigns"))
        assert copied.read_bytes() == sample.read_bytes()
