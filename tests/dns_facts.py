"""Lookups for unit tests of the doctor: what DNS says, as data, with no server behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from drip.engine.doctor.names import Answer, Lookup
from drip.engine.doctor.row import Row


def says(zone: Mapping[str, Mapping[str, Sequence[str]]], *, fails: Sequence[str] = ()) -> Lookup:
    """A lookup over name → kind → values; each name in `fails` has no answer in time."""

    def lookup(name: str, kind: str) -> Answer:
        if name in fails:
            return Answer(trouble="no answer in time")
        if name not in zone:
            return Answer(exists=False)
        return Answer(values=tuple(zone[name].get(kind, ())))

    return lookup


def found(rows: Sequence[Row]) -> list[tuple[str, str]]:
    """(check, severity) of each row."""
    return [(row.check, row.severity.value) for row in rows]


def one(rows: Sequence[Row], check: str) -> Row:
    """The one row of a check."""
    [row] = [row for row in rows if row.check == check]
    return row
