"""Each sample campaign keeps its timeline: who changes a campaign or a rule of time sees in a diff what it does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from terminal import Terminal
from timelines import DATA, TIMELINES, workspace

PAGE = Path(__file__).parents[2] / "docs" / "simulate.md"
SAMPLES = ("first-report", "trygg-start", "safe-inbox")


@pytest.mark.parametrize("name", TIMELINES)
def test_a_sample_keeps_its_timeline(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The real command foretells what was recorded. If that is meant to change: python tests/timelines.py."""
    here = Terminal(folder=workspace(tmp_path / "academy"), monkeypatch=monkeypatch, capsys=capsys)
    said = here.drip("simulate", TIMELINES[name][0], "--golden", f"timelines/{name}")
    assert said.out == f"timelines/{name}: nothing has changed\n"


def test_every_sample_has_its_timelines() -> None:
    """Each campaign is simulated with a learner who does nothing, and with one who answers; no file is left over."""
    for sample in SAMPLES:
        mine = [words for words in TIMELINES.values() if words[0] == sample]
        assert any("--answers" in words for words in mine)
        assert any("--answers" not in words for words in mine)
    assert sorted(file.name for file in DATA.glob("*.txt")) == sorted(TIMELINES)


def test_the_page_shows_real_output(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What docs/simulate.md shows of one learner, of mistakes and of a change is what the command prints today."""
    page = PAGE.read_text("utf-8")
    here = Terminal(folder=workspace(tmp_path / "academy"), monkeypatch=monkeypatch, capsys=capsys)
    (answers,) = re.findall(r"^```yaml\n(# answers\.yaml.*?)^```", page, flags=re.MULTILINE | re.DOTALL)
    here.write("answers.yaml", answers)
    here.write("bad.yaml", "every: {anser: right}\nsteps:\n  compare: {answer: {option: wrnog, after: 1 day}}\n")
    words = ("simulate", "first-report", "--start", "2026-03-05T10:00")
    assert here.drip(*words, "--timezone", "Europe/Stockholm", "--answers", "answers.yaml").out in page
    assert here.drip(*words, "--answers", "bad.yaml", code=1).err in page
    golden = ("--golden", "timelines/course.txt")
    here.drip(*words, "--answers", "answers.yaml", *golden, "--update")
    campaign = here.folder / "campaigns" / "first-report.yaml"
    edited = campaign.read_text("utf-8").replace("- tip: differ\n    after: 4 days", "- tip: differ\n    after: 6 days")
    campaign.write_text(edited, "utf-8")
    told = here.drip("simulate", "first-report", *golden, code=1).err
    assert told.replace("timelines/course.txt", "timelines/first-report.txt") in page
