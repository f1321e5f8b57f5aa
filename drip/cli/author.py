"""What a marketer runs: init, check, preview, simulate, schema."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from drip.cli.app import app, settings
from drip.cli.output import Format, FormatOption, local_instant, read_values, say, show, shown, table

if TYPE_CHECKING:
    from drip.engine.workspace import Compiled
    from drip.errors import Mistake
    from drip.people import Learner
    from drip.settings import Settings

CourseArgument = Annotated[str, typer.Argument(metavar="COURSE", help="A course's id, or the path to its file.")]
LearnerOption = Annotated[
    Path | None, typer.Option("--learner", metavar="FILE", help="A learner's values, as JSON or YAML.")
]


class CheckFormat(StrEnum):
    """How `check` prints."""

    text = "text"
    json = "json"
    github = "github"


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where; this folder if not said.")] = Path(),
    format: FormatOption = Format.text,
) -> None:
    """Make a workspace: sample campaigns, the mail's layout, settings, and the schema for your editor."""
    import secrets

    from drip.engine.workspace import create

    written = create(folder, secret=secrets.token_urlsafe(32))

    def text() -> None:
        say(*(f"wrote {path}" for path in written))
        say(
            "",
            "Next:",
            *([f"  cd {folder}"] if folder != Path() else []),
            "  drip check",
            "  drip preview first-report",
        )

    show(format, [str(path) for path in written], text)


@app.command()
def check(
    paths: Annotated[list[Path] | None, typer.Argument(metavar="[PATH]…", help="Files or folders.")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Fail on warnings too.")] = False,
    format: Annotated[CheckFormat, typer.Option("--format", help="text, json or github.")] = CheckFormat.text,
) -> None:
    """Say what is wrong with courses, and what could be better, before anyone is mailed."""
    from drip.engine.inspect import inspect
    from drip.engine.workspace import course_files, files_under
    from drip.errors import NotFound

    chosen = settings()
    files = list(files_under(paths)) if paths else course_files(chosen.folder)
    if not files:
        raise NotFound("there is no course here: write campaigns/hello.yaml, or run `drip init`")
    found = [row for file in files for row in inspect(file, chosen.folder, chosen.defaults, chosen.brand)]
    errors = sum(row.severity == "error" for row in found)
    warnings = sum(row.severity == "warning" for row in found)
    match format:
        case CheckFormat.json:
            fields = ("file", "line", "column", "severity", "rule", "message", "hint")
            rows = [{field: getattr(row, field) for field in fields} for row in found]
            say(json.dumps(rows, ensure_ascii=False, indent=2))
        case CheckFormat.github:
            say(*(_github(row) for row in found))
        case CheckFormat.text:
            for row in found:
                say(f"{row.severity} [{row.rule}]", str(row), "")
            say(f"{_count(len(files), 'course')}: {_count(errors, 'error')}, {_count(warnings, 'warning')}")
    if errors or (strict and warnings):
        raise typer.Exit(1)


@app.command()
def preview(
    course: CourseArgument,
    step: Annotated[str | None, typer.Argument(metavar="[STEP]", help="One tip; all if not said.")] = None,
    learner: LearnerOption = None,
    variant: Annotated[str | None, typer.Option("--variant", metavar="V", help="One variant.")] = None,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where to write.")] = Path("preview"),
    format: FormatOption = Format.text,
) -> None:
    """Write the real messages of a course as STEP.eml, .html and .txt, for a look at them."""
    from drip import wiring
    from drip.engine.preview import preview as messages
    from drip.errors import Refused
    from drip.render.mime import to_bytes

    chosen = settings()
    compiled = compiled_course(chosen, course)
    written: list[dict[str, str]] = []
    try:
        out.mkdir(parents=True, exist_ok=True)
        for one in messages(
            compiled.plan,
            compiled.templates,
            learner=person(learner),
            now=wiring.system_clock().replace(microsecond=0),
            ring=wiring.ring(chosen),
            base_url=chosen.base_url,
            step=step,
            variant=variant,
        ):
            parts = {"eml": to_bytes(one.message), "html": one.message.html.encode(), "txt": one.message.text.encode()}
            for kind, content in parts.items():
                (out / f"{one.name}.{kind}").write_bytes(content)
            files = {kind: str(out / f"{one.name}.{kind}") for kind in parts}
            written.append({"step": one.mail.id, "variant": one.variant, "subject": one.message.subject, **files})
    except OSError as error:
        raise Refused(f"cannot write into {out}: {error.strerror}") from None

    def text() -> None:
        table(
            ["step", "variant", "subject", "open this"],
            [[w[k] for k in ("step", "variant", "subject", "html")] for w in written],
        )

    show(format, written, text)


@app.command()
def simulate(
    course: CourseArgument,
    start: Annotated[
        str | None, typer.Option("--start", metavar="T", help="When the learner is enrolled; now if not said.")
    ] = None,
    timezone: Annotated[str | None, typer.Option("--timezone", metavar="Z", help="The learner's zone.")] = None,
    learner: LearnerOption = None,
    format: FormatOption = Format.text,
) -> None:
    """Show who gets what, when and why: one learner on a virtual clock, who does nothing but receive."""
    from dataclasses import replace

    from drip import wiring
    from drip.course.timing import parse_zone
    from drip.errors import UserError
    from drip.schedule.advance import zone_of
    from drip.schedule.simulate import simulate as timeline

    compiled = compiled_course(settings(), course)
    somebody = person(learner)
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
        table(["local time", "step", "kind", "reason"], [[shown(r.at, zone), r.step, r.kind, r.reason] for r in rows])

    show(format, rows, text)


@app.command()
def schema() -> None:
    """Print the JSON Schema of a course file, for an editor that completes and explains every key."""
    from drip.course.schema import json_schema

    say(json.dumps(json_schema(), ensure_ascii=False, indent=2))


def compiled_course(chosen: Settings, name: str) -> Compiled:
    """The course of that id or path, compiled from its file."""
    from drip.engine.workspace import compile_course, find_course

    return compile_course(find_course(chosen.folder, name), chosen.folder, chosen.defaults, chosen.brand)


def person(file: Path | None) -> Learner:
    """The learner that a file describes, or somebody."""
    from drip.course.timing import parse_zone
    from drip.engine.preview import learner_from
    from drip.errors import UserError

    learner = learner_from(read_values(file) if file is not None else {})
    try:
        if learner.timezone is not None:
            parse_zone(learner.timezone)
    except ValueError as error:
        raise UserError(f"{file}: timezone: {error}") from None
    return learner


def _github(row: Mistake) -> str:
    """A workflow command of GitHub Actions, which puts the message beside the line."""
    said = f"{row.message} {row.hint}".strip().replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return f"::{row.severity} file={row.file},line={row.line},col={row.column},title={row.rule}::{said}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
