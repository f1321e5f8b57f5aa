"""Each sample campaign keeps its timeline: who changes a campaign or a rule of time sees in a diff what it does."""

from __future__ import annotations

from pathlib import Path

import pytest
from terminal import Terminal
from timelines import DATA, TIMELINES, workspace

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
