"""The suppression list: addresses that get no mail from this workspace."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from drip.cli.app import opened, settings, suppress_app
from drip.cli.output import Format, FormatOption, complain, read_text, say, show, some, table, wall

EmailsArgument = Annotated[list[str], typer.Argument(metavar="EMAIL", help="The address, or several.")]
ForOption = Annotated[
    str | None, typer.Option("--for", metavar="90d", help="Only for so long, such as 90d or 4 weeks; else for ever.")
]


@suppress_app.command("add")
def add(
    emails: EmailsArgument,
    reason: Annotated[str, typer.Option("--reason", metavar="WORDS", help="Why, in a few words.")] = "by hand",
    for_: ForOption = None,
    format: FormatOption = Format.text,
) -> None:
    """Send an address nothing any more.

    Its courses end when their next mail would be due. One that is on the list keeps its reason, unless it had left or
    was there for a while only.
    """
    from drip import wiring
    from drip.engine import suppression_list

    chosen = settings()
    with opened(chosen, only_look=True) as store:
        done = suppression_list.add(
            store,
            emails,
            suppression_key=wiring.suppression_key(chosen, store),
            now=wiring.system_clock(),
            reason=reason,
            lasts_for=_span(for_),
        )
    show(
        format, done, lambda: say(*(f"{one.email} gets no mail{_until(one.expires_at)}: {one.reason}" for one in done))
    )


@suppress_app.command("remove")
def remove(
    emails: EmailsArgument,
    yes: Annotated[bool, typer.Option("--yes", help="Mean it, also where they have called a mail spam.")] = False,
    format: FormatOption = Format.text,
) -> None:
    """Let an address get mail again.

    Not where its learner has left: only they take that back. Courses that have ended stay so.
    """
    from drip import wiring
    from drip.engine import suppression_list

    chosen = settings()
    with opened(chosen, only_look=True) as store:
        key = wiring.suppression_key(chosen, store)
        done = suppression_list.remove(store, emails, suppression_key=key, now=wiring.system_clock(), yes=yes)

    def text() -> None:
        for one in done:
            if one.left_at is not None:
                say(f"{one.email} is no longer there for “{one.reason}”, but has left before that, which stays")
            else:
                say(f"{one.email} may get mail again (it was there for: {one.reason})")

    show(format, done, text)


@suppress_app.command("list")
def list_(
    reason: Annotated[str | None, typer.Option("--reason", metavar="WORDS", help="Only those for this reason.")] = None,
    format: FormatOption = Format.text,
) -> None:
    """List who gets no mail, why, since when and until when.

    The list keeps no address, only what stands for it; those of learners on file are named.
    """
    from drip import wiring
    from drip.engine import suppression_list
    from drip.schedule.slots import zone

    chosen = settings()
    local = zone(chosen.defaults.timezone)
    with opened(chosen, only_look=True) as store:
        key = wiring.suppression_key(chosen, store)
        found = suppression_list.listed(store, suppression_key=key, now=wiring.system_clock(), reason=reason)

    def text() -> None:
        rows = [
            [
                one.email or f"({one.address_hash[:12]}…)",
                one.reason,
                one.source,
                wall(one.at, local),
                wall(one.expires_at, local) if one.expires_at is not None else "for ever",
            ]
            for one in found
        ]
        if rows:
            table(["address", "reason", "by", "since", "until"], rows, folds=["address", "reason"])
        else:
            say(f"Nobody is on the suppression list{'' if reason is None else f' for “{reason}”'}.")

    show(format, found, text)


@suppress_app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV; `-` is standard input.")],
    reason: Annotated[
        str | None, typer.Option("--reason", metavar="WORDS", help="Why, over what the file says.")
    ] = None,
    for_: ForOption = None,
    format: FormatOption = Format.text,
) -> None:
    """Put the addresses of a file on the list.

    It has the column email, or address_hash as `export` writes it; and may have reason, source, at, expires_at and
    left_at. Good rows are taken, bad ones are listed (exit 1).
    """
    from drip import wiring
    from drip.engine import suppression_list
    from drip.errors import ImportRefused

    chosen = settings()
    data, name = read_text(file), "standard input" if str(file) == "-" else str(file)
    try:
        with opened(chosen, only_look=True) as store:
            done = suppression_list.take_in(
                store,
                data,
                suppression_key=wiring.suppression_key(chosen, store),
                now=wiring.system_clock(),
                reason=reason,
                lasts_for=_span(for_),
            )
    except ImportRefused as error:
        raise ImportRefused(f"{name}: {error}") from None

    def text() -> None:
        say(f"{done.taken:,} taken, {len(done.refused):,} refused")
        complain(*some([f"{name}: {row}" for row in done.refused]))

    show(format, done, text)
    if done.refused:
        raise typer.Exit(1)


@suppress_app.command("export")
def export(
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Write there, and not on the screen.")
    ] = None,
    format: FormatOption = Format.text,
) -> None:
    """Write the list as CSV, for a copy or for another program.

    Addresses stand in it as far as learners on file have them, and for everybody what stands for the address.
    """
    from drip import wiring
    from drip.engine import suppression_list
    from drip.errors import Refused

    chosen = settings()
    with opened(chosen, only_look=True) as store:
        key = wiring.suppression_key(chosen, store)
        found = suppression_list.listed(store, suppression_key=key, now=wiring.system_clock())
    written = suppression_list.as_csv(found)
    if out is None:
        show(format, found, lambda: say(written.rstrip("\n")))
        return
    try:
        out.write_text(written, "utf-8")
    except OSError as error:
        raise Refused(f"{out}: cannot be written: {error.strerror}") from None
    show(format, {"file": str(out), "rows": len(found)}, lambda: say(f"{len(found):,} addresses are in {out}"))


def _until(at: object) -> str:
    return "" if at is None else f" until {at:%Y-%m-%d %H:%M %Z}"


def _span(written: str | None) -> timedelta | None:
    """How long `90d`, `12h` or `4 weeks` is."""
    from drip.course.timing import Unit, parse_gap
    from drip.errors import UserError

    if written is None:
        return None
    short = re.fullmatch(r"([0-9]{1,9})\s*([mhdw])", written.strip().lower())
    units = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
    try:
        gap = parse_gap(f"{short[1]} {units[short[2]]}" if short else written)
    except ValueError:
        gap = None
    if gap is None or not gap.count or gap.unit is Unit.BUSINESS_DAYS:
        raise UserError(f'--for: "{written[:40]}" is not a time; write 90d, 12h or 4 weeks')
    return timedelta(**{str(gap.unit): gap.count})
