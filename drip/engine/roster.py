"""A file of learners → entries, each with its line, and what is wrong with the rest. Nothing here touches the database.

A mistake in the header refuses the file; a mistake in a row refuses that row, by its number, and the others go on.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import lru_cache

from email_validator import EmailNotValidError, validate_email
from pydantic_core import PydanticCustomError

from drip.course import values
from drip.course.positions import Scalar
from drip.course.timing import parse_zone
from drip.engine.json_list import AN_OBJECT, Object, read_items
from drip.engine.sheet import UNREADABLE, Broken, decode, read_sheet
from drip.errors import ImportRefused
from drip.store.learners import address_of

#: The columns that drip itself knows; every other one becomes `learner.COLUMN`.
OWN = ("email", "first_name", "last_name", "language", "timezone")
#: Names under `learner.` that are ours and that no column may take.
TAKEN = ("ref", "attributes", "imported_timezone")
#: Longer cells are a paste in the wrong place.
LONGEST_CELL = 2_000
LONGEST_NAME = 200
MOST_COLUMNS = 200
#: So many addresses that stand more than once are named; the others are counted.
MOST_NAMED = 10

#: What spreadsheets and web pages leave around a text: spaces of all kinds, and marks that nobody sees.
_AROUND = " \t\r\n\u00a0\u200b\u200e\u200f\u2060\ufeff"
_BREAKS = re.compile(r"[\t\n\v\f\r\x1c-\x1f\x85\u2028\u2029]+")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class RowProblem:
    """Why a row was refused. `line` counts from 1, where the row begins; `column` is None where it is the whole row."""

    line: int
    column: str | None
    message: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.message}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What a row says of one learner, checked. None, or an attribute that is not there: it says nothing about that."""

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


class BadCell(ValueError):
    """A row that cannot be taken; `column` says where, if not all of it is wrong."""

    def __init__(self, column: str | None, message: str) -> None:
        super().__init__(message)
        self.column = column


def read_csv(data: bytes) -> Roster:
    """The roster in a CSV file. Raises ImportRefused unless its first line names the columns, `email` among them."""
    sheet = read_sheet(data, "email")
    columns = _columns(sheet.header)
    roster = _roster(((line, _named(columns, row)) for line, row in sheet.rows), "there are no rows below the header")
    notes = [*sheet.notes, *_near_misses(columns), *roster.notes]
    return Roster(entries=roster.entries, problems=roster.problems, notes=tuple(notes))


def read_json(data: bytes) -> Roster:
    """The roster in a JSON list of objects, whose keys are the columns. Raises ImportRefused for anything else."""
    text, notes = decode(data)
    roster = _roster(((line, _keyed(item)) for line, item in read_items(text)), "the list is empty")
    return Roster(entries=roster.entries, problems=roster.problems, notes=(*notes, *roster.notes))


def check_entry(cells: Mapping[str, str], *, line: int = 1) -> Entry:
    """The entry that these cells make. Raises BadCell for the first that is wrong."""
    said = {column: _clean(column, text) for column, text in cells.items()}
    texts = {column: text for column, text in said.items() if text}
    return Entry(
        line=line,
        email=_email(cells.get("email", "")),
        first_name=texts.get("first_name"),
        last_name=texts.get("last_name"),
        language=_language(texts["language"]) if "language" in texts else None,
        timezone=_zone(texts["timezone"]) if "timezone" in texts else None,
        attributes={column: text for column, text in texts.items() if column not in OWN},
    )


@lru_cache(maxsize=4096)
def column_name(written: str) -> str:
    """The name that a column has under `learner.`: `Plan Name` is plan_name. Raises BadCell where it can have none."""
    shown = _shown(written)
    plain = "".join(c for c in unicodedata.normalize("NFKD", written) if not unicodedata.combining(c)).casefold()
    name = re.sub(r"[^a-z0-9]+", "_", plain).strip("_")
    if written.strip(_AROUND).startswith("_") or not re.match("[a-z]", name) or len(name) > LONGEST_NAME:
        raise BadCell(name, f'a column cannot be named {shown}: begin with a letter from a to z, such as "plan"')
    if name in TAKEN:
        raise BadCell(
            name, f'a column cannot be named {shown}, since learner.{name} is drip\'s own: write "my_{name}", say'
        )
    return name


def _roster(rows: Iterable[tuple[int, Mapping[str, str] | BadCell]], empty: str) -> Roster:
    """Check every row. A later row about the same person goes over an earlier one, as if it were imported next."""
    entries: dict[str, Entry] = {}
    lines: dict[str, list[int]] = {}
    problems: list[RowProblem] = []
    for line, cells in rows:
        try:
            if isinstance(cells, BadCell):
                raise cells
            if not any(text.strip(_AROUND) for text in cells.values()):
                continue
            entry = check_entry(cells, line=line)
        except BadCell as bad:
            problems.append(RowProblem(line=line, column=bad.column, message=str(bad)))
            continue
        address = address_of(entry.email)
        entries[address] = _over(entries[address], entry) if address in entries else entry
        lines.setdefault(address, []).append(line)
    repeated = [(entries[address].email, on) for address, on in lines.items() if len(on) > 1]
    notes = [f"{email} stands on lines {_and(on)}: the last one wins" for email, on in repeated[:MOST_NAMED]]
    if len(repeated) > MOST_NAMED:
        notes.append(f"{len(repeated) - MOST_NAMED:,} more addresses stand more than once: the last line wins")
    if not entries and not problems:
        notes.append(empty)
    return Roster(entries=tuple(entries.values()), problems=tuple(problems), notes=tuple(notes))


