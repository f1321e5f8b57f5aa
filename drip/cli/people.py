"""People: learners and enrolling."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from drip.cli.app import app, learners_app, opened, settings
from drip.cli.output import Format, FormatOption, instant, read_text, say, show, shown, table


@learners_app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV, or .json; `-` is standard input.")],
    format: FormatOption = Format.text,
) -> None:
    """Take learners from a file: email, first_name, last_name, language, timezone; other columns as attributes.

    The same file again updates. Bad rows are listed, good ones are taken. Importing enrols nobody.
    """
    from drip import wiring
    from drip.engine.learners import import_csv, import_json

    chosen = settings()
    key = wiring.suppression_key(chosen)
    with opened(chosen) as store:
        read = import_json if file.suffix.lower() == ".json" else import_csv
        done = read(store, read_text(file), now=wiring.system_clock(), suppression_key=key)

    def text() -> None:
        say(f"{done.added} added, {done.updated} updated, {done.unchanged} unchanged, {len(done.refused)} refused")
        say(*(f"  {note}" for note in done.notes))
        say(*(f"  {row}" for row in done.refused))
        if done.suppressed:
            say(f"  {done.suppressed} of them are on the suppression list and get no mail")

    show(format, done, text)
    if done.refused:
        raise typer.Exit(1)


@learners_app.command()
def add(
    email: Annotated[str, typer.Argument(metavar="EMAIL")],
    first_name: Annotated[str | None, typer.Option("--first-name")] = None,
    last_name: Annotated[str | None, typer.Option("--last-name")] = None,
    language: Annotated[str | None, typer.Option("--language", help="Such as sv or en-GB.")] = None,
    timezone: Annotated[str | None, typer.Option("--timezone", help="Such as Europe/Stockholm.")] = None,
    attribute: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="An attribute; may be repeated.")
    ] = None,
    format: FormatOption = Format.text,
) -> None:
    """Add one learner, or update them."""
    from drip import wiring
    from drip.engine.learners import add as add_one
    from drip.errors import UserError

    attributes: dict[str, str] = {}
    for pair in attribute or []:
        key, equals, value = pair.partition("=")
        if not equals:
            raise UserError(f'--set wants KEY=VALUE, not "{pair}"')
        attributes[key] = value
    values = {"first_name": first_name, "last_name": last_name, "language": language, "timezone": timezone}
    with opened(settings()) as store:
        learner = add_one(
            store, email, now=wiring.system_clock(), **{k: v for k, v in values.items() if v}, attributes=attributes
        )
    show(format, learner, lambda: say(f"{learner.email} is in"))


@learners_app.command("list")
def list_(format: FormatOption = Format.text) -> None:
    """List the learners."""
    from drip.engine.learners import listed

    with opened(settings()) as store:
        found = listed(store)

    def text() -> None:
        columns = ["email", "name", "language", "timezone", "attributes"]
        table(
            columns,
            [
                [
                    one.email,
                    " ".join(filter(None, (one.first_name, one.last_name))),
                    one.language,
                    one.timezone or one.imported_timezone,
                    ", ".join(f"{key}={value}" for key, value in one.attributes.items()),
                ]
                for one in found
            ],
        )

    show(format, found, text)


@learners_app.command("show")
def show_(email: Annotated[str, typer.Argument(metavar="EMAIL")], format: FormatOption = Format.text) -> None:
    """Show one learner: who they are, their enrolments, and all the evidence there is."""
    from drip import wiring
    from drip.cli.output import plain
    from drip.engine.learners import show as show_one

    chosen = settings()
    with opened(chosen) as store:
        found = plain(show_one(store, email, suppression_key=wiring.suppression_key(chosen)))

    def text() -> None:
        own = {key: value for key, value in found.items() if key not in ("enrolments", "evidence", "attributes")}
        say(*(f"{key}: {value}" for key, value in {**own, **found["attributes"]}.items() if value not in (None, "")))
        for enrolment in found["enrolments"]:
            ended = f", {enrolment['ended_by']}" if enrolment["ended_by"] else ""
            say("", f"{enrolment['course']} (run {enrolment['run']}): {enrolment['state']}{ended}")
            rows = [[d["step"], d["state"], d["sent_at"], d["answer"]] for d in enrolment["deliveries"]]
            if rows:
                table(["step", "state", "sent", "answer"], rows)
        if found["evidence"]:
            say("")
            rows = [[e["at"], e["kind"], e["origin"], e["reason"], e["step"], e["item"]] for e in found["evidence"]]
            table(["at", "kind", "origin", "reason", "step", "item"], rows)

    show(format, found, text)


@app.command()
def enrol(
    course: Annotated[str, typer.Argument(metavar="COURSE", help="A published course's id.")],
    email: Annotated[
        list[str] | None, typer.Option("--email", metavar="E", help="An address; may be repeated.")
    ] = None,
    everyone: Annotated[bool, typer.Option("--all", help="Everyone for whom the course's `start.when` holds.")] = False,
    file: Annotated[Path | None, typer.Option("--file", metavar="F", help="Addresses, one a line.")] = None,
    at: Annotated[str | None, typer.Option("--at", metavar="T", help="From when; now if not said.")] = None,
    format: FormatOption = Format.text,
) -> None:
    """Enrol learners in a published course. Twice changes nothing."""
    from drip import wiring
    from drip.engine.enrol import enrol as enrol_
    from drip.errors import UserError

    if sum((bool(email), everyone, file is not None)) != 1:
        raise UserError("say whom: --email E, --file F or --all (one of them)")
    emails = None if everyone else list(email or [])
    if file is not None:
        lines = read_text(file).decode("utf-8-sig", errors="replace").splitlines()
        emails = [line.strip() for line in lines if line.strip()]
    chosen = settings()
    now = wiring.system_clock()
    begins = instant(at) if at else now
    with opened(chosen) as store:
        done = enrol_(store, course, emails=emails, at=begins, suppression_key=wiring.suppression_key(chosen))

    def text() -> None:
        say(f"{done.enrolled} enrolled in {course}, from {shown(begins)}")
        say(*(f"  not {address}: {reason}" for address, reason in done.refused.items()))

    show(format, {"enrolled": done.enrolled, "refused": done.refused}, text)
    if done.refused and not everyone:
        raise typer.Exit(1)
