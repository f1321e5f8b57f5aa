"""`drip demo`: it tells the whole story, leaves it behind, and what it says to type next works."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest


def drip(folder: Path, *words: str, **variables: str) -> str:
    """What `python -m drip` printed in that folder; it must end well, and without a word on stderr."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("DRIP_")}
    done = subprocess.run(
        [sys.executable, "-m", "drip", *words],
        cwd=folder,
        env={**own, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, ""), done
    return done.stdout


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """(the folder above, what the demo printed); the environment names a mail server that nobody may hear of."""
    folder = tmp_path_factory.mktemp("demo")
    return folder, drip(folder, "demo", "först ut", DRIP_TRANSPORT="smtp://127.0.0.1:1", DRIP_DATABASE_URL="nonsense")


def test_the_demo_prints_the_report_and_leaves_everything_behind(told: tuple[Path, str]) -> None:
    """Mails in the outbox, rows in the database, a report whose numbers agree with both."""
    folder, out = told
    here = folder / "först ut"
    sent = len(list((here / "outbox").glob("*.eml")))
    assert sent > 50
    assert f"({sent} .eml files;" in out
    with sqlite3.connect(here / "drip.db") as db:
        states = dict(db.execute("SELECT state, count(*) FROM delivery GROUP BY state"))
        opens = db.execute("SELECT count(*) FROM evidence WHERE kind = 'open'").fetchone()[0]
    db.close()
    assert states == {"sent": sent}
    assert opens > 20
    assert "12 enrolled: 0 active, 11 finished (2 by goal, 9 by last step), 1 left, 0 failed, 0 paused" in out
    assert re.search(r"First answers: \d+ of \d+ right", out)
    assert re.search(r"Questions that came back: \d+ of \d+ right", out)
    assert re.search(r"Survey recommend: [5-9] ratings, NPS [+-]\d", out)
    assert (len(re.findall(r"1 subscribed", out)), len(re.findall(r"\d rated", out))) == (2, 1)
    assert sent == sum(int(number) for number in re.findall(r"(\d+) mails,", out))


def test_what_the_demo_says_to_type_next_works(told: tuple[Path, str]) -> None:
    """Every command that it names runs in the folder that it made, and says something."""
    folder, out = told
    typed = re.findall(
        r"^  (?:\S*drip|\S+ -m drip) +(.*?) *(?:#.*)?$", out.partition("What to try next:")[2], re.MULTILINE
    )
    assert [line.split()[0] for line in typed] == ["why", "learners", "preview", "simulate", "check"]
    assert "  cd 'först ut'" in out
    for line in typed:
        assert drip(folder / "först ut", *line.split()), line
    assert (folder / "först ut" / "preview" / "welcome.html").exists()


def test_two_demos_tell_the_same_story(told: tuple[Path, str]) -> None:
    """Nothing is left to chance: the second demo prints the same numbers, and as JSON the same report."""
    folder, out = told
    assert drip(folder, "demo", "andra").replace("andra", "först ut").replace("'", "") == out.replace("'", "")
    third = json.loads(drip(folder, "demo", "tredje", "--format", "json"))
    assert third["folder"] == "tredje"
    assert third["report"] == json.loads(drip(folder / "andra", "report", "first-report", "--format", "json"))


def test_a_demo_does_not_write_over_a_workspace(told: tuple[Path, str]) -> None:
    """Where a workspace is, the demo refuses, and leaves it as it was."""
    folder, _ = told
    before = (folder / "först ut" / "drip.toml").read_bytes()
    done = subprocess.run(
        [sys.executable, "-m", "drip", "demo", "först ut"], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "is there already" in done.stderr
    assert (folder / "först ut" / "drip.toml").read_bytes() == before
