"""A course that somebody is writing: compiled again when a file of it is saved, and kept while it cannot be."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from threading import Lock
from time import sleep
from typing import Protocol

from drip.course.model import Defaults
from drip.engine.beside import gather, translations_of
from drip.engine.findings import Findings, assign
from drip.engine.inspect import examine
from drip.engine.sample import People, read_people
from drip.engine.workspace import Compiled, shown
from drip.errors import DripError, Mistake, SettingsError, UserError
from drip.render.layout import Brand

#: An editor writes a file in several goes: it is read once nothing has changed for so many seconds, and in any case
#: after so many looks.
SETTLES_AFTER, MOST_LOOKS = 0.04, 10

_AT_LINE = re.compile(r"\(at line (\d+), column (\d+)\)")
#: What tells one state of a file from the next: time of change, size, inode; None where there is no file.
_State = tuple[int, int, int] | None


class Ground(Protocol):
    """What a workspace says of itself: its Settings are one."""

    @property
    def defaults(self) -> Defaults:
        """What courses that say nothing get."""

    @property
    def brand(self) -> Brand:
        """Whose mails these are."""

    @property
    def base_url(self) -> str:
        """Where the web side answers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Good:
    """The last version of a course that could be read, at `since`."""

    compiled: Compiled
    findings: Findings
    base_url: str
    brand: Brand
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What there is to see. `stamp` is another one whenever that is something else.

    `mistakes` are those of the files as they are now; while there are any, `good` is what could be read before them
    (None: nothing yet).
    """

    stamp: str
    file: str
    good: Good | None
    mistakes: tuple[Mistake, ...]
    people: People


class Live:
    """Watches a course file and everything that it is made of. Threads may share it."""

    def __init__(
        self,
        file: Path,
        folder: Path,
        *,
        load: Callable[[], Ground],
        clock: Callable[[], datetime],
        people: Path | None = None,
    ) -> None:
        """`load` reads the workspace's settings anew, or raises SettingsError; `people` is a file to choose from."""
        self._file, self._folder, self._load, self._clock, self._people = file, folder, load, clock, people
        self._door = Lock()
        self._named: frozenset[Path] = frozenset()
        self._seen: Mapping[Path, _State] = {}
        self._view: View | None = None

    def look(self) -> View:
        """What there is to see now. It costs a few `stat`s unless a file has changed; no file makes it raise.

        While one thread reads what has changed, the others go on with what was there before.
        """
        before = self._view
        if not self._door.acquire(blocking=before is None):
            return before  # type: ignore[return-value]  # it would have waited for a first one
        try:
            states = self._states()
            if self._view is None or states != self._seen:
                if self._view is not None:
                    self._settle(states)
                self._view = self._made(self._view)
            return self._view
        finally:
            self._door.release()

    def _settle(self, states: Mapping[Path, _State]) -> None:
        for _ in range(MOST_LOOKS):
            sleep(SETTLES_AFTER)
            before, states = states, self._states()
            if states == before:
                return

    def _made(self, before: View | None) -> View:
        """Everything anew. What it is made of is listed, then its state is noted, then it is read: whatever changes
        meanwhile is noticed at the next look.
        """
        self._named = self._naming()
        self._seen = self._states()
        people = before.people if before else People()
        good = before.good if before else None
        rows: list[Mistake] = []
        mistakes: tuple[Mistake, ...] = ()
        try:
            ground = self._load()
        except SettingsError as error:
            mistakes = (_in_settings(str(error), self._folder),)
        else:
            people = self._chosen(ground, people)
            compiled, rows = examine(self._file, self._folder, ground.defaults, ground.brand)
            if compiled is None:
                mistakes = tuple(rows)
            else:
                findings = assign(compiled.course, compiled.plan, rows)
                good = Good(
                    compiled=compiled,
                    findings=findings,
                    base_url=ground.base_url,
                    brand=ground.brand,
                    since=self._clock(),
                )
        revision = good.compiled.plan.revision if good else ""
        parts = (revision, (good.base_url, good.brand) if good else None, rows, mistakes, people)
        return View(
            stamp=sha256(repr(parts).encode("utf-8", "surrogatepass")).hexdigest()[:16],
            file=shown(self._file, self._folder),
            good=good,
            mistakes=mistakes,
            people=people,
        )

    def _chosen(self, ground: Ground, before: People) -> People:
        """The people of the file, or those that were in it when it could be read."""
        if self._people is None:
            return before
        try:
            return read_people(self._people, ground.defaults.attributes)
        except UserError as error:
            kept = (f"{error}; those of before are kept",)
            return replace(before, notes=kept)

    def _naming(self) -> frozenset[Path]:
        """The files that the course refers to, also those that are not there; as before while it cannot be read."""
        try:
            found = gather(self._file, shown_as=self._file.name)
        except DripError:
            return self._named
        return frozenset(self._file.parent / path for path in (*found.files, *found.absent))

    def _states(self) -> dict[Path, _State]:
        return {path: _state(path) for path in self._watched()}

    def _watched(self) -> Iterator[Path]:
        yield self._file
        yield from (self._folder / name for name in ("drip.toml", "drip.local.toml"))
        if self._people is not None:
            yield self._people
        try:
            yield from translations_of(self._file)
            yield from sorted((self._folder / "templates").glob("*.mjml"))
        except OSError:  # a folder that goes away while it is listed
            pass
        yield from sorted(self._named)


def _state(path: Path) -> _State:
    try:
        found = path.stat()
    except (OSError, ValueError):
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _in_settings(words: str, folder: Path) -> Mistake:
    """A mistake in drip.toml, at the line that its words name, if they name one."""
    file, colon, rest = words.partition(": ")
    named = colon and file in ("drip.toml", "drip.local.toml")
    found = _AT_LINE.search(words)
    line, column = (int(found[1]), int(found[2])) if found else (1, 1)
    message, _, hint = (rest if named else words).partition("\n")
    row = Mistake(
        file=file if named else "drip.toml",
        line=line,
        column=column,
        rule="settings",
        message=message,
        hint=hint.strip(),
    )
    if not found:
        return row
    try:
        lines = (folder / row.file).read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return row
    return replace(row, excerpt=lines[line - 1]) if line <= len(lines) and len(lines[line - 1]) < 200 else row
