"""The page on the rules is what the rules say today."""

from __future__ import annotations

import runpy
from pathlib import Path

from drip.check import RULES

ROOT = Path(__file__).parents[2]


def test_the_page_is_up_to_date() -> None:
    """docs/rules.md is what `python docs/rules.py` writes."""
    made = runpy.run_path(str(ROOT / "docs" / "rules.py"))
    assert (ROOT / "docs" / "rules.md").read_text(encoding="utf-8") == made["page"]()


def test_every_rule_stands_on_the_page_once() -> None:
    """With its id as a heading, why it is a rule, and an example that is not empty."""
    page = (ROOT / "docs" / "rules.md").read_text(encoding="utf-8")
    for rule in RULES:
        assert page.count(f"### `{rule.id}`\n") == 1
        section = page.split(f"### `{rule.id}`\n")[1].split("\n### ")[0]
        assert rule.why in section
        example = section.split("```diff\n")[1].split("```")[0]
        assert {line[0] for line in example.splitlines()} & {"+", "-"}


def test_why_and_instead_are_lines() -> None:
    """A reason is one sentence with its full stop; what to write is one line without."""
    for rule in RULES:
        assert rule.why.endswith(".") or rule.why.endswith(").")
        assert "\n" not in rule.why + rule.instead
        assert not rule.instead.endswith(".")
