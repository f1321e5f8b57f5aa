"""Whose each finding is: the step in whose text it stands, or the whole course's."""

from __future__ import annotations

from pathlib import Path

from preview_stage import Workspace, make_workspace

from drip.engine.findings import Findings


def _found(here: Workspace) -> Findings:
    good = here.live().look().good
    assert good is not None
    return good.findings


def test_each_step_has_its_own(tmp_path: Path) -> None:
    """In the course, in its translation, in a body's own file; tips inside a branch are told from their `if`."""
    found = _found(make_workspace(tmp_path))
    of = {step: {(Path(row.file).name, row.rule) for row in rows} for step, rows in found.of_step.items()}
    assert ("hello.sv.yaml", "too-short") in of["welcome"]
    assert ("export.md", "too-short") in of["export"]
    assert ("hello.yaml", "no-objective") in of["advanced"]
    assert ("hello.yaml", "no-objective") in of["basics"]
    assert of["export/survey"] == {("hello.yaml", "missing-translation")}
    assert found.languages == {"campaigns/hello.sv.yaml": "sv"}


def test_nothing_gets_lost(tmp_path: Path) -> None:
    """Every row of `drip check` is somebody's, once."""
    here = make_workspace(tmp_path)
    here.change("title: Your first report\n", 'title: Your first report\nhold_while: opened("welcome")\n')
    found = _found(here)
    rows = [*found.of_course, *(row for rows in found.of_step.values() for row in rows)]
    assert len(rows) == len(set(rows)) > 8
    assert [row.rule for row in found.of_course] == ["open-gates"]


def test_what_stands_outside_the_steps_is_the_course_s(tmp_path: Path) -> None:
    """Above them, below them, in the layout."""
    here = make_workspace(tmp_path)
    here.change("title: Your first report\n", "")
    text = here.file.read_text("utf-8")
    here.save(f'{text}stop: opened("welcome")\ntitle: Your first report\n')
    layout = (Path(__file__).parents[2] / "templates" / "tip.mjml").read_text("utf-8")
    here.save(
        layout.replace('color="#55595F" font-size="14px"', 'color="#BBBBBB" font-size="14px"'), "templates/tip.mjml"
    )
    files = {row.file for row in _found(here).of_course}
    assert files == {"campaigns/hello.yaml", "templates/tip.mjml"}


def test_a_wait_and_an_if_have_theirs(tmp_path: Path) -> None:
    """A finding between two messages is neither's."""
    here = make_workspace(tmp_path)
    here.change('until: answered("welcome")', 'until: opened("welcome")')
    found = _found(here)
    assert [row.rule for row in found.of_step["welcome/wait"]] == ["open-gates"]


def test_a_translated_survey_has_its_own(tmp_path: Path) -> None:
    """A survey without an id is found by its kind."""
    here = make_workspace(tmp_path)
    swedish = (here.folder / "campaigns" / "hello.sv.yaml").read_text("utf-8")
    here.save(f"{swedish}  - survey: nps\n    ask: Hur troligt?\n", "campaigns/hello.sv.yaml")
    rows = _found(here).of_step["export/survey"]
    assert [(Path(row.file).name, row.rule) for row in rows] == [("hello.sv.yaml", "missing-translation")]
