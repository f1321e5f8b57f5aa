"""What tells how it went: report, why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from drip.cli.app import app, opened, settings
from drip.cli.output import WIDTH, Format, FormatOption, columns_wide, percent, say, show, table, wall

if TYPE_CHECKING:
    from drip.report.model import CourseReport, Mails, Share, StepReport

#: An interval is drawn in so many characters.
BAR = 16
CourseId = Annotated[str, typer.Argument(metavar="COURSE", help="A published course's id.")]


@app.command()
def report(course: CourseId, format: FormatOption = Format.text) -> None:
    """Show what a course did, and what people learnt from it.

    Opens and clicks of machines are counted apart from those of people.
    """
    from drip.engine.measure import report as report_
    from drip.report.rows import to_object

    chosen = settings()
    with opened(chosen, only_look=True) as store:
        found = report_(store, course, no_pixels=chosen.no_pixels)
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
    opens = found.opens_are_measured
    rows = [
        row for step in found.steps for row in (_row(step, opens), *(_row(one, opens, "  ") for one in step.variants))
    ]
    if columns_wide() < WIDTH and not any(step.failed for step in found.steps):
        columns, rows = [*columns[:2], *columns[3:]], [[*row[:2], *row[3:]] for row in rows]
    table(columns, rows, right=columns[1:-1])
    known = (f"{found.delivered:,} delivered", f"{found.bounced:,} came back", f"{found.complained:,} called spam")
    if found.delivered or found.bounced or found.complained:
        say("", f"Of {found.sent:,} sent: {', '.join(known)}.")
    total = found.answers.correct
    if total.interval is not None:
        low, high = total.interval
        say(
            "",
            f"First answers: {total.count} of {total.n} right, {percent(total.value)} "
            f"(95 % interval {percent(low)} to {percent(high)})",
        )
    if found.reviewed.interval is not None:
        low, high = found.reviewed.interval
        again = f"{found.reviewed.count} of {found.reviewed.n} right, {percent(found.reviewed.value)}"
        say(f"Questions that came back: {again} (95 % interval {percent(low)} to {percent(high)})")
    for survey, ratings in found.ratings.items():
        score = f"NPS {ratings.nps:+.0f}" if ratings.nps is not None else f"mean {ratings.mean:.1f}"
        say(f"Survey {survey}: {ratings.n} {'rating' if ratings.n == 1 else 'ratings'}, {score}")
    if found.held_out:
        say(f"{found.held_out} of the active are held out: enrolled, and never mailed")
    if not found.opens_are_measured:
        say("Opens are not measured: mails have no pixel (`opens: never`).")
    counted = "Opened and clicked count" if found.opens_are_measured else "Clicked counts"
    say(f"{counted} mails by people; +n are mails that only machines touched, ?n unsure ones.")


def _row(step: StepReport, opens: bool, indent: str = "") -> list[object]:
    name = step.variant if step.variant and indent else step.step
    correct = step.answers.correct
    return [
        f"{indent}{name}{' (dropped)' if step.dropped else ''}",
        step.sent,
        step.failed or "·",
        _mails(step.opened) if opens else "–",
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
    """A thin bar over 0 to 100 %, the interval drawn in it, with its ends in words; these alone where it is narrow."""
    if share.interval is None:
        return ""
    low, high = share.interval
    if columns_wide() < WIDTH:
        return f"{low * 100:.0f}–{percent(high)}"
    first, last = round(low * BAR), max(round(low * BAR) + 1, round(high * BAR))
    return f"{'·' * first}{'━' * (last - first)}{'·' * (BAR - last)} {percent(low)}–{percent(high)}"


@app.command()
def why(
    email: Annotated[str, typer.Argument(metavar="EMAIL", help="The learner's address.")],
    course: CourseId,
    format: FormatOption = Format.text,
) -> None:
    """Show one learner's way through a course, with the reasons."""
    from drip.engine.explain import why as why_
    from drip.schedule.slots import zone

    with opened(settings(), only_look=True) as store:
        found = why_(store, email, course)

    def text() -> None:
        ended = f" ({found.ended_by})" if found.ended_by else ""
        say(f"{found.email} in {found.course_id}: {found.state}{ended}; times in {found.zone}", "")
        local = zone(found.zone)
        rows = [[wall(r.at, local), r.kind.replace("_", " "), r.step, r.reason] for r in found.rows]
        table(["local time", "kind", "step", "reason"], rows)
        if found.problem:
            say("", f"waits for a person: {found.problem}")
        elif found.next_step is not None and found.state == "active":
            at = wall(found.next_at, local) if found.next_at else "once what is under way is settled"
            say("", f"next: {found.next_step}, {at}" + (f" ({found.next_reason})" if found.next_reason else ""))
        if found.paused_at:
            say("", f"The course is paused since {wall(found.paused_at, local)}: `drip resume {found.course_id}`.")

    show(format, found, text)
