"""How commands print: Rich for people, one JSON value for programs; and how they read times and files of values."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, is_dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from drip.errors import NotFound, Refused, UserError

#: Tables fit a terminal of this width where it says nothing else.
WIDTH = 100


class Format(StrEnum):
    """How a command prints."""

    text = "text"
    json = "json"


FormatOption = Annotated[Format, typer.Option("--format", help="text for people, json for programs.")]


def show(format: Format, value: object, text: Callable[[], None]) -> None:
    """Print a value as JSON, or the way that `text()` prints it."""
    if format is Format.json:
        sys.stdout.write(json.dumps(plain(value), ensure_ascii=False, indent=2) + "\n")
    else:
        text()


def plain(value: object) -> Any:
    """The value as JSON knows it; times as ISO 8601 with their offset."""
    if is_dataclass(value) and not isinstance(value, type):
        return plain(asdict(value))
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(inner) for inner in value]
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    return value


def say(*lines: str) -> None:
    """Print plain lines."""
    sys.stdout.write("".join(f"{line}\n" for line in lines))


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, right: Sequence[str] = ()) -> None:
    """A quiet table: no boxes, columns named in `right` aligned to the right."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold")
    for column in columns:
        drawn.add_column(column, justify="right" if column in right else "left", overflow="fold")
    for row in rows:
        drawn.add_row(*(cell if isinstance(cell, Text) else Text("" if cell is None else str(cell)) for cell in row))
    console = Console(width=None if sys.stdout.isatty() else WIDTH, highlight=False)
    console.print(drawn)


def instant(text: str) -> datetime:
    """An aware instant from ISO 8601, such as 2026-03-02T08:00+01:00 or …Z. Raises UserError for a naive one."""
    at = _iso(text)
    if at.tzinfo is None:
        raise UserError(f'"{text}" has no offset; write 2026-03-02T08:00+01:00, or …Z for UTC')
    return at.astimezone(UTC)


def local_instant(text: str, zone: Any) -> datetime:
    """An instant from ISO 8601; one without an offset is in `zone`."""
    at = _iso(text)
    return (at if at.tzinfo is not None else at.replace(tzinfo=zone)).astimezone(UTC)


def _iso(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise UserError(f'"{text}" is not a time; write 2026-03-02T08:00+01:00') from None
    if not 1970 <= at.year <= 2200:
        raise UserError(f'"{text}" is not in a year that drip can plan for (1970 to 2200)')
    return at


def shown(at: datetime | None, zone: Any = None) -> str:
    """A time for people: `Mon 2026-03-02 08:00 +0100`."""
    return "" if at is None else f"{at.astimezone(zone or UTC):%a %Y-%m-%d %H:%M %z}"


def percent(share: float | None) -> str:
    """`73 %`; empty where there is no data."""
    return "" if share is None else f"{share * 100:.0f} %"


def read_text(path: Path) -> bytes:
    """A file's bytes, or standard input for `-`. Raises NotFound or Refused."""
    if str(path) == "-":
        return sys.stdin.buffer.read()
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise NotFound(f"there is no file {path}") from None
    except OSError as error:
        raise Refused(f"{path}: cannot be read: {error.strerror}") from None


def read_values(path: Path) -> Mapping[str, object]:
    """One mapping from a JSON or YAML file: a learner for a preview."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        value = YAML(typ="safe", pure=True).load(read_text(path))
    except (YAMLError, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise UserError(f"{path}: neither JSON nor YAML: {error}") from None
    if not isinstance(value, dict):
        raise UserError(f"{path}: one learner is wanted, such as {{email: ada@customer.example, first_name: Ada}}")
    return {str(key): inner for key, inner in value.items()}
