"""What tells how it goes: report, status, why."""

from __future__ import annotations

from typing import Annotated

import typer

from drip.cli.app import app, opened, settings
from drip.cli.output import Format, FormatOption, say, show, shown, table

CourseId = Annotated[str, typer.Argument(metavar="COURSE", help="A published course's id.")]


@app.command()
def status(format: FormatOption = Format.text) -> None:
    """Show the queue: what is due, what has failed, what waits for a person."""
    from drip import wiring
    from drip.engine.explain import status as status_

    chosen = settings()
    with opened(chosen) as store:
        found = status_(store, transport=wiring.transport(chosen).name, now=wiring.system_clock())

    def text() -> None:
        if found.trouble is not None:
            say(f"ALARM: nothing goes out over {found.trouble.transport} since {shown(found.trouble.since)}")
            say(
                f"  {found.trouble.words}",
                f"  tried again at {shown(found.trouble.until)}; nobody's mail has failed",
                "",
            )
        late = f", the longest for {found.lag:.0f} s" if found.due else ""
        say(f"{found.learners} learners; {found.due} due now{late}; next due: {shown(found.next_at) or 'nothing'}")
        if found.deliveries:
            say("mails: " + ", ".join(f"{number} {state}" for state, number in found.deliveries.items()))
        for course in found.courses:
            paused = f", PAUSED since {shown(course.paused_at)}" if course.paused_at else ""
            say(f"course {course.id}: published {shown(course.published_at)}{paused}")
        if found.problems:
            say("", "These wait for a person:")
            columns = ["email", "course", "step", "problem"]
            table(columns, [[problem[column] for column in columns] for problem in found.problems])

    show(format, found, text)


@app.command()
def why(
    email: Annotated[str, typer.Argument(metavar="EMAIL")], course: CourseId, format: FormatOption = Format.text
) -> None:
    """Show one learner's way through a course, with the reason for every step."""
    from drip.engine.explain import why as why_
    from drip.schedule.advance import zone

    with opened(settings()) as store:
        found = why_(store, email, course)

    def text() -> None:
        ended = f" ({found.ended_by})" if found.ended_by else ""
        say(f"{found.email} in {found.course_id}: {found.state}{ended}; times in {found.zone}", "")
        local = zone(found.zone)
        table(
            ["local time", "step", "kind", "reason"],
            [[shown(r.at, local), r.step, r.kind, r.reason] for r in found.rows],
        )
        if found.problem:
            say("", f"waits for a person: {found.problem}")
        elif found.next_step is not None and found.state == "active":
            at = shown(found.next_at, local) or "once what is under way is settled"
            say("", f"next: {found.next_step}, {at}" + (f" ({found.next_reason})" if found.next_reason else ""))

    show(format, found, text)
