"""Recorded timelines: what `drip simulate --golden FILE` compares with, and `--update` writes."""

from __future__ import annotations

import shlex
import sys
from dataclasses import dataclass
from pathlib import Path

from drip.cli.output import Format, Misused, say


@dataclass(frozen=True, slots=True, kw_only=True)
class Golden:
    """A file with a timeline; `before` is what was recorded in it, None where it is not there yet."""

    file: Path
    update: bool
    before: str | None

    @property
    def said(self) -> dict[str, str]:
        """What it says of itself: the words of the command line that it was recorded with."""
        from drip.schedule.golden import recorded

        return recorded(self.before or "")

    def require(self, course: str) -> None:
        """Raises UserError where the file is the timeline of another course: it is not compared, nor written over."""
        from drip.errors import UserError

        if (recorded := self.said.get("course", course)) != course:
            raise UserError(f"{self.file} is the timeline of {recorded}, not of {course}: name another file")

    def compare(self, now: str, format: Format) -> None:
        """Compare what is foretold now with what was recorded, or record it. Raises UserError with what has changed."""
        from drip.engine.rehearse import write_golden
        from drip.errors import UserError
        from drip.schedule.golden import difference

        changed = difference(self.before or "", now)
        if changed and not self.update:
            again = f"If that is what you want, type\n  {_typed('--update')}"
            raise UserError(f"{self.file}: the timeline has changed\n{changed}\n{again}")
        if changed:
            write_golden(self.file, now, self.before)
        if format is Format.text:
            say(f"{self.file}: {'recorded' if changed else 'nothing has changed'}")


def golden_of(file: Path | None, *, update: bool, start: str | None) -> Golden | None:
    """The recorded timeline that is meant, None for none. A missing file is an error, unless it is to be written.

    What was recorded says when they are enrolled, unless `start` does.
    """
    from drip.engine.rehearse import read_golden
    from drip.errors import NotFound, UserError

    if file is None:
        if update:
            raise Misused("--update records into a file: say which, --golden FILE")
        return None
    found = Golden(file=file, update=update, before=read_golden(file))
    beginning = () if start is not None else ("--start", "2026-03-02T08:00")
    if found.before is None and not update:
        words = _typed(*beginning, "--update")
        raise NotFound(
            f"there is no file {file}: nothing was recorded yet; to record what is foretold now, type\n  {words}"
        )
    if start is None and "start" not in found.said:
        raise UserError(f"say when they are enrolled, since {file} does not: add --start 2026-03-02T08:00, say")
    return found


def _typed(*more: str) -> str:
    """The words that were typed, and more."""
    return shlex.join(["drip", *sys.argv[1:], *more])
