"""The bytes of a CSV file → its header and rows, in whatever dialect a spreadsheet writes.

UTF-8 (with or without a mark), UTF-16 or Windows-1252; commas, semicolons, tabs or bars; quoted line breaks. One row
that cannot be read spoils itself alone: reading goes on at the next line.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from drip.errors import ImportRefused

#: A larger file is refused before it is read: a million learners take a fifth of it.
LARGEST_BYTES = 500_000_000
#: A quoted cell that goes on for more lines than this was never closed.
MOST_LINES_IN_A_ROW = 50
DELIMITERS = (",", ";", "\t", "|")
#: What stands for bytes that no letter has (U+FFFD).
UNREADABLE = "\ufffd"

_EXAMPLE = "email,first_name,last_name,language,timezone"
_SAVE = "save it as “CSV UTF-8”, and import that"
_NOTHING = " \t\r\n,;|\"'\ufeff"
_SEP = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Broken:
    """A row that cannot be read, and why."""

    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A CSV file: the cells of its header, and each row with the line on which it begins (counted from 1)."""

    header: Sequence[str]
    rows: Iterator[tuple[int, list[str] | Broken]]
    notes: list[str]


def decode(data: bytes) -> tuple[str, list[str]]:
    """The text of a file and notes on how it was read. Raises ImportRefused for what is not text.

    Windows-1252 is what an older Excel writes. Bytes that are wrong in an otherwise good UTF-8 file become UNREADABLE.
    """
    if len(data) > LARGEST_BYTES:
        raise ImportRefused(f"a file of {len(data):,} bytes; {LARGEST_BYTES:,} is the most: import it in pieces")
    if data.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise ImportRefused(f"this is a workbook of Excel's own kind, not CSV: open it there, {_SAVE}")
    try:
        if data.startswith((b"\xff\xfe", b"\xfe\xff")):
            return data.decode("utf-16"), []
        return data.decode("utf-8-sig"), []
    except UnicodeDecodeError:
        pass
    escaped = data.decode("utf-8-sig", errors="surrogateescape")
    if re.search(r"[^\x00-\x7f\udc80-\udcff]", escaped):
        return data.decode("utf-8-sig", errors="replace"), []
    try:
        return data.decode("cp1252"), [
            "the file is not UTF-8; it was read as Windows-1252: see whether å, é and ü are right"
        ]
    except UnicodeDecodeError:
        raise ImportRefused(f"the file is neither UTF-8 nor Windows-1252: {_SAVE}") from None


def read_sheet(data: bytes, wanted: str) -> Sheet:
    """The sheet in a CSV file. The delimiter is the one under which the header names the column `wanted`.

    Raises ImportRefused where there is no header.
    """
    text, notes = decode(data)
    lines = list(io.StringIO(text, newline=""))
    start = next((number for number, line in enumerate(lines) if line.strip(_NOTHING)), len(lines))
    delimiters: Sequence[str] = DELIMITERS
    if start < len(lines) and (said := _SEP.fullmatch(lines[start])):  # Excel's own way to name the delimiter
        delimiters, start = said[1], start + 1
    if start >= len(lines):
        raise ImportRefused(f"the file is empty: its first line must name the columns, such as\n  {_EXAMPLE}")
    found: list[tuple[bool, int, str, list[str], int]] = []
    for delimiter in delimiters:
        feed = _Feed(lines, start)
        first = next(_read(feed, delimiter))[1]
        if not isinstance(first, Broken):
            names = [cell.strip(_NOTHING).casefold() for cell in first]
            found.append((wanted in names, len(names), delimiter, first, feed.at))
    if not found:
        raise ImportRefused(f"line {start + 1}: the header cannot be read (a quote is never closed)")
    if "\0" in lines[start]:
        raise ImportRefused(f"this is not a text file: {_SAVE}")
    best = max(found, key=lambda one: one[:2])
    return Sheet(header=best[3], rows=_read(_Feed(lines, best[4]), best[2]), notes=notes)


class _Feed:
    """Gives lines to the csv module, and knows on which of them the current row began."""

    def __init__(self, lines: Sequence[str], at: int) -> None:
        self._lines, self.at, self.began = lines, at, at

    def __iter__(self) -> _Feed:
        return self

    def __next__(self) -> str:
        if self.at >= len(self._lines):
            raise StopIteration
        if self.at - self.began >= MOST_LINES_IN_A_ROW:
            raise csv.Error("too many lines")
        self.at += 1
        return self._lines[self.at - 1]

    def why_broken(self, error: csv.Error) -> str:
        """What is wrong with the row that the csv module has just given up on."""
        if len(self._lines[self.began]) > csv.field_size_limit():
            return f"a cell is longer than {csv.field_size_limit():,} characters"
        if self.at > self.began + 1 or "end of data" in str(error):
            return 'a quote that opens in this row is never closed: write "" for a quote inside a quoted cell'
        return 'a quote ends before its cell does: write "" for a quote inside a quoted cell'


def _read(feed: _Feed, delimiter: str) -> Iterator[tuple[int, list[str] | Broken]]:
    reader = csv.reader(feed, delimiter=delimiter, strict=True)
    while True:
        feed.began = feed.at
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            message = feed.why_broken(error)
            feed.at = feed.began + 1
            yield feed.began + 1, Broken(message)
        else:
            yield feed.began + 1, row
