"""How commands find a course and a learner: by id or by file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from drip.cli.output import read_values

if TYPE_CHECKING:
    from drip.engine.workspace import Compiled
    from drip.errors import Mistake
    from drip.people import Learner
    from drip.settings import Settings

CourseArgument = Annotated[str, typer.Argument(metavar="COURSE", help="A course's id, or the path to its file.")]
LearnerOption = Annotated[
    Path | None, typer.Option("--learner", metavar="FILE", help="A learner's values, as JSON or YAML.")
]


def compiled_course(chosen: Settings, name: str) -> Compiled:
    """The course of that id or path, compiled from its file."""
    from drip.engine.workspace import compile_course, find_course

    return compile_course(find_course(chosen.folder, name), chosen.folder, chosen.defaults, chosen.brand)


def compiled_courses(chosen: Settings, names: list[str]) -> list[Compiled]:
    """The courses of those ids or paths. Raises CourseError with the mistakes of all, Refused for two of one id."""
    from drip.errors import CourseError, Refused

    found: dict[str, Compiled] = {}
    mistakes: dict[Mistake, None] = {}
    for name in names:
        try:
            one = compiled_course(chosen, name)
        except CourseError as error:
            mistakes.update(dict.fromkeys(error.mistakes))
            continue
        if found.get(one.plan.course_id, one).plan.revision != one.plan.revision:
            raise Refused(f'two of {", ".join(names)} have the id "{one.plan.course_id}"; change one of them')
        found[one.plan.course_id] = one
    if mistakes:
        raise CourseError(list(mistakes))
    return list(found.values())


def person(file: Path | None, chosen: Settings | None = None) -> Learner:
    """The learner that a file describes, or somebody; the settings say what attributes there are."""
    from drip.engine.preview import SOMEBODY, learner_from
    from drip.errors import UserError

    if file is None:
        return SOMEBODY
    values = read_values(file)
    try:
        return learner_from(values, chosen.defaults.attributes if chosen else None)
    except UserError as error:
        raise UserError(f"{file}: {error}") from None
