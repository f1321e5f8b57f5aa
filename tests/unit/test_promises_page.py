"""docs/promises.md names what proves each promise: those tests exist, and every fault that is lived has a line."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

TESTS = Path(__file__).parents[1]
DOCS = TESTS.parent / "docs"
PAGE = (DOCS / "promises.md").read_text("utf-8")
FILES = {path.name: path for path in TESTS.rglob("test_*.py")}


def defined_in(path: Path) -> set[str]:
    """The tests of a file."""
    return {node.name for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.FunctionDef)}


def test_every_test_that_the_page_names_exists() -> None:
    """A promise whose test was renamed or taken away is no longer proven."""
    named = re.findall(r"`(test_\w+\.py)::(test_\w+)`", PAGE)
    assert len(named) > 40
    assert [f"{file}::{name}" for file, name in named if file not in FILES or name not in defined_in(FILES[file])] == []
    loose = re.sub(r"`test_\w+\.py::test_\w+`", "", PAGE)
    assert re.findall(r"\btest_\w+", loose) == [], "each is named with its file, so that this test can look"


def test_the_operator_s_page_names_tests_that_exist() -> None:
    """docs/delivery.md names a few too; its commands are lived by tests/acceptance/test_operator_path.py."""
    page = (DOCS / "delivery.md").read_text("utf-8")
    named = re.findall(r"`(test_\w+\.py)::(test_\w+)`", page)
    assert len(named) >= 5
    assert [f"{file}::{name}" for file, name in named if file not in FILES or name not in defined_in(FILES[file])] == []


def test_every_promise_is_proven() -> None:
    """All eight of them."""
    for number in range(1, 9):
        [line] = re.findall(rf"^\| {number} \|.*$", PAGE, re.MULTILINE)
        assert "::test_" in line


def test_every_fault_has_its_line_and_every_line_its_fault() -> None:
    """The rows that are lived are the rows that are told."""
    sys.path.insert(0, str(TESTS / "integration"))
    try:
        from faults import FAULTS
    finally:
        sys.path.pop(0)
    table = PAGE.partition("| the server |")[2]
    proven = [line.rsplit("|", 2)[1] for line in table.splitlines() if line.startswith("| ")]
    told = [name for cell in proven for name in re.findall(r"`([^`]+)`", cell) if "::" not in name]
    assert sorted(told) == sorted(fault.name for fault in FAULTS)
