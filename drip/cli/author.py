"""What a marketer runs: init, check, preview, schema."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from drip.cli.app import app, settings
from drip.cli.courses import CourseArgument, LearnerOption, compiled_course, person
from drip.cli.output import Format, FormatOption, as_json, say, show, table
from drip.cli.running import HostOption, PortOption

if TYPE_CHECKING:
    from drip.errors import Mistake


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
    """Make a workspace to start from.

    It holds two sample courses, the mail's layout, the settings, a secret, and the schema for your editor. What is
    there already stays as it is.
    """
    import secrets
    import shlex

    from drip.engine.workspace import create

    written = create(folder, secret=secrets.token_urlsafe(32))

    def text() -> None:
        say(*(f"wrote {path}" for path in written))
        say(
            "",
            "Next:",
            *([f"  cd {shlex.quote(str(folder))}"] if folder != Path() else []),
            "  drip check",
            "  drip preview first-report",
        )

    show(format, [str(path) for path in written], text)


@app.command()
def check(
    paths: Annotated[
        list[Path] | None, typer.Argument(metavar="PATH", help="Files or folders; campaigns/ if not said.")
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit 1 for warnings too.")] = False,
    format: Annotated[
        CheckFormat, typer.Option("--format", metavar="text|json|github", help="github puts rows beside the lines.")
    ] = CheckFormat.text,
) -> None:
    """Say what is wrong with courses, and what could be better.

    A mistake is exit 1. Nobody is mailed, and no database is needed.
    """
    from drip.engine.inspect import inspect
    from drip.engine.workspace import course_files, files_under
    from drip.errors import NotFound

    chosen = settings()
    files = list(files_under(paths)) if paths else course_files(chosen.folder)
    if not files:
        where = ", ".join(str(path) for path in paths) if paths else "campaigns/"
        raise NotFound(f"there is no course in {where}: write campaigns/hello.yaml, or run `drip init`")
    # what is wrong with a layout is found with each course that uses it, and told once
    rows = (row for file in files for row in inspect(file, chosen.folder, chosen.defaults, chosen.brand))
    found = list(dict.fromkeys(rows))
    errors = sum(row.severity == "error" for row in found)
    warnings = sum(row.severity == "warning" for row in found)
    match format:
        case CheckFormat.json:
            fields = ("file", "line", "column", "severity", "rule", "message", "hint")
            say(as_json([{field: getattr(row, field) for field in fields} for row in found]))
        case CheckFormat.github:
            say(*(_github(row) for row in found))
        case CheckFormat.text:
            for row in found:
                say(f"{row.severity} [{row.rule}]", str(row), "")
            more = " (advice comes once the errors are mended)" if errors else ""
            say(f"{_count(len(files), 'course')}: {_count(errors, 'error')}, {_count(warnings, 'warning')}{more}")
    if errors or (strict and warnings):
        raise typer.Exit(1)


@app.command()
def preview(
    course: CourseArgument,
    step: Annotated[str | None, typer.Argument(metavar="STEP", help="One tip; all of them if not said.")] = None,
    learner: LearnerOption = None,
    language: Annotated[str | None, typer.Option("--language", metavar="L", help="The language, such as sv.")] = None,
    variant: Annotated[str | None, typer.Option("--variant", metavar="V", help="One variant; all if not said.")] = None,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="The folder to write into.")] = Path("preview"),
    serve: Annotated[
        bool, typer.Option("--serve", help="Show a page instead, which comes again when a file is saved.")
    ] = False,
    host: HostOption = "127.0.0.1",
    port: PortOption = 8025,
    format: FormatOption = Format.text,
) -> None:
    """Write the real messages of a course as files, to look at.

    Each is STEP.eml (for a mail program), STEP.html (for a browser, with its pictures in m/) and STEP.txt (what is read
    without HTML), in the language that the learner would get if none is said. With --serve there are no files but a
    page on this machine, and --learner may name many (a CSV as for an import). Nobody is mailed, and no database is
    needed.
    """
    if serve:
        _serve_preview(course, step, learner, language, variant, host, port, format)
        return
    from drip import wiring
    from drip.engine.preview import preview as messages
    from drip.errors import Refused
    from drip.render.mime import to_bytes

    chosen = settings()
    compiled = compiled_course(chosen, course)
    written: list[dict[str, str]] = []
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, content in compiled.media.items():
            picture = out / "m" / name.rpartition("/")[2]
            picture.parent.mkdir(exist_ok=True)
            picture.write_bytes(content)
        for one in messages(
            compiled.plan,
            compiled.templates,
            learner=person(learner, chosen),
            now=wiring.system_clock().replace(microsecond=0),
            ring=wiring.ring(chosen),
            base_url=chosen.base_url,
            step=step,
            language=language,
            variant=variant,
        ):
            parts = {"eml": to_bytes(one.message), "html": one.html.encode(), "txt": one.message.text.encode()}
            for kind, content in parts.items():
                (out / f"{one.name}.{kind}").write_bytes(content)
            files = {kind: str(out / f"{one.name}.{kind}") for kind in parts}
            written.append({"step": one.mail.id, "variant": one.variant, "subject": one.message.subject, **files})
    except OSError as error:
        raise Refused(f"cannot write into {out}: {error.strerror}") from None

    def text() -> None:
        rows = [(one["html"], one["subject"]) for one in written]
        table(["open this in a browser", "subject"], rows)

    show(format, written, text)


def _serve_preview(
    course: str,
    step: str | None,
    learner: Path | None,
    language: str | None,
    variant: str | None,
    host: str,
    port: int,
    format: Format,
) -> None:
    """Show a course on a page until a signal. A course that cannot be read yet is waited for."""
    from drip import wiring
    from drip.engine.live import Live
    from drip.engine.preview import check_names
    from drip.engine.sample import read_people
    from drip.engine.workspace import find_course
    from drip.web.preview import build_preview
    from drip.web.preview_place import Place
    from drip.web.serve import serve

    chosen = settings()
    file = find_course(chosen.folder, course)
    if learner is not None:
        read_people(learner, chosen.defaults.attributes)  # a slip in its name is told now
    live = Live(file, chosen.folder, load=settings, clock=wiring.system_clock, people=learner)
    good = live.look().good
    if good is not None:
        check_names(good.compiled.plan, step=step, language=language, variant=variant)
    place = Place(step=step or "", language=language, variant=variant)
    app = build_preview(live, ring=wiring.ring(chosen), clock=wiring.system_clock, host=host)

    def ready(url: str) -> None:
        address = place.link(f"{url}/")
        show(format, {"url": address}, lambda: say(f"{course} is shown on {address}; Ctrl-C stops"))

    serve(app, host, port, ready=ready)


@app.command()
def schema(
    translation: Annotated[
        bool, typer.Option("--translation", help="That of a translation, NAME.LANGUAGE.yaml, instead.")
    ] = False,
    format: FormatOption = Format.json,
) -> None:
    """Print the JSON Schema of a course file, for your editor."""
    from drip.course.schema import json_schema, translation_schema

    # the same in both formats: there are no other words for it
    say(as_json(translation_schema() if translation else json_schema()))


def _github(row: Mistake) -> str:
    """A workflow command of GitHub Actions, which puts the message beside the line."""
    said = (
        "; ".join(filter(None, (row.message, row.hint))).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    )
    return f"::{row.severity} file={row.file},line={row.line},col={row.column},title={row.rule}::{said}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
