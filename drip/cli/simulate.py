"""`drip simulate`: who gets what, when and why, before anybody is mailed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from drip.cli.app import app, settings
from drip.cli.courses import CourseArgument, LearnerOption, compiled_course, person
from drip.cli.golden import Golden, golden_of
from drip.cli.output import (
    Format,
    FormatOption,
    Misused,
    complain,
    local_instant,
    progress,
    read_text,
    say,
    show,
    shown,
    some,
    table,
    wall,
)

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from drip.plan.model import Plan
    from drip.schedule.acts import Script
    from drip.schedule.cohort import Cohort
    from drip.schedule.simulate import Row
    from drip.settings import Settings

#: What decides by hash where --seed does not say.
DEFAULT_SEED = "0"
#: The bar of the fullest day has so many characters.
BAR = 50
#: More days than this are told week by week.
MOST_DAYS = 45


@app.command()
def simulate(
    course: CourseArgument,
    start: Annotated[
        str | None,
        typer.Option("--start", metavar="T", help="When they are enrolled, such as 2026-03-02T08:00; now if not said."),
    ] = None,
    timezone: Annotated[
        str | None,
        typer.Option(
            "--timezone", metavar="Z", help="The learner's zone, such as Asia/Tokyo; of a cohort, who has none."
        ),
    ] = None,
    learner: LearnerOption = None,
    answers: Annotated[
        Path | None,
        typer.Option("--answers", metavar="FILE", help="What they do: opens, clicks, answers, outcomes, as YAML."),
    ] = None,
    learners: Annotated[
        Path | None, typer.Option("--learners", metavar="CSV", help="A cohort: a file as for `learners import`.")
    ] = None,
    enrol_over: Annotated[
        str | None, typer.Option("--enrol-over", metavar="30d", help="The cohort comes in evenly over so long.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option("--seed", metavar="N", help="Decides who comes when and who does what; 0 if not said.")
    ] = None,
    golden: Annotated[
        Path | None,
        typer.Option("--golden", metavar="FILE", help="Compare with what was recorded; exit 1 if not the same."),
    ] = None,
    update: Annotated[bool, typer.Option("--update", help="Record it in the file that --golden names.")] = False,
    format: FormatOption = Format.text,
) -> None:
    """Show who gets what, when and why, on a virtual clock.

    One learner, or a whole cohort, is enrolled and does nothing but receive, or what --answers says. Nobody is mailed,
    and no database is needed.
    """
    from drip.engine.rehearse import read_answers
    from drip.schedule.acts import NOTHING

    given = {
        "start": start,
        "timezone": timezone,
        "learner": str(learner) if learner is not None else None,
        "learners": str(learners) if learners is not None else None,
        "enrol_over": enrol_over,
        "seed": str(seed) if seed is not None else None,
        "answers": str(answers) if answers is not None else None,
    }
    record = golden_of(golden, update=update, start=start)
    asked = _asked(given, record.said if record is not None else {})
    chosen = settings()
    plan = compiled_course(chosen, course).plan
    if record is not None:
        record.require(plan.course_id)
    script = read_answers(Path(asked["answers"]), plan) if "answers" in asked else NOTHING
    if "learners" in asked:
        _cohort(chosen, plan, script, asked, record, format)
    else:
        _one(chosen, plan, script, asked, record, format)


def _asked(given: Mapping[str, str | None], recorded: Mapping[str, str]) -> dict[str, str]:
    """What is to be simulated: what was typed, over what a recorded timeline says of itself."""
    from drip.course.timing import parse_zone
    from drip.errors import UserError

    typed = {key: value for key, value in given.items() if value is not None}
    known = {key: value for key, value in recorded.items() if key in given}
    if "learner" in typed or "learners" in typed:  # others than those who were recorded
        known = {key: value for key, value in known.items() if key not in ("learner", "learners", "enrol_over")}
    asked = {**known, **typed}
    if "learner" in asked and "learners" in asked:
        raise Misused("--learner is one, --learners a cohort: say one of them")
    if "enrol_over" in asked and "learners" not in asked:
        raise Misused("--enrol-over spreads a cohort: say whom, --learners CSV")
    if "timezone" in asked:
        try:
            parse_zone(asked["timezone"])
        except ValueError as error:
            raise UserError(f"--timezone: {error}") from None
    return asked


def _one(
    chosen: Settings, plan: Plan, script: Script, asked: Mapping[str, str], record: Golden | None, format: Format
) -> None:
    """One learner's timeline."""
    from dataclasses import replace

    from drip.schedule.golden import timeline_text
    from drip.schedule.simulate import Row, why_not_enrolled
    from drip.schedule.simulate import simulate as timeline
    from drip.schedule.slots import zone_of

    somebody = person(Path(asked["learner"]) if "learner" in asked else None, chosen)
    if "timezone" in asked:
        somebody = replace(somebody, timezone=asked["timezone"])
    zone = zone_of(somebody, plan)
    begins = _begins(asked, zone)
    # nobody in particular is somebody for whom the course is meant
    barred = why_not_enrolled(plan, somebody, begins) if "learner" in asked else ""
    if barred:
        rows = [Row(at=begins, local=begins.astimezone(zone), step="", kind="skip", reason=barred)]
    else:
        rows = list(timeline(plan, somebody, start=begins, script=script, seed=asked.get("seed", DEFAULT_SEED)))

    def text() -> None:
        if record is None:
            _print_rows(plan, rows, zone, begins)

    show(format, rows, text)
    if record is not None:
        record.compare(timeline_text(_said(plan, asked, begins, zone), rows, zone), format)


