"""docs/security.md names what proves each defence: those tests exist, and each line of its tables names one."""

from __future__ import annotations

import ast
import re
from pathlib import Path

TESTS = Path(__file__).parents[1]
PAGE = (TESTS.parent / "docs" / "security.md").read_text("utf-8")
FILES = {path.name: path for path in TESTS.rglob("test_*.py")}
NAMED = re.findall(r"`(test_\w+\.py)::(test_\w+)`", PAGE)


def defined_in(path: Path) -> set[str]:
    """The tests of a file."""
    return {node.name for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.FunctionDef)}


def test_every_test_that_the_page_names_exists() -> None:
    """A defence whose test was renamed or taken away is no longer proven."""
    assert len(NAMED) > 50
    assert [f"{file}::{name}" for file, name in NAMED if file not in FILES or name not in defined_in(FILES[file])] == []


def test_every_threat_has_a_defence_and_a_proof() -> None:
    """No line is a promise alone."""
    tables = re.findall(r"^\| threat \| defence \| proven by \|\n\|[-|]+\|\n((?:\|.*\n)+)", PAGE, re.MULTILINE)
    lines = [line for table in tables for line in table.splitlines()]
    assert len(lines) > 30
    for line in lines:
        _, threat, defence, proof, _ = (cell.strip() for cell in line.split("|"))
        assert threat, line
        assert defence, line
        assert "::test_" in proof, line


def test_the_hostile_suites_are_all_told_of() -> None:
    """Whoever adds to them adds a line here, or finds the one that it belongs to."""
    told = {name for _, name in NAMED}
    for file in (
        "test_web_forged.py",
        "test_web_presses.py",
        "test_web_doorstep.py",
        "test_web_odd.py",
        "test_injection.py",
    ):
        left = {name for name in defined_in(FILES[file]) if name.startswith("test_")} - told
        assert left <= SANE, f"{file}: {left}"


#: Tests that show that the others could fail.
SANE = {"test_a_good_link_is_taken", "test_a_press_on_the_page_itself_is_taken"}
