"""Mails that came back: bounces."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from drip.cli.app import NO_WORKSPACE, bounces_app, opened, settings
from drip.cli.output import Format, FormatOption, Misused, complain, say, show, some
from drip.errors import DripError

if TYPE_CHECKING:
    from drip.engine.bounces import Row
    from drip.inbound.mailbox import Letter

#: What tells a mail server to keep a mail and try again later (sysexits.h, EX_TEMPFAIL): nothing is lost.
TRY_AGAIN = 75
_STDIN = Path("-")
#: How a row's kind stands before its recipient.
_WORDS = {
    "bounce": "bounce of",
    "complaint": "complaint by",
    "auto-reply": "automatic answer by",
    "delivered": "delivered to",
    "none": "news of",
}


@bounces_app.command("read")
def read(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE", help="Files of one mail each, Maildirs, or - for a mail from a pipe."),
    ],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what they are; needs no database.")] = False,
    mailbox: Annotated[bool, typer.Option("--mailbox", help="Each file is an mbox of many mails.")] = False,
    keep: Annotated[
        Path | None,
        typer.Option("--keep", metavar="MAILDIR", help="Put mails that are no bounces there, for a person."),
    ] = None,
    format: FormatOption = Format.text,
) -> None:
    """Read mails that came back, and do what follows.

    Dead addresses and complaints end in the suppression list. With - it stands behind a mail server's pipe: whatever
    goes wrong ends in exit 75, so that the server keeps the mail and tries again.
    """
    if _STDIN in files and len(files) > 1:
        raise Misused("- stands for the one mail of a pipe: name no other file beside it")
    if keep is not None and dry_run:
        raise Misused("--keep and --dry-run exclude each other")
    piped = files == [_STDIN] and not mailbox
    failed: list[str] = []
    with _patient() if piped and not dry_run else nullcontext():
        rows = _read(_letters(files, mailbox, failed), dry_run, keep)
        show(format, rows, lambda: _tell(rows, quiet=bool(failed)))
    complain(*failed)
    if failed:
        raise typer.Exit(1)


@bounces_app.command("fetch")
def fetch(format: FormatOption = Format.text) -> None:
    """Fetch what waits in the mailbox that drip.toml names.

    Mails from people are left there, unread. `drip run` and `drip up` do this every few minutes by themselves.
    """
    from drip import wiring
    from drip.engine import bounces as use_case
    from drip.errors import NotFound, Refused
    from drip.runners import timer

    chosen = settings()
    place = wiring.mailbox(chosen)
    if place is None and not chosen.is_workspace:
        raise NotFound(NO_WORKSPACE)
    if place is None:
        raise Refused(
            "no mailbox is named: write [bounces] in drip.toml with\n"
            '  maildir = "bounces"   or   imap = "imaps://bounces%40acme.example@mail.acme.example/INBOX"'
        )
    with opened(chosen) as store, timer.stopping() as stop:
        listener = wiring.listener(chosen, store, wiring.system_clock)
        rows = list(use_case.fetch(listener, place, stop=stop.is_set))
    show(format, rows, lambda: _tell(rows))


def _read(letters: Iterator[Letter], dry_run: bool, keep: Path | None) -> list[Row]:
    from drip import wiring
    from drip.engine import bounces as use_case
    from drip.inbound import maildir

    chosen = settings()
    if dry_run:
        return list(use_case.look_at(letters, wiring.ring(chosen), now=wiring.system_clock()))
    with opened(chosen, only_look=True) as store:
        listener = wiring.listener(chosen, store, wiring.system_clock)
        if keep is None:
            return list(use_case.take_in(listener, letters))
        rows = []
        for letter in letters:
            found = list(use_case.take_in(listener, [letter]))
            if all(row.kind == "none" for row in found):
                maildir.keep(keep, letter.content)
            rows += found
        return rows


def _letters(files: Sequence[Path], mailbox: bool, failed: list[str]) -> Iterator[Letter]:
    """The mails of all files; what is wrong with one of them is said after the others."""
    import sys

    from drip.inbound.mailbox import Letter, from_stream, in_file, in_mbox

    for path in files:
        try:
            if path != _STDIN:
                yield from in_file(path, mailbox=mailbox)
            elif mailbox:
                mails = enumerate(in_mbox(sys.stdin.buffer), start=1)
                yield from (Letter(name=f"-:{number}", content=content) for number, content in mails)
            else:
                yield Letter(name="-", content=from_stream(sys.stdin.buffer))
        except DripError as error:
            failed.append(f"drip: {error}")


@contextmanager
def _patient() -> Iterator[None]:
    """Whatever goes wrong in the block ends in EX_TEMPFAIL: a bounce that is refused would be gone for ever."""
    try:
        yield
    except Exception as error:  # noqa: BLE001  (whatever it is, the mail server shall keep the mail)
        complain(f"drip: {error} (tried again later)")
        raise typer.Exit(TRY_AGAIN) from None


def _tell(rows: Sequence[Row], *, quiet: bool = False) -> None:
    if not rows:
        say(*([] if quiet else ["nothing there"]))
        return
    say(*some([_line(row) for row in rows]))


def _line(row: Row) -> str:
    """`FILE: hard bounce of ada@customer.example (5.1.1): suppressed: bounced`."""
    if row.kind == "none" and not row.recipient:
        return f"{row.file}: {row.done}"
    what = _WORDS[row.kind] if row.verdict is None else f"{row.verdict} {_WORDS[row.kind]}"
    code = f" ({row.status})" if row.status else ""
    return f"{row.file}: {what} {row.recipient or 'an address that is not named'}{code}: {row.done}"
