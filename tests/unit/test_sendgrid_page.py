"""docs/sendgrid.md names what proves it: those tests exist."""

from __future__ import annotations

import ast
import re
from pathlib import Path

TESTS = Path(__file__).parents[1]
PAGE = (TESTS.parent / "docs" / "sendgrid.md").read_text("utf-8")


def test_every_test_that_the_page_names_exists() -> None:
    """A line whose test was renamed or taken away is no longer proven."""
    named = re.findall(r"`(test_\w+\.py)::(test_\w+)`", PAGE)
    assert named
    for file, name in named:
        [path] = TESTS.rglob(file)
        functions = [node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.FunctionDef)]
        assert name in {function.name for function in functions}


def test_every_option_has_its_line() -> None:
    """Each option of the URL stands in the table, with its default."""
    from drip.transports.sendgrid_url import _READ

    assert re.findall(r"^\| `([a-z]+)` \| ", PAGE, re.MULTILINE) == ["connections", "sandbox", "host", "timeout"]
    assert set(_READ) == {"connections", "sandbox", "host", "timeout"}
