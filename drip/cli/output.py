"""How commands print: Rich for people, one JSON value for programs; and how they read times and files of values."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, is_dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from drip.errors import NotFound, Refused, UserError

#: Tables fit a terminal of this width where nothing else says how wide it is.
WIDTH = 100
#: Below this every column folds, so that nothing is cut off.
NARROW = 80
#: So many rows are printed for a person; JSON has all of them.
MOST_ROWS = 100


class Misused(UserError):
    """The words of the command do not fit together: an option that is needed, or two that exclude each other."""

    exit_code = 2


class Format(StrEnum):
    """How a command prints."""

    text = "text"
    json = "json"


FormatOption = Annotated[
    Format, typer.Option("--format", metavar="text|json", help="text for people, json for programs.")
]


def show(format: Format, value: object, text: Callable[[], None]) -> None:
    """Print a value as JSON, or the way that `text()` prints it."""
    if format is Format.json:
        say(as_json(plain(value)))
    else:
        text()


def as_json(value: object) -> str:
    """The text of a JSON value, readable wherever the output can hold it."""
    readable = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    return json.dumps(value, ensure_ascii=not readable, indent=2)


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
    """Print plain lines, at once also into a pipe: what `run` and `serve` tell is read while they run."""
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()


def complain(*lines: str) -> None:
    """Print plain lines on stderr: what went wrong with a part while the rest went well."""
    sys.stdout.flush()
    sys.stderr.write("".join(f"{line}\n" for line in lines))


def some(lines: Sequence[str]) -> list[str]:
    """The first lines of a long list, and how many more there are."""
    if len(lines) <= MOST_ROWS:
        return list(lines)
    return [*lines[:MOST_ROWS], f"  … and {len(lines) - MOST_ROWS:,} more; --format json has all of them"]


def columns_wide() -> int:
    """How many characters a line may have: what the terminal or COLUMNS says, else WIDTH."""
    return shutil.get_terminal_size((WIDTH, 24)).columns


def table(
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    right: Sequence[str] = (),
    folds: Sequence[str] = (),
) -> None:
    """A quiet table: no boxes, columns named in `right` aligned to the right. The last column is the one that folds, or
    those in `folds`: what people or other servers wrote, however long.
    """
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold")
    for column in columns:
        may_fold = column in (folds or columns[-1:]) or columns_wide() < NARROW
        drawn.add_column(column, justify="right" if column in right else "left", overflow="fold", no_wrap=not may_fold)
    for row in rows:
        drawn.add_row(*(cell if isinstance(cell, Text) else Text("" if cell is None else str(cell)) for cell in row))
    console = Console(width=columns_wide(), highlight=False)
    with console.capture() as captured:
        console.print(drawn)
    say(*(line.rstrip() for line in captured.get().splitlines()))


@contextmanager
def progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """A bar for long work, on stderr where that is a terminal: tell it (done, of how many)."""
    if not sys.stderr.isatty():
        yield lambda _done, _total: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def instant(text: str) -> datetime:
    """An aware instant from ISO 8601, such as 2026-03-02T08:00+01:00 or …Z. Raises UserError for a naive one."""
    at = _iso(text)
    if at.tzinfo is None:
        raise UserError(f'"{text}" has no offset; write 2026-03-02T08:00+01:00, or …Z for UTC')
    return at.astimezone(UTC)


def local_instant(text: str, zone: Any) -> datetime:
    """An instant from ISO 8601; one without an offset is in `zone`, and moves on where the clock skips it there."""
    from drip.schedule.civil import to_instant

    at = _iso(text)
    return at.astimezone(UTC) if at.tzinfo is not None else to_instant(at, zone)


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


def wall(at: datetime, zone: Any) -> str:
    """A time for people beside others, under words that name the zone: `Mon 2026-03-02 08:00`."""
    return f"{at.astimezone(zone):%a %Y-%m-%d %H:%M}"


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
        mark = getattr(error, "problem_mark", None)
        where = f"{path}:{mark.line + 1}:{mark.column + 1}" if mark is not None else str(path)
        words = getattr(error, "problem", None) or "it cannot be read"
        raise UserError(f"{where}: neither JSON nor YAML: {words}") from None
    if not isinstance(value, dict):
        raise UserError(f"{path}: one learner is wanted, such as {{email: ada@customer.example, first_name: Ada}}")
    return {str(key): inner for key, inner in value.items()}
