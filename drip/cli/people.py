"""The people: learners and enrolling."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from drip.cli.app import app, learners_app, opened, settings
from drip.cli.output import (
    MOST_ROWS,
    Format,
    FormatOption,
    Misused,
    complain,
    instant,
    progress,
    read_text,
    say,
    show,
    shown,
    some,
    table,
    wall,
)

EmailArgument = Annotated[str, typer.Argument(metavar="EMAIL", help="The learner's address.")]


@learners_app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV, or .json; `-` is standard input.")],
    format: FormatOption = Format.text,
) -> None:
    """Take learners from a file; the same file again updates.

    It has the columns email, first_name, last_name, language and timezone; every other column becomes learner.COLUMN.
    Good rows are taken, bad ones are listed (exit 1). Importing enrols nobody.
    """
    from drip import wiring
    from drip.engine.learners import import_csv, import_json
    from drip.errors import ImportRefused

    chosen = settings()
    data, name = read_text(file), "standard input" if str(file) == "-" else str(file)
    try:
        with opened(chosen) as store, progress(f"importing {name}") as told:
            key = wiring.suppression_key(chosen, store)
            read = import_json if file.suffix.lower() == ".json" else import_csv
            declared = chosen.defaults.attributes
            done = read(
                store, data, now=wiring.system_clock(), suppression_key=key, declared=declared, on_progress=told
            )
    except ImportRefused as error:
        raise ImportRefused(f"{name}: {error}") from None

    def text() -> None:
        say(
            f"{done.added:,} added, {done.updated:,} updated, {done.unchanged:,} unchanged, "
            f"{len(done.refused):,} refused"
        )
        say(*(f"  {note}" for note in done.notes))
        complain(*some([f"{name}: {row}" for row in done.refused]))
        if done.suppressed:
            say(f"  {done.suppressed} of them are on the suppression list and get no mail")

    show(format, done, text)
    if done.refused:
        raise typer.Exit(1)


@learners_app.command()
def add(
    email: EmailArgument,
    first_name: Annotated[
        str | None, typer.Option("--first-name", metavar="NAME", help="What mails call them.")
    ] = None,
    last_name: Annotated[str | None, typer.Option("--last-name", metavar="NAME", help="Their family name.")] = None,
    language: Annotated[str | None, typer.Option("--language", metavar="L", help="Such as sv or en-GB.")] = None,
    timezone: Annotated[str | None, typer.Option("--timezone", metavar="Z", help="Such as Europe/Stockholm.")] = None,
    attribute: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Sets learner.KEY; may be repeated.")
    ] = None,
    format: FormatOption = Format.text,
) -> None:
    """Add one learner, or update them."""
    from drip import wiring
    from drip.engine.learners import add as add_one
    from drip.engine.learners import plain as plain_learner

    attributes: dict[str, str] = {}
    for pair in attribute or []:
        key, equals, value = pair.partition("=")
        if not equals:
            raise Misused(f'--set wants KEY=VALUE, not "{pair}"')
        attributes[key] = value
    values = {"first_name": first_name, "last_name": last_name, "language": language, "timezone": timezone}
    chosen = settings()
    with opened(chosen) as store:
        learner = add_one(
            store,
            email,
            now=wiring.system_clock(),
            **{k: v for k, v in values.items() if v},
            attributes=attributes,
            declared=chosen.defaults.attributes,
        )
    show(format, plain_learner(learner), lambda: say(f"added {learner.email}"))


@learners_app.command("list")
def list_(format: FormatOption = Format.text) -> None:
    """List the learners, in the order in which they came.

    JSON has all of them; a person is shown the first hundred.
    """
    from drip.engine.learners import listed
    from drip.engine.learners import plain as plain_learner

    with opened(settings()) as store:
        found = listed(store, limit=None if format is Format.json else MOST_ROWS + 1)

    def text() -> None:
        rows = [
            [
                one.email,
                " ".join(filter(None, (one.first_name, one.last_name))),
                one.language,
                one.timezone or one.imported_timezone,
                ", ".join(f"{key}={value}" for key, value in one.attributes.items()),
            ]
            for one in found[:MOST_ROWS]
        ]
        if rows:
            table(["email", "name", "language", "timezone", "attributes"], rows)
        else:
            say("nobody yet: `drip learners import people.csv`")
        if len(found) > MOST_ROWS:
            say("", "… and more; --format json has all of them")

    show(format, [plain_learner(one) for one in found], text)


@learners_app.command("show")
def show_(email: EmailArgument, format: FormatOption = Format.text) -> None:
    """Show one learner: enrolments, mails, and all the evidence."""
    from datetime import datetime

    from drip import wiring
    from drip.cli.output import plain
    from drip.engine.learners import show as show_one
    from drip.engine.wished import said_by
    from drip.schedule.slots import zone

    chosen = settings()
    with opened(chosen) as store:
        found = plain(
            show_one(store, email, suppression_key=wiring.suppression_key(chosen, store), now=wiring.system_clock())
        )

    def text() -> None:
        local = zone(found["timezone"] or chosen.defaults.timezone)

        def at(time: str | None) -> str:
            return wall(datetime.fromisoformat(time), local) if time else ""

        own = {
            key: value
            for key, value in found.items()
            if key not in ("enrolments", "evidence", "attributes", "consents")
        }
        said = {**own, **{f"learner.{key}": value for key, value in found["attributes"].items()}}
        say(*(f"{key.replace('_', ' ')}: {value}" for key, value in said.items() if value not in (None, "")))
        for enrolment in found["enrolments"]:
            ended = f", {enrolment['ended_by']}" if enrolment["ended_by"] else ""
            run = f" (run {enrolment['run']})" if enrolment["run"] > 1 else ""
            waits = f"; next: {enrolment['next_step']}" if enrolment["next_step"] and not ended else ""
            due = f", {at(enrolment['due_at'])}" if waits and enrolment["due_at"] else ""
            say("", f"{enrolment['course']}{run}: {enrolment['state']}{ended}{waits}{due}")
            if enrolment["problem"]:
                say(f"  waits for a person: {enrolment['problem']}")
            if enrolment["deliveries"]:
                rows = [[at(d["sent_at"]), d["step"], d["state"], d["answer"]] for d in enrolment["deliveries"]]
                table(["sent", "step", "state", "what the mail server said"], rows)
        if found["evidence"]:
            say("")
            rows = [
                [at(e["at"]), e["kind"], e["step"], e["item"], e["said"], e["origin"], e["reason"]]
                for e in ({**one, "said": said_by(one["kind"], one["item"], one["data"])} for one in found["evidence"])
            ]
            table(["at", "kind", "step", "item", "said", "by", "reason"], rows, folds=["item", "said"])
        if found["consents"]:
            say("")
            said_yes = [
                [at(one["at"]), one["what"], "yes" if one["given"] else "no", one["text_version"], one["source"]]
                for one in found["consents"]
            ]
            table(["at", "agreed to", "said", "text", "where"], said_yes)
        if found["enrolments"]:
            say("", f"Times in {local}.")

    show(format, found, text)


@app.command()
def enrol(
    course: Annotated[str, typer.Argument(metavar="COURSE", help="A published course's id.")],
    email: Annotated[
        list[str] | None, typer.Option("--email", metavar="E", help="A learner's address; may be repeated.")
    ] = None,
    everyone: Annotated[bool, typer.Option("--all", help="Everyone for whom the course's start.when holds.")] = False,
    file: Annotated[Path | None, typer.Option("--file", metavar="F", help="A file of addresses, one a line.")] = None,
    at: Annotated[
        str | None, typer.Option("--at", metavar="T", help="From when, such as 2026-03-02T08:00Z; now if not said.")
    ] = None,
    format: FormatOption = Format.text,
) -> None:
    """Enrol learners in a published course. Twice changes nothing."""
    from drip import wiring
    from drip.engine.enrol import ALREADY
    from drip.engine.enrol import enrol as enrol_
    from drip.schedule.slots import zone

    if sum((bool(email), everyone, file is not None)) != 1:
        raise Misused("say whom: --email E, --file F or --all (one of them)")
    emails = None if everyone else list(email or [])
    if file is not None:
        lines = read_text(file).decode("utf-8-sig", errors="replace").splitlines()
        emails = [line.strip() for line in lines if line.strip() and line.strip().lower() != "email"]
    chosen = settings()
    now = wiring.system_clock()
    begins = instant(at) if at else now
    with opened(chosen) as store, progress("enrolling") as told:
        key = wiring.suppression_key(chosen, store)
        done = enrol_(store, course, emails=emails, at=begins, suppression_key=key, on_progress=told)

    def text() -> None:
        say(f"{done.enrolled:,} enrolled in {course}, from {shown(begins, zone(chosen.defaults.timezone))}")
        complain(*some([f"  not {address}: {reason}" for address, reason in done.refused.items()]))

    show(format, {"enrolled": done.enrolled, "refused": done.refused}, text)
    if not everyone and any(reason != ALREADY for reason in done.refused.values()):
        raise typer.Exit(1)


@app.command()
def event(
    email: Annotated[str, typer.Argument(metavar="EMAIL", help="Whom it happened to.")],
    name: Annotated[str, typer.Argument(metavar="NAME", help="What happened, such as subscription.started.")],
    data: Annotated[
        str | None, typer.Option("--data", metavar="JSON", help="What else is known, as an object.")
    ] = None,
    at: Annotated[str | None, typer.Option("--at", metavar="T", help="When; now if not said.")] = None,
    format: FormatOption = Format.text,
) -> None:
    """Tell what happened elsewhere.

    It may begin a course (`start.event`), be its goal, or end a wait.
    """
    import json

    from drip import wiring
    from drip.engine.outcomes import happened
    from drip.errors import UserError

    try:
        known = json.loads(data) if data is not None else {}
    except ValueError as error:
        raise UserError(f"--data is not JSON: {error}") from None
    if not isinstance(known, dict):
        raise UserError('--data is an object, such as {"plan": "pro"}')
    chosen = settings()
    when = instant(at) if at else wiring.system_clock()
    with opened(chosen) as store:
        key = wiring.suppression_key(chosen, store)
        done = happened(store, email, name, at=when, data=known, suppression_key=key)

    def text() -> None:
        say(f"{done.name} is written down for {done.email}", *(f"  enrolled in {course}" for course in done.enrolled))

    show(format, done, text)
