"""What tells how it goes: report, status, why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from drip.cli.app import app, opened, settings
from drip.cli.output import Format, FormatOption, percent, say, show, shown, table

if TYPE_CHECKING:
    from drip.report.numbers import CourseReport, Mails, Share, StepReport

CourseId = Annotated[str, typer.Argument(metavar="COURSE", help="A published course's id.")]


@app.command()
def report(course: CourseId, format: FormatOption = Format.text) -> None:
    """Show what a course did: mails, opens and clicks by people (machines apart), and what they learnt."""
    from drip.engine.measure import report as report_
    from drip.report.rows import to_object

    with opened(settings()) as store:
        found = report_(store, course)
    show(format, to_object(found), lambda: print_report(found))


def print_report(found: CourseReport) -> None:
    """The report as a table that fits 100 columns."""
    by = ", ".join(f"{number} by {reason}" for reason, number in found.finished_by.items())
    say(
        f"{found.title} ({found.course}){', PAUSED' if found.paused_at else ''}",
        f"{found.enrolled} enrolled: {found.active} active, {found.finished} finished{f' ({by})' if by else ''}, "
        f"{found.left} left, {found.failed} failed, {found.paused} paused",
    )
    if found.held or found.in_doubt:
        say(f"{found.held} wait for a person, {found.in_doubt} mails are in doubt (`drip status`)")
    say("")
    columns = ["step", "sent", "failed", "opened", "clicked", "answers", "correct", "95 % interval"]
    rows = [row for step in found.steps for row in (_row(step), *(_row(one, "  ") for one in step.variants))]
    table(columns, rows, right=columns[1:7])
    total = found.answers.correct
    if total.interval is not None:
        low, high = total.interval
        say(
            "",
            f"First answers: {total.count} of {total.n} right, {percent(total.value)} "
            f"(95 % interval {percent(low)} to {percent(high)})",
        )
    say("Opened and clicked count mails by people; +n are mails that only machines touched, ?n unsure ones.")


def _row(step: StepReport, indent: str = "") -> list[object]:
    name = step.variant if step.variant and indent else step.step
    correct = step.answers.correct
    return [
        f"{indent}{name}{' (dropped)' if step.dropped else ''}",
        step.sent,
        step.failed or "·",
        _mails(step.opened),
        _mails(step.clicked),
        correct.n or "·",
        percent(correct.value) if correct.n else "·",
        _interval(correct),
    ]


def _mails(mails: Mails) -> str:
    machines = f" +{mails.machines}" if mails.machines else ""
    unsure = f" ?{mails.unsure}" if mails.unsure else ""
    return f"{mails.people}{machines}{unsure}"


def _interval(share: Share) -> str:
    """A thin bar over 0 to 100 %, the interval drawn in it, with its ends in words."""
    if share.interval is None:
        return ""
    low, high = share.interval
    width = 16
    first, last = round(low * width), max(round(low * width) + 1, round(high * width))
    bar = "·" * first + "━" * (last - first) + "·" * (width - last)
    return f"{bar} {percent(low)}–{percent(high)}"


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
