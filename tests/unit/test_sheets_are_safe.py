"""What drip writes for spreadsheets: in one place, where no cell becomes a formula."""

from __future__ import annotations

from pathlib import Path

import drip

#: Its `_safe` is proven by test_suppression_list.py::test_the_list_survives_its_own_export. Whoever writes a second
#: kind of sheet takes that function along.
WRITES = {"suppression_list.py"}


def test_one_file_writes_csv() -> None:
    """CSV is written nowhere else: cells that begin with = + - @, a tab or a return are text there."""
    room = Path(drip.__file__).parent
    found = {
        path.name
        for path in room.rglob("*.py")
        if "csv.writer" in (text := path.read_text("utf-8")) or "DictWriter" in text
    }
    assert found == WRITES
