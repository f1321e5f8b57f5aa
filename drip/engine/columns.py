"""The columns of a file of learners: what each is called under `learner.`, and what is wrong with a header."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from difflib import get_close_matches
from functools import lru_cache

from drip.errors import ImportRefused

#: The columns that drip itself knows; every other one becomes `learner.COLUMN`.
OWN = ("email", "first_name", "last_name", "language", "timezone")
#: Names under `learner.` that are ours and that no column may take.
TAKEN = ("ref", "attributes", "imported_timezone")
#: So long may the name of a column be.
LONGEST_NAME = 100
MOST_COLUMNS = 200
#: What spreadsheets and web pages leave around a text: spaces of all kinds, and marks that nobody sees.
AROUND = " \t\r\n\u00a0\u200b\u200e\u200f\u2060\ufeff"


class BadCell(ValueError):
    """A row that cannot be taken; `column` says where, if not all of it is wrong."""

    def __init__(self, column: str | None, message: str) -> None:
        super().__init__(message)
        self.column = column


@lru_cache(maxsize=4096)
def column_name(written: str) -> str:
    """The name that a column has under `learner.`: `Plan Name` is plan_name. Raises BadCell where it can have none."""
    said = shown(written)
    plain = "".join(c for c in unicodedata.normalize("NFKD", written) if not unicodedata.combining(c)).casefold()
    name = re.sub(r"[^a-z0-9]+", "_", plain).strip("_")
    if written.strip(AROUND).startswith("_") or not re.match("[a-z]", name) or len(name) > LONGEST_NAME:
        raise BadCell(name, f'a column cannot be named {said}: begin with a letter from a to z, such as "plan"')
    if name in TAKEN:
        raise BadCell(
            name, f'a column cannot be named {said}, since learner.{name} is drip\'s own: write "my_{name}", say'
        )
    return name


def read_header(header: Sequence[str]) -> list[str | None]:
    """The names of the columns; None for one that has none. Raises ImportRefused with all that is wrong."""
    names: list[str | None] = []
    wrong: list[str] = []
    for number, written in enumerate(header, start=1):
        try:
            names.append(column_name(written) if written.strip(AROUND) else None)
        except BadCell as bad:
            names.append(None)
            wrong.append(f"column {number}: {bad}")
    for name, count in Counter(filter(None, names)).items():
        if count > 1:
            places = [number for number, one in enumerate(names, start=1) if one == name]
            wrong.append(f"columns {joined(places)} are both named {name}: rename one, or take it out")
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
    instead = f'rename {shown(near[0])} to "email"' if near else f"the columns are {', '.join(map(shown, header[:10]))}"
    return f'no column is named "email": {instead}'


def near_misses(columns: Sequence[str | None]) -> Iterator[str]:
    """Columns that are taken as they are, though they look like one of ours."""
    missing = [own for own in OWN if own not in columns]
    for name in columns:
        if name and name not in OWN and (close := get_close_matches(name, missing, n=1, cutoff=0.8)):
            yield f"the column {name} became learner.{name}: if it is the learner's {close[0]}, name it {close[0]}"


def undeclared(columns: Iterable[str], declared: Collection[str] | None) -> Iterator[str]:
    """Columns that `[learner]` does not declare: they are kept as texts, and no condition can use them."""
    for name in columns if declared is not None else ():
        if name not in OWN and declared is not None and name not in declared:
            close = get_close_matches(name, declared, n=1, cutoff=0.8)
            instead = f"did you mean {close[0]}?" if close else "no condition can use it"
            yield f"the column {name} is not declared under [learner] in drip.toml: {instead}"


def shown(text: str) -> str:
    """What was written, in quotes, short enough and plain enough to stand in a message."""
    plain = "".join(c if c.isprintable() else "?" for c in text.strip(AROUND)[:61])
    return f'"{plain}"' if len(plain) <= 60 else f'"{plain[:60]}…"'


def joined(numbers: Sequence[int]) -> str:
    """`3 and 9`; `3, 9 and 12`; of many, the first and the last few."""
    words = [str(number) for number in numbers]
    if len(words) > 5:
        words = [*words[:3], "…", words[-1]]
    return f"{', '.join(words[:-1])} and {words[-1]}"