def _print_rows(plan: Plan, rows: list[Row], zone: ZoneInfo, begins: datetime) -> None:
    say(f"{plan.title}, for a learner in {zone} who is enrolled {shown(begins, zone)}", "")
    table(["local time", "kind", "step", "reason"], [[wall(r.at, zone), r.kind, r.step, r.reason] for r in rows])


def _cohort(
    chosen: Settings, plan: Plan, script: Script, asked: dict[str, str], record: Golden | None, format: Format
) -> None:
    """What becomes of many learners."""
    from drip.engine.rehearse import read_crowd, rehearse
    from drip.schedule.golden import cohort_text
    from drip.schedule.slots import zone as zone_named

    zone = zone_named(asked.get("timezone", plan.timezone))
    begins = _begins(asked, zone)
    over, asked["enrol_over"] = _span(asked.get("enrol_over", "0 days"))
    name = "standard input" if asked["learners"] == "-" else asked["learners"]
    crowd = read_crowd(read_text(Path(asked["learners"])), name, chosen.defaults.attributes)
    with progress(f"simulating {plan.course_id}") as told:
        found = rehearse(
            plan,
            crowd,
            start=begins,
            over=over,
            timezone=asked.get("timezone"),
            script=script,
            seed=asked.get("seed", DEFAULT_SEED),
            on_progress=told,
        )

    def text() -> None:
        if record is None:
            spread = f" over {asked['enrol_over']}" if over else ""
            people = f"{found.learners:,} learner{'' if found.learners == 1 else 's'}"
            say(f"{plan.title}, for {people} enrolled{spread} from {shown(begins, zone)}")
            say(*(f"  {note}" for note in crowd.roster.notes))
            _print_cohort(found, zone)

    show(format, {"timezone": str(zone), **asdict(found)}, text)
    complain(*some([f"{name}: {row}" for row in crowd.roster.problems]))
    if record is not None:
        record.compare(cohort_text(_said(plan, asked, begins, zone), found, zone), format)
    if crowd.roster.problems:
        raise typer.Exit(1)


def _print_cohort(found: Cohort, zone: ZoneInfo) -> None:
    """The mails of each day as thin bars, and what came of everybody."""
    from drip.cli.output import percent

    if found.per_day:
        by_day = {day.date: day.mails for day in found.per_day}
        weekly = len(by_day) > MOST_DAYS
        totals: dict[str, int] = {}
        for day, mails in by_day.items():
            first = day - timedelta(days=day.weekday()) if weekly else day
            totals[f"{first:%a %Y-%m-%d}"] = totals.get(f"{first:%a %Y-%m-%d}", 0) + mails
        most = max(totals.values())
        rows = [[name, f"{mails:,}", "━" * max(1, round(BAR * mails / most))] for name, mails in totals.items()]
        say("")
        table(["week from" if weekly else "day", "mails", ""], rows, right=["mails"])
    say("", f"Mails:     {found.mails:,}")
    if found.peak_at is not None:
        say(f"Peak:      {found.peak_per_minute:,} in the minute of {shown(found.peak_at, zone)}")
    by = ", ".join(f"{number:,} by {reason}" for reason, number in found.finished_by.items())
    n = f"{found.finished:,} of {found.learners:,}"
    say(f"Finished:  {n}{f', {percent(found.finished_share)} ({by})' if found.finished else ''}")
    others = {
        "left": found.left,
        "paused, since they are silent": found.paused,
        "held": found.held,
        "held out, and never mailed": found.held_out,
        "not enrolled, since start.when does not hold": found.not_enrolled,
        "waiting for a person": found.stuck,
    }
    told = [f"{number:,} {words}" for words, number in others.items() if number]
    if told:
        say(f"Others:    {told[0]}", *(f"           {words}" for words in told[1:]))
    if found.last_at is not None:
        say(f"Over:      {shown(found.last_at, zone)}")
    say("", f"Times in {zone}; each learner's mails keep to their own zone.")
    complain(*(f"waits for a person: {problem} ({number:,})" for problem, number in found.problems.items()))


def _said(plan: Plan, asked: Mapping[str, str], begins: datetime, zone: ZoneInfo) -> dict[str, str]:
    """The head of a timeline that is recorded."""
    start = begins.astimezone(zone)
    precision = "seconds" if start.second else "minutes"
    return {**asked, "course": plan.course_id, "start": start.isoformat(timespec=precision)}


def _begins(asked: Mapping[str, str], zone: ZoneInfo) -> datetime:
    from drip import wiring

    if "start" in asked:
        return local_instant(asked["start"], zone).replace(microsecond=0)
    return wiring.system_clock().replace(microsecond=0)


def _span(written: str) -> tuple[timedelta, str]:
    """How long `30d`, `12h` or `4 weeks` is, and the same in whole words."""
    from drip.course.timing import Unit, gap_text, parse_gap
    from drip.errors import UserError

    short = re.fullmatch(r"([0-9]{1,9})\s*([mhdw])", written.strip().lower())
    units = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
    try:
        gap = parse_gap(f"{short[1]} {units[short[2]]}" if short else written)
    except ValueError:
        raise UserError(f'--enrol-over: "{written[:40]}" is not a time; write 30d, 12h or 4 weeks') from None
    unit = "days" if gap.unit is Unit.BUSINESS_DAYS else str(gap.unit)
    return timedelta(**{unit: gap.count}), gap_text(gap)