def _over(old: Entry, new: Entry) -> Entry:
    return Entry(
        line=new.line,
        email=old.email,
        first_name=new.first_name or old.first_name,
        last_name=new.last_name or old.last_name,
        language=new.language or old.language,
        timezone=new.timezone or old.timezone,
        attributes={**old.attributes, **new.attributes},
    )


def _columns(header: Sequence[str]) -> list[str | None]:
    """The names of the columns; None for one that has none. Raises ImportRefused with all that is wrong."""
    names: list[str | None] = []
    wrong: list[str] = []
    for number, written in enumerate(header, start=1):
        try:
            names.append(column_name(written) if written.strip(_AROUND) else None)
        except BadCell as bad:
            names.append(None)
            wrong.append(f"column {number}: {bad}")
    for name, count in Counter(filter(None, names)).items():
        if count > 1:
            places = [number for number, one in enumerate(names, start=1) if one == name]
            wrong.append(f"columns {_and(places)} are both named {name}: rename one, or take it out")
    if "email" not in names:
        wrong.insert(0, _no_email(header))
    if len(names) > MOST_COLUMNS:
        wrong = [f"{len(names):,} columns; {MOST_COLUMNS} is the most"]
    if wrong:
        raise ImportRefused("\n".join(wrong))
    return names


def _no_email(header: Sequence[str]) -> str:
    if any("@" in cell for cell in header):
        return (
            "the first line must name the columns, but holds an address: write a line above it, such as\n  "
            + ",".join(OWN)
        )
    near = [cell for cell in header if "mail" in cell.casefold()] or get_close_matches("email", header, n=1)
    instead = (
        f'rename {_shown(near[0])} to "email"' if near else f"the columns are {', '.join(map(_shown, header[:10]))}"
    )
    return f'no column is named "email": {instead}'


def _near_misses(columns: Sequence[str | None]) -> Iterator[str]:
    """Columns that are taken as they are, though they look like one of ours."""
    missing = [own for own in OWN if own not in columns]
    for name in columns:
        if name and name not in OWN and (close := get_close_matches(name, missing, n=1, cutoff=0.8)):
            yield f"the column {name} became learner.{name}: if it is the learner's {close[0]}, name it {close[0]}"


def _named(columns: Sequence[str | None], row: list[str] | Broken) -> Mapping[str, str] | BadCell:
    if isinstance(row, Broken):
        return BadCell(None, row.message)
    for number, cell in enumerate(row, start=1):
        if cell.strip(_AROUND) and (number > len(columns) or columns[number - 1] is None):
            if number > len(columns):
                words = (
                    f"{len(row)} cells for {len(columns)} columns: put quotes around a cell that holds the delimiter"
                )
                return BadCell(None, words)
            return BadCell(None, f"{_shown(cell)} stands in column {number}, which has no name")
    return {name: cell for name, cell in zip(columns, row, strict=False) if name}


def _keyed(item: object) -> Mapping[str, str] | BadCell:
    if not isinstance(item, Object):
        return BadCell(None, f"an object is wanted, such as {AN_OBJECT}")
    cells: dict[str, str] = {}
    for key, value in item.pairs:
        try:
            name = column_name(key)
        except BadCell as bad:
            return bad
        if name in cells:
            return BadCell(name, f"{name} stands twice")
        match value:
            case str():
                cells[name] = value
            case None:
                cells[name] = ""
            case True | False:
                cells[name] = str(value).lower()
            case _:
                return BadCell(name, f"{name} is a list or an object: a text is wanted")
    return cells


def _clean(column: str, text: str) -> str:
    """One line of text without what nobody can see, in one Unicode spelling (NFC), so that it compares."""
    if not (text.isascii() and text.isprintable()):
        text = unicodedata.normalize("NFC", _CONTROLS.sub("", _BREAKS.sub(" ", text)))
        if UNREADABLE in text:
            raise BadCell(column, f"{column} holds bytes that are no letters: save the file as UTF-8")
    text = text.strip(_AROUND)
    longest = LONGEST_NAME if column in OWN else LONGEST_CELL
    if len(text) > longest:
        raise BadCell(column, f"{column} has {len(text):,} characters; {longest:,} is the most")
    return text


def _email(cell: str) -> str:
    written = cell.strip(_AROUND)
    if not written:
        raise BadCell("email", "email is empty: every row needs an address")
    local = written.rpartition("@")[0]
    if not local.isascii():
        raise BadCell("email", f"{_shown(written)}: before the @ only ASCII letters can be delivered everywhere")
    try:
        checked = validate_email(
            written, check_deliverability=False, test_environment=True, allow_smtputf8=False, strict=True
        )
    except EmailNotValidError as error:
        raise BadCell("email", f"{_shown(written)} is not an email address: {error}") from None
    return checked.normalized


def _language(text: str) -> str:
    written = text.replace("_", "-")
    try:
        return values.language(Scalar(text=written, value=written, span=(0, 0)))
    except PydanticCustomError:
        raise BadCell(
            "language", f"{_shown(text)} is not a language tag: write en, sv, pt-BR or zh-Hant, say"
        ) from None


def _zone(text: str) -> str:
    try:
        return parse_zone(text)
    except ValueError as error:
        raise BadCell("timezone", str(error)) from None


def _shown(text: str) -> str:
    """What was written, in quotes, short enough and plain enough to stand in a message."""
    plain = "".join(c if c.isprintable() else "?" for c in text.strip(_AROUND)[:61])
    return f'"{plain}"' if len(plain) <= 60 else f'"{plain[:60]}…"'


def _and(numbers: Sequence[int]) -> str:
    """`3 and 9`; `3, 9 and 12`; of many, the first and the last few."""
    words = [str(number) for number in numbers]
    if len(words) > 5:
        words = [*words[:3], "…", words[-1]]
    return f"{', '.join(words[:-1])} and {words[-1]}"
