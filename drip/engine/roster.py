"""A file of learners → entries, each with its line, and what is wrong with the rest. Nothing here touches the database.

A mistake in the header refuses the file; a mistake in a row refuses that row, by its number, and the others go on.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from email_validator import EmailNotValidError, validate_email
from pydantic_core import PydanticCustomError

from drip.course import values
from drip.course.attributes import Attribute, Value
from drip.course.positions import Scalar
from drip.course.timing import parse_zone
from drip.engine.columns import (
    AROUND,
    OWN,
    BadCell,
    column_name,
    joined,
    near_misses,
    read_header,
    shown,
    undeclared,
)
from drip.engine.json_list import AN_OBJECT, Object, read_items
from drip.engine.sheet import UNREADABLE, Broken, decode, read_sheet
from drip.store.learners import address_of

#: Longer cells are a paste in the wrong place.
LONGEST_CELL = 2_000
LONGEST_NAME = 200
#: So many addresses that stand more than once are named; the others are counted.
MOST_NAMED = 10

#: What `[learner]` of drip.toml declares; None where there is no such section.
Declared = Mapping[str, Attribute] | None

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
    attributes: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Roster:
    """A file that has been read: one entry an address, the refused rows, and notes on the file as a whole."""

    entries: tuple[Entry, ...]
    problems: tuple[RowProblem, ...]
    notes: tuple[str, ...]


def read_csv(data: bytes, declared: Declared = None) -> Roster:
    """The roster in a CSV file. Raises ImportRefused unless its first line names the columns, `email` among them.

    `declared` is what `[learner]` says: those columns are checked and converted; None: every column is a text.
    """
    sheet = read_sheet(data, "email")
    columns = read_header(sheet.header)
    rows = ((line, _named(columns, row)) for line, row in sheet.rows)
    roster = _roster(rows, declared, "there are no rows below the header")
    notes = [*sheet.notes, *near_misses(columns), *undeclared(filter(None, columns), declared), *roster.notes]
    return Roster(entries=roster.entries, problems=roster.problems, notes=tuple(notes))


def read_json(data: bytes, declared: Declared = None) -> Roster:
    """The roster in a JSON list of objects, whose keys are the columns. Raises ImportRefused for anything else."""
    text, notes = decode(data)
    roster = _roster(((line, _keyed(item)) for line, item in read_items(text)), declared, "the list is empty")
    keys = dict.fromkeys(key for entry in roster.entries for key in entry.attributes)
    return Roster(
        entries=roster.entries,
        problems=roster.problems,
        notes=(*notes, *undeclared(keys, declared), *roster.notes),
    )


def read_rows(rows: Sequence[tuple[int, Sequence[tuple[str, object]]]], declared: Declared = None) -> Roster:
    """The roster in rows that a program gives: (its number, columns with what they say), as `read_json` takes them."""
    roster = _roster(((number, _said(pairs)) for number, pairs in rows), declared, "there are no rows")
    keys = dict.fromkeys(key for entry in roster.entries for key in entry.attributes)
    return Roster(entries=roster.entries, problems=roster.problems, notes=(*undeclared(keys, declared), *roster.notes))


def _said(pairs: Sequence[tuple[str, object]]) -> Mapping[str, str] | BadCell:
    """The cells of a row; one that says nothing at all is a mistake here, and no empty line at the end of a sheet."""
    cells = _keyed(Object(list(pairs)))
    if isinstance(cells, BadCell) or any(text.strip(AROUND) for text in cells.values()):
        return cells
    return BadCell("email", "email is empty: every row needs an address")


def check_entry(cells: Mapping[str, str], *, line: int = 1, declared: Declared = None) -> Entry:
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
        attributes={
            column: _value(column, text, (declared or {}).get(column))
            for column, text in texts.items()
            if column not in OWN
        },
    )


def _value(column: str, text: str, attribute: Attribute | None) -> Value:
    """A cell as the value that its column is declared to hold; a text where nothing is declared."""
    if attribute is None:
        return text
    try:
        return attribute.read(text)
    except ValueError as error:
        raise BadCell(column, f"{column}: {shown(text)} {error}") from None


def _roster(rows: Iterable[tuple[int, Mapping[str, str] | BadCell]], declared: Declared, empty: str) -> Roster:
    """Check every row. A later row about the same person goes over an earlier one, as if it were imported next."""
    entries: dict[str, Entry] = {}
    lines: dict[str, list[int]] = {}
    problems: list[RowProblem] = []
    for line, cells in rows:
        try:
            if isinstance(cells, BadCell):
                raise cells
            if not any(text.strip(AROUND) for text in cells.values()):
                continue
            entry = check_entry(cells, line=line, declared=declared)
        except BadCell as bad:
            problems.append(RowProblem(line=line, column=bad.column, message=str(bad)))
            continue
        address = address_of(entry.email)
        entries[address] = _over(entries[address], entry) if address in entries else entry
        lines.setdefault(address, []).append(line)
    repeated = [(entries[address].email, on) for address, on in lines.items() if len(on) > 1]
    notes = [f"{email} stands on lines {joined(on)}: the last one wins" for email, on in repeated[:MOST_NAMED]]
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


def _named(columns: Sequence[str | None], row: list[str] | Broken) -> Mapping[str, str] | BadCell:
    if isinstance(row, Broken):
        return BadCell(None, row.message)
    for number, cell in enumerate(row, start=1):
        if cell.strip(AROUND) and (number > len(columns) or columns[number - 1] is None):
            if number > len(columns):
                words = (
                    f"{len(row)} cells for {len(columns)} columns: put quotes around a cell that holds the delimiter"
                )
                return BadCell(None, words)
            return BadCell(None, f"{shown(cell)} stands in column {number}, which has no name")
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
    text = text.strip(AROUND)
    longest = LONGEST_NAME if column in OWN else LONGEST_CELL
    if len(text) > longest:
        raise BadCell(column, f"{column} has {len(text):,} characters; {longest:,} is the most")
    return text


def _email(cell: str) -> str:
    written = cell.strip(AROUND)
    if not written:
        raise BadCell("email", "email is empty: every row needs an address")
    local = written.rpartition("@")[0]
    if not local.isascii():
        raise BadCell("email", f"{shown(written)}: before the @ only ASCII letters can be delivered everywhere")
    try:
        checked = validate_email(
            written, check_deliverability=False, test_environment=True, allow_smtputf8=False, strict=True
        )
    except EmailNotValidError as error:
        raise BadCell("email", f"{shown(written)} is not an email address: {error}") from None
    return checked.normalized


def _language(text: str) -> str:
    written = text.replace("_", "-")
    try:
        return values.language(Scalar(text=written, value=written, span=(0, 0)))
    except PydanticCustomError:
        raise BadCell("language", f"{shown(text)} is not a language tag: write en, sv, pt-BR or zh-Hant, say") from None


def _zone(text: str) -> str:
    try:
        return parse_zone(text)
    except ValueError as error:
        raise BadCell("timezone", str(error)) from None
