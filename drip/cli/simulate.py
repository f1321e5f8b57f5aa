"""`drip simulate`: who gets what, when and why, before anybody is mailed."""

from __future__ import annotations

from typing import Annotated

import typer

from drip.cli.app import app, settings
from drip.cli.courses import CourseArgument, LearnerOption, compiled_course, person
from drip.cli.output import Format, FormatOption, local_instant, say, show, shown, table, wall


@app.command()
def simulate(
    course: CourseArgument,
    start: Annotated[
        str | None,
        typer.Option("--start", metavar="T", help="When they are enrolled, such as 2026-03-02T08:00; now if not said."),
    ] = None,
    timezone: Annotated[
        str | None, typer.Option("--timezone", metavar="Z", help="The learner's zone, such as Asia/Tokyo.")
    ] = None,
    learner: LearnerOption = None,
    format: FormatOption = Format.text,
) -> None:
    """Show who gets what, when and why, on a virtual clock.

    One learner is enrolled and then does nothing but receive. Nobody is mailed, and no database is needed.
    """
    from dataclasses import replace

    from drip import wiring
    from drip.course.timing import parse_zone
    from drip.errors import UserError
    from drip.schedule.simulate import simulate as timeline
    from drip.schedule.slots import zone_of

    chosen = settings()
    compiled = compiled_course(chosen, course)
    somebody = person(learner, chosen)
    if timezone is not None:
        try:
            somebody = replace(somebody, timezone=parse_zone(timezone))
        except ValueError as error:
            raise UserError(f"--timezone: {error}") from None
    zone = zone_of(somebody, compiled.plan)
    begins = local_instant(start, zone) if start else wiring.system_clock().replace(microsecond=0)
    rows = list(timeline(compiled.plan, somebody, start=begins))

    def text() -> None:
        say(f"{compiled.plan.title}, for a learner in {zone} who is enrolled {shown(begins, zone)}", "")
        table(["local time", "kind", "step", "reason"], [[wall(r.at, zone), r.kind, r.step, r.reason] for r in rows])

    show(format, rows, text)
