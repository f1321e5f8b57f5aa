"""The recorded timelines of the sample campaigns: `python tests/timelines.py` records them anew, for a diff."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from drip.engine.workspace import create

DATA = Path(__file__).parent / "data" / "timelines"
#: A Thursday three weeks before Europe's clocks go forward: weekends, Easter and its holidays lie ahead.
START = "2026-03-05T10:00"
#: file → the words after `drip simulate` that it was recorded with; the file itself keeps them.
TIMELINES: dict[str, list[str]] = {
    "first-report.txt": ["first-report"],
    "first-report-answered.txt": [
        *("first-report", "--learner", "timelines/keen.yaml", "--answers", "timelines/first-report-answers.yaml"),
    ],
    "first-report-cohort.txt": [
        *("first-report", "--learners", "timelines/people.csv", "--enrol-over", "30d", "--seed", "7"),
        *("--answers", "timelines/cohort-answers.yaml"),
    ],
    "trygg-start.txt": ["trygg-start"],
    "trygg-start-answered.txt": [
        *("trygg-start", "--learner", "timelines/keen.yaml", "--answers", "timelines/trygg-start-answers.yaml"),
    ],
    "safe-inbox.txt": ["safe-inbox"],
    "safe-inbox-answered.txt": [
        *("safe-inbox", "--learner", "timelines/colleague.yaml", "--answers", "timelines/safe-inbox-answers.yaml"),
    ],
}


def workspace(folder: Path) -> Path:
    """A fresh workspace with the sample campaigns, and everything of tests/data/timelines under `timelines/`."""
    create(folder, secret="a secret that is long enough for tests")
    shutil.copytree(DATA, folder / "timelines")
    return folder


def main() -> None:
    """Record every timeline, and copy it back."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = workspace(Path(temporary) / "academy")
        for name, words in TIMELINES.items():
            more = ["--start", START, "--golden", f"timelines/{name}", "--update"]
            subprocess.run([sys.executable, "-m", "drip", "simulate", *words, *more], cwd=folder, check=True)
            shutil.copy(folder / "timelines" / name, DATA / name)


if __name__ == "__main__":
    main()
