"""Everything that can be said about a course file before anyone is mailed: its mistakes, or else advice."""

from __future__ import annotations

from pathlib import Path

from drip.check import advise
from drip.course.model import Defaults
from drip.engine.workspace import compile_course, shown
from drip.errors import CourseError, ExpressionError, Mistake, Refused
from drip.render.layout import Brand


def inspect(file: Path, folder: Path, defaults: Defaults, brand: Brand) -> list[Mistake]:
    """Rows for one file: its mistakes, or, for one that can be compiled and rendered, advice."""
    name = shown(file, folder)
    try:
        compiled = compile_course(file, folder, defaults, brand, shown_as=name)
    except CourseError as error:
        return list(error.mistakes)
    except (ExpressionError, Refused) as error:
        return [Mistake(file=name, line=1, column=1, rule="unusable", message=str(error))]
    return list(advise(compiled.course, compiled.plan))
