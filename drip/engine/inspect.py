"""Everything that can be said about a course file before anyone is mailed: its mistakes, or else advice."""

from __future__ import annotations

import re
from pathlib import Path

from drip.check import advise
from drip.course.model import Defaults
from drip.engine.workspace import Compiled, compile_course, read_layout, shown
from drip.errors import CourseError, Mistake, SettingsError, UserError
from drip.render.layout import Brand


def inspect(file: Path, folder: Path, defaults: Defaults, brand: Brand) -> list[Mistake]:
    """Rows for one file: its mistakes, or, for one that can be compiled and rendered, advice."""
    return examine(file, folder, defaults, brand)[1]


def examine(file: Path, folder: Path, defaults: Defaults, brand: Brand) -> tuple[Compiled | None, list[Mistake]]:
    """What a course file becomes, with advice on it; or None, with its mistakes."""
    name = shown(file, folder)
    try:
        compiled = compile_course(file, folder, defaults, brand, shown_as=name)
        layout = read_layout(folder, compiled.course.layout)
    except CourseError as error:
        return None, list(error.mistakes)
    except SettingsError as error:
        return None, [Mistake(file="drip.toml", line=1, column=1, rule="settings", message=str(error))]
    except UserError as error:
        return None, [_unusable(name, file, str(error))]
    return compiled, list(advise(compiled.course, compiled.plan, compiled.templates, layout))


def _unusable(name: str, file: Path, words: str) -> Mistake:
    """A mistake that shows only when mails are made of the course; at the step or the layout that the words name."""
    message, _, hint = words.partition("\n")
    found = re.match(r'step "([^"]+)"|there is no layout', words)
    wanted = "layout:" if found and found[1] is None else rf"- +tip: *[\"']?{re.escape(found[1])}\b" if found else None
    for number, line in enumerate(_lines(file) if wanted else [], start=1):
        if at := re.search(rf"^ *({wanted})", line):
            return Mistake(
                file=name, line=number, column=at.start(1) + 1, rule="unusable", message=message, hint=hint.strip(),
                excerpt=line, width=len(at[1]),
            )  # fmt: skip
    return Mistake(file=name, line=1, column=1, rule="unusable", message=message, hint=hint.strip())


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError):
        return []
