"""docs/doctor.md tells of every check that the doctor has, and of no other."""

from __future__ import annotations

import re
from pathlib import Path

from drip.engine.doctor import TOPICS, Severity

ROOT = Path(__file__).parents[2]
ID = re.compile(rf"(?:{'|'.join(TOPICS)})-[a-z-]+")
#: Of a look that came to nothing, in every topic.
GIVEN_UP = re.compile(r"-(?:time|trouble)$")


def test_every_check_stands_in_the_docs() -> None:
    """Each id in the code has its place on the page; each on the page is in the code."""
    sources = "".join(file.read_text("utf-8") for file in (ROOT / "drip" / "engine" / "doctor").glob("*.py"))
    ids = set(re.findall(rf'"({ID.pattern})"', sources))
    page = (ROOT / "docs" / "doctor.md").read_text("utf-8")
    told = {name for name in re.findall(rf"`({ID.pattern})`", page) if not GIVEN_UP.search(name)}
    assert len(ids) > 70
    assert told == ids


def test_every_topic_and_severity_stands_in_the_docs() -> None:
    """All words that `--only` and a reader of the JSON meet."""
    page = (ROOT / "docs" / "doctor.md").read_text("utf-8")
    headings = " ".join(re.findall(r"^### (.*)$", page, flags=re.MULTILINE))
    assert [topic for topic in TOPICS if topic != "dns" and topic not in headings] == []
    assert [severity for severity in Severity if f"| `{severity}` |" not in page] == []
