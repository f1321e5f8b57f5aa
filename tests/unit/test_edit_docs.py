"""docs/editing.md shows the table that the tests live."""

from __future__ import annotations

from pathlib import Path

from edit_table import BEGIN, END, page_table

PAGE = Path(__file__).parents[2] / "docs" / "editing.md"


def test_the_page_shows_the_table() -> None:
    """Every cell that is tested stands in the page, word for word (`python tests/edit_table.py` writes it)."""
    shown = PAGE.read_text("utf-8").partition(BEGIN)[2].partition(END)[0]
    assert shown == page_table()
