"""A file of learners → entries, each with its line, and a list of what is wrong. Nothing here touches the database.

CSV in whatever dialect a spreadsheet writes (comma, semicolon or tab; UTF-8, UTF-16 or Windows-1252), or a JSON list.
A mistake in the header refuses the file; a mistake in a row refuses that row, by its number, and the rest go on.
"""

from __future__ import annotations

import io
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from drip.errors import ImportRefused

#: The columns that drip itself knows; every other one becomes `learner.COLUMN`.
OWN = ("email", "first_name", "last_name", "language", "timezone")
#: Names under `learner.` that are ours and that no column may take.
TAKEN = ("ref", "attributes", "imported_timezone")
#: A larger file is refused before it is read into pieces: a million learners take a tenth of it.
LARGEST_BYTES = 500_000_000
#: Longer cells are a paste in the wrong place, or a quote that was never closed.
LONGEST_CELL = 2_000
LONGEST_NAME = 200
MOST_COLUMNS = 200
#: A quoted cell that goes on for more lines than this was never closed: reading goes on below the line it began on.
MOST_LINES_IN_A_ROW = 50
DELIMITERS = (",", ";", "\t", "|")

_EXAMPLE = "email,first_name,last_name,language,timezone"
#: What spreadsheets and web pages leave around an address: spaces of all kinds, and marks that nobody sees.
_INVISIBLE = " \t\r\n\u00a0\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"
_JSON = json.JSONDecoder(
    parse_int=str, parse_float=str, parse_constant=str, object_pairs_hook=lambda pairs: _Object(pairs)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RowProblem:
    """Why a row was refused. `line` counts from 1 and is where the row begins; `column` is None for the whole row."""

    line: int
    column: str | None
    message: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.message}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What one row says of one learner, checked. None, or a missing attribute: it says nothing, and changes nothing."""

    line: int
    email: str
    first_name: str | None = None
    last_name: str | None = None
    language: str | None = None
    timezone: str | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Roster:
    """A file that has been read: one entry an address, the refused rows, and notes on the file as a whole."""

    entries: tuple[Entry, ...]
    problems: tuple[RowProblem, ...]
    notes: tuple[str, ...]


class _BadRow(Exception):
    def __init__(self, column: str | None, message: str) -> None:
        self.column, self.message = column, message


class _Object(dict[str, object]):
    """A JSON object that remembers which of its keys were written twice."""

    def __init__(self, pairs: Sequence[tuple[str, object]]) -> None:
        super().__init__(pairs)
        self.twice = [key for key, count in Counter(key for key, _ in pairs).items() if count > 1]


def read_csv(data: bytes) -> Roster:
    """The roster in a CSV file. Raises ImportRefused where there is no header that names an `email` column."""
    text, notes = _decode(data)
    lines, line_number = list(io.StringIO(text, newline="")), 0
    delimiters: Sequence[str] = DELIMITERS
    while line_number < len(lines) and not lines[line_number].strip(" \t,;|\r\n\ufeff"):
        line_number += 1
    if line_number < len(lines) and (said := re.fullmatch(r'"?sep=(.)"?\s*', lines[line_number])):
        delimiters, line_number = said[1], line_number + 1  # the line by which Excel tells itself the delimiter
    if line_number >= len(lines):
        raise ImportRefused(f"the file is empty: its first line must name the columns, such as\n  {_EXAMPLE}")
    delimiter, cells, after_header = _header(lines, line_number, delimiters)
    columns = _columns(cells)
    entries: list[Entry] = []
    problems: list[RowProblem] = []
    for line, row in _rows(lines, after_header, delimiter):
        if isinstance(row, str):
            problems.append(RowProblem(line=line, column=None, message=row))
        elif any(cell.strip() for cell in row):
            _take(entries, problems, line, lambda row=row: _named(columns, row))  # type: ignore[misc]  # bound now
    if not entries and not problems:
        notes.append("there are no rows below the header")
    return _merged(entries, problems, notes)


def read_json(data: bytes) -> Roster:
    """The roster in a JSON list of objects with the same keys as the columns. Raises ImportRefused for anything else."""
    text, notes = _decode(data)
    entries: list[Entry] = []
    problems: list[RowProblem] = []
    for line, item in _items(text):
        _take(entries, problems, line, lambda item=item: _keys(item))  # type: ignore[misc]  # bound now
    if not entries and not problems:
        notes.append("the list is empty")
    return _merged(entries, problems, notes)
