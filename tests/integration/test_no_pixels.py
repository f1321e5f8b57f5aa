"""A workspace without pixels: no mail has one, no open is recorded, and every report still works."""

from __future__ import annotations

import json
from dataclasses import replace
from email import policy
from email.parser import BytesParser
from pathlib import Path

import pytest
from stage import COURSE, KEY, Stage, set_up
from typer.testing import CliRunner

from drip.cli import app
from drip.course.model import Defaults
from drip.course.parse import parse
from drip.engine.measure import report
from drip.engine.record import Recorder
from drip.errors import SettingsError
from drip.plan.compile import compile_plan
from drip.report.rows import to_object
from drip.settings import load


def html_of(stage: Stage) -> list[str]:
    mails = [BytesParser(policy=policy.default).parsebytes(path.read_bytes()) for path in stage.mails()]
    found = [mail.get_body(("html",)) for mail in mails]
    return [body.get_content() for body in found if body is not None]


def test_it_takes_effect_at_once(tmp_path: Path) -> None:
    """A course that was published before with pixels sends none any more, and an open of an old mail is not kept."""
    stage = set_up(tmp_path)
    stage.publish(COURSE)
    stage.add("a@customer.example", "b@customer.example")
    stage.enrol("a@customer.example")
    stage.live(days=0.2)
    assert "/o/" in html_of(stage)[0]
    stage.sending = replace(stage.sending, no_pixels=True)
    stage.recorder = Recorder(stage.store, suppression_key=KEY, no_pixels=True)
    stage.enrol("b@customer.example")
    stage.live(days=1)
    assert [html for html in html_of(stage) if "/o/" in html] == [html_of(stage)[0]]
    assert all('width="1"' not in html and "<img" not in html for html in html_of(stage)[1:])
    stage.recorder.opened(stage.rows()[0].id, stage.visit("open-1"))
    stage.recorder.clicked(stage.rows()[0].id, 0, stage.visit("click-1"))
    told = to_object(report(stage.store, "course", no_pixels=True))
    assert told["opens"] == "never"
    steps = told["steps"]
    assert isinstance(steps, list)
    assert {step["opened"] for step in steps} == {None}
    assert steps[0]["clicked"] == 1


def test_opens_of_before_are_shown(tmp_path: Path) -> None:
    """Opens that were recorded while they were allowed stay in the report: they were measured."""
    stage = set_up(tmp_path)
    stage.publish(COURSE)
    stage.add("a@customer.example")
    stage.enrol("a@customer.example")
    stage.live(days=0.2)
    stage.clock.turn(hours=1)
    stage.recorder.opened(stage.rows()[0].id, stage.visit("open-1"))
    steps = to_object(report(stage.store, "course", no_pixels=True))["steps"]
    assert isinstance(steps, list)
    assert steps[0]["opened"] == 1


@pytest.mark.parametrize("said", ["", "tracking: {opens: always}\n", "tracking: {opens: consented, clicks: never}\n"])
def test_it_goes_over_what_a_course_says(said: str) -> None:
    """Whatever a course says, its plan says never; what it says of clicks holds."""
    plan = compile_plan(parse("course.yaml", (COURSE + said).encode(), Defaults(no_pixels=True)), layout="")
    assert plan.tracking.opens == "never"
    assert plan.tracking.clicks == ("never" if "clicks" in said else "always")


def test_nothing_else_is_said_there(tmp_path: Path) -> None:
    """The workspace can only say never: everything else is a course's to say."""
    (tmp_path / "drip.toml").write_text('[tracking]\nopens = "always"\n', "utf-8")
    with pytest.raises(SettingsError, match="never"):
        load(tmp_path, {})
    (tmp_path / "drip.toml").write_text('[tracking]\nopens = "never"\n', "utf-8")
    assert load(tmp_path, {}).no_pixels
    assert load(tmp_path, {}).defaults.no_pixels


def test_every_report_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In such a workspace every command that tells how it went does so, and says that opens are not measured."""
    monkeypatch.chdir(tmp_path)
    for name in ("DRIP_DATABASE_URL", "DRIP_TRANSPORT"):
        monkeypatch.delenv(name, raising=False)
    drip("init", ".")
    with (tmp_path / "drip.toml").open("a", encoding="utf-8") as settings:
        settings.write('\n[tracking]\nopens = "never"\n')
    gated = COURSE.replace('not clicked("welcome")', 'not opened("welcome")')
    (tmp_path / "campaigns" / "course.yaml").write_text(gated, "utf-8")
    assert "opens are not measured" in drip("check", "campaigns/course.yaml")
    drip("publish", "course")
    drip("learners", "add", "ada@customer.example")
    drip("enrol", "course", "--email", "ada@customer.example")
    drip("run", "--until-idle", "--now", "2199-01-05T09:00Z")
    drip("preview", "course", "welcome", "--out", "seen")
    for path in (*(tmp_path / "outbox").glob("*.eml"), *(tmp_path / "seen").glob("*.eml")):
        assert b"/o/" not in path.read_bytes()
    text = drip("report", "course")
    assert "Opens are not measured" in text
    assert " 0 %" not in text
    told = json.loads(drip("report", "course", "--format", "json"))
    assert (told["opens"], told["steps"][0]["opened"]) == ("never", None)
    for command in (("status",), ("simulate", "course"), ("why", "ada@customer.example", "course")):
        drip(*command)
        json.loads(drip(*command, "--format", "json"))
    drip("learners", "show", "ada@customer.example")


def drip(*words: str) -> str:
    done = CliRunner().invoke(app, list(words))
    assert done.exit_code == 0, f"{words}\n{done.output}\n{done.exception!r}"
    return done.output
