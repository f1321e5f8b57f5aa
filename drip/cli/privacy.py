"""One person: all that is kept of them, their consent, a pause for them, and erasing them."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from drip.cli.app import app, learners_app, opened, settings
from drip.cli.output import Format, FormatOption, Misused, complain, plain, progress, say, show, shown, table
from drip.cli.people import EmailArgument

if TYPE_CHECKING:
    from drip.engine.erase import Erased
    from drip.engine.pausing import Paused
    from drip.settings import Settings
    from drip.store import Store

CourseOption = Annotated[
    str | None, typer.Option("--course", metavar="COURSE", help="This one only; all of theirs if not said.")
]


@learners_app.command()
def export(email: EmailArgument, format: FormatOption = Format.json) -> None:
    """Print all that is kept of one person, as JSON.

    Every part says what it is. It is what `erase` would erase. As text it says how much there is.
    """
    from drip import wiring
    from drip.engine.export import ABOUT, export_learner

    chosen = settings()
    with opened(chosen, only_look=True) as store:
        told = export_learner(store, email, suppression_key=wiring.suppression_key(chosen, store))

    def text() -> None:
        rows = [[part, len(told.get(part, ())), about] for part, about in ABOUT.items()]
        table(["part", "rows", "what it is"], rows, right=["rows"])

    show(format, told, text)


@learners_app.command()
def erase(
    email: Annotated[list[str], typer.Argument(metavar="EMAIL", help="The addresses of those to erase.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask, also at a terminal.")] = False,
    files: Annotated[
        bool, typer.Option("--files", help="Delete the .eml files of an outbox that name them too.")
    ] = False,
    format: FormatOption = Format.text,
) -> None:
    """Erase people: everything that names or points at them.

    What reports count stays, of nobody. Whoever left everything stays on the suppression list, and their links for
    leaving work. It cannot be undone; where a person sits at the terminal, it asks once.
    """
    from drip import wiring
    from drip.engine.erase import erase as erase_one
    from drip.errors import UserError

    chosen = settings()
    with opened(chosen) as store:
        if not yes and sys.stdin.isatty() and not typer.confirm(f"Erase {', '.join(email)} for ever?"):
            raise typer.Abort
        key = wiring.suppression_key(chosen, store)
        done: list[Erased] = []
        unknown: list[str] = []
        for address in dict.fromkeys(email):
            try:
                done.append(erase_one(store, address, suppression_key=key, now=wiring.system_clock()))
            except UserError as error:
                unknown.append(str(error))
        with progress("writing the database file anew"):
            emptied, trouble = _written_anew(store) if done else (True, "")
        left = _left(chosen, store, [*email, *(one.email for one in done)], delete=files)

    def text() -> None:
        for one in done:
            say(f"erased {one.email}: {_counts(one)}")
        complain(*unknown)
        if trouble:
            complain(f"the file is not written anew, and holds them still: {trouble}\ntype: drip forget")
        elif not emptied:
            complain(
                "another process still reads what the database was before: the last of it goes with the next\n"
                "`drip forget`, or tonight where `drip run` runs"
            )
        say(*(f"  {path}: deleted" for path in left["deleted"]))
        say(*(f"  {path}: names them still; delete it" for path in left["kept"]))

    show(format, {"erased": done, "unknown": unknown, "emptied": emptied, "files": left}, text)
    if unknown or trouble:
        raise typer.Exit(1 if unknown else 3)


def _written_anew(store: Store) -> tuple[bool, str]:
    """(whether nothing of them is in the file any more, what the machine could not do): they are erased either way."""
    from drip.errors import StoreError
    from drip.store.wiping import compact

    try:
        return compact(store), ""
    except StoreError as error:
        return False, str(error)


def _left(chosen: Settings, store: Store, addresses: Sequence[str], *, delete: bool) -> dict[str, list[str]]:
    """Files that name them still: mails of an outbox, which are deleted where that is meant, and copies of the database
    (each holds everybody: only a person can say whether it is needed).
    """
    from drip.engine.left_behind import copies_naming, copies_of, mails_naming

    way, _, folder = chosen.transport.partition(":")
    mails = sorted((chosen.folder / (folder or "outbox")).glob("*.eml")) if way == "outbox" else []
    mails, copies = mails_naming(mails, addresses), copies_naming(copies_of(store.file), addresses)
    for path in mails if delete else []:
        path.unlink(missing_ok=True)
    names = [_short(path, chosen.folder) for path in mails]
    kept = [_short(path, chosen.folder) for path in copies]
    return {"deleted": names if delete else [], "kept": kept if delete else [*names, *kept]}


def _short(path: Path, folder: Path) -> str:
    return str(path.relative_to(folder)) if path.is_relative_to(folder) else str(path)


def _counts(one: Erased) -> str:
    """`1 enrolment, 3 mails, 5 pieces of evidence`."""
    words = {
        ("enrolment", "enrolments"): one.enrolments,
        ("mail", "mails"): one.mails,
        ("piece of evidence", "pieces of evidence"): one.evidence,
        ("consent", "consents"): one.consents,
        ("request", "requests"): one.requests,
        ("webhook", "webhooks"): one.webhooks,
    }
    told = [f"{number:,} {few if number == 1 else many}" for (few, many), number in words.items() if number]
    stopped = f"; {one.cancelled} on their way were stopped" if one.cancelled else ""
    handed = f"; {one.on_their_way} had been handed over already" if one.on_their_way else ""
    return (", ".join(told) or "they were in no course") + stopped + handed


@learners_app.command()
def consent(
    email: EmailArgument,
    opens: Annotated[
        str | None, typer.Option("--opens", metavar="yes|no", help="Whether their opens may be recorded.")
    ] = None,
    mail: Annotated[str | None, typer.Option("--mail", metavar="yes|no", help="Whether they want mail at all.")] = None,
    source: Annotated[str, typer.Option("--source", metavar="S", help="Where they said so.")] = "",
    text: Annotated[str, typer.Option("--text", metavar="T", help="The words that they agreed to.")] = "",
    text_version: Annotated[
        str, typer.Option("--text-version", metavar="V", help="The name of those words; a hash of them if not said.")
    ] = "",
    format: FormatOption = Format.text,
) -> None:
    """Show what one learner has agreed to, or write down more.

    Nothing that was said before is changed: the latest word holds. `--mail no` is written down and stops nothing:
    `drip suppress` does.
    """
    from drip import wiring
    from drip.engine.consent import MAIL, OPENS, said_elsewhere
    from drip.engine.learners import show as show_one

    words = {OPENS: opens, MAIL: mail}
    for what, word in words.items():
        if word not in (None, "yes", "no"):
            raise Misused(f'--{what} wants yes or no, not "{word}"')
    said = {what: word == "yes" for what, word in words.items() if word is not None}
    if said and not source:
        raise Misused("say where they said so: --source, such as `--source 'call of 3 May'`")
    if not said and (source or text or text_version):
        raise Misused("say what they agreed to: --opens yes, --opens no, --mail yes or --mail no")
    with opened(settings()) as store:
        said_elsewhere(
            store, email, said, source=source, text=text, text_version=text_version, at=wiring.system_clock()
        )
        found = plain(show_one(store, email))["consents"]

    def people() -> None:
        rows = [[one["at"][:16].replace("T", " "), one["what"], "yes" if one["given"] else "no", one["text_version"],
                 one["source"], one["text"]] for one in found]  # fmt: skip
        if rows:
            table(["at (UTC)", "to", "said", "text version", "where", "text"], rows)
        else:
            say(f"{email} has said nothing about that")

    show(format, found, people)


@learners_app.command()
def pause(
    email: EmailArgument,
    until: Annotated[
        str | None, typer.Option("--until", metavar="DAY", help="Until that day begins, such as 2026-08-17.")
    ] = None,
    course: CourseOption = None,
    format: FormatOption = Format.text,
) -> None:
    """Pause one learner's courses.

    What they have paused themselves stays theirs. Without --until it is lifted by `drip learners resume`. It does not
    lengthen gaps: afterwards one mail goes, and the rest counts from it.
    """
    from drip import wiring
    from drip.engine.pausing import pause as pause_

    day = None
    if until is not None:
        try:
            day = date.fromisoformat(until)
        except ValueError:
            raise Misused(f'--until wants a day such as 2026-08-17, not "{until}"') from None
    with opened(settings()) as store:
        done = pause_(store, email, course_id=course, until=day, now=wiring.system_clock())
    show(format, done, lambda: _tell(done, "paused"))


@learners_app.command()
def resume(email: EmailArgument, course: CourseOption = None, format: FormatOption = Format.text) -> None:
    """Let one learner's courses go on.

    Those that `drip learners pause`, or silence, has paused.
    """
    from drip import wiring
    from drip.engine.pausing import resume as resume_

    with opened(settings()) as store:
        done = resume_(store, email, course_id=course, now=wiring.system_clock())
    show(format, done, lambda: _tell(done, "goes on"))


def _tell(done: Sequence[Paused], what: str) -> None:
    for one in done:
        until = f" until {shown(one.until, one.until.tzinfo)}" if one.until is not None else ""
        say(f"{one.course}: {what if one.done else one.why}{until}")


@app.command()
def forget(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count what is old enough, and change nothing.")] = False,
    format: FormatOption = Format.text,
) -> None:
    """Forget what has been kept for long enough, now.

    `[privacy]` in drip.toml says for how long what is kept. `drip run` does this by itself each night; reports say the
    same afterwards.
    """
    from drip import wiring
    from drip.engine.retention import forget_old, tidy, would_forget
    from drip.runners.timer import stopping

    chosen, now = settings(), wiring.system_clock()
    with opened(chosen) as store, stopping() as stop:
        if dry_run:
            done, compacted = would_forget(store, chosen.retention, now=now), False
        else:
            done = forget_old(store, chosen.retention, now=now, stop=stop.is_set)
            compacted = tidy(store)
    told = {
        "user agents and networks": done.user_agents,
        "raw data of evidence": done.evidence,
        "webhooks": done.webhooks,
        "fresh links": done.fresh_links,
        "requests": done.requests,
        "answers of the API": done.api_answers,
    }
    counts = ", ".join(f"{number:,} {what}" for what, number in told.items() if number) or "nothing is old enough"
    also = "; the database file was written anew" if compacted else ""
    verb = "would forget" if dry_run else "forgot"
    words = f"{verb} {counts}" if any(told.values()) else counts
    show(format, replace(done, compacted=compacted), lambda: say(f"{words}{also}"))
