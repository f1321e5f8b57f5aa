"""What an operator does once in a while: send, pause, resume, db."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from drip.cli.app import app, db_app, opened, settings
from drip.cli.courses import CourseArgument, compiled_course
from drip.cli.output import Format, FormatOption, Misused, say, show

if TYPE_CHECKING:
    from drip.render.message import Message
    from drip.transports import Transport


@app.command()
def send(
    course: CourseArgument,
    step: Annotated[str, typer.Argument(metavar="STEP", help="The tip.")],
    to: Annotated[str, typer.Option("--to", metavar="E", help="The address that gets it.")],
    format: FormatOption = Format.text,
) -> None:
    """Send one tip to one address now, as a test.

    It has no row in the ledger, and nothing that is pressed in it is recorded.
    """
    from dataclasses import replace

    from drip import wiring
    from drip.engine.learners import normal_email
    from drip.engine.preview import SOMEBODY, preview
    from drip.errors import Refused
    from drip.settings import masked

    chosen = settings()
    compiled = compiled_course(chosen, course)
    address = normal_email(to)
    if chosen.only_to and address.lower() not in chosen.only_to:
        raise Refused(f"DRIP_ONLY_TO does not name {address}")
    way_out = wiring.transport(chosen)
    messages = [
        one.message
        for one in preview(
            compiled.plan,
            compiled.templates,
            learner=replace(SOMEBODY, email=address),
            now=wiring.system_clock().replace(microsecond=0),
            ring=wiring.ring(chosen),
            base_url=chosen.base_url,
            step=step,
        )
    ]
    try:
        sent = _send_each(way_out, messages, address)
    finally:
        way_out.close()
    way = masked(chosen.transport)
    show(format, sent, lambda: say(*(f'sent "{one["subject"]}" to {one["to"]} over {way}' for one in sent)))


def _send_each(way_out: Transport, messages: Sequence[Message], address: str) -> list[dict[str, str]]:
    """Send one at a time: they share the place of a test in the ledger, which is nowhere."""
    from drip.errors import Refused, SenderTrouble
    from drip.transports import Outcome

    sent = []
    for message in messages:
        result = way_out.send([message])
        if result.trouble is not None:
            raise SenderTrouble(f"{way_out.name}: {result.trouble}")
        for receipt in result.receipts:
            if receipt.outcome is not Outcome.SENT:
                raise Refused(f"{address} was not taken: {receipt.answer or receipt.outcome}")
            sent.append({"to": address, "subject": message.subject, "message_id": message.message_id})
    return sent


@app.command()
def pause(
    course: Annotated[str | None, typer.Argument(metavar="COURSE", help="A published course's id.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All courses.")] = False,
    format: FormatOption = Format.text,
) -> None:
    """Stop sending a course, or all of them. Nothing is lost.

    It takes effect at the next claim; what is under way is finished.
    """
    _switch(course, everything, format, paused=True)


@app.command()
def resume(
    course: Annotated[str | None, typer.Argument(metavar="COURSE", help="A published course's id.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All courses.")] = False,
    format: FormatOption = Format.text,
) -> None:
    """Go on sending a course, or all of them.

    What fell due meanwhile goes at its first allowed instant: one mail a learner, the rest counting from it.
    """
    _switch(course, everything, format, paused=False)


@db_app.command("upgrade")
def upgrade(format: FormatOption = Format.text) -> None:
    """Bring the database's tables up to date.

    A SQLite file is copied first. `run` and `up` do this by themselves on SQLite.
    """
    from drip import wiring

    store = wiring.store(settings())
    try:
        changed = store.upgrade(now=wiring.system_clock())
        at = store.version()[0]
    finally:
        store.close()
    show(
        format,
        {"changed": changed, "version": at},
        lambda: say(f"the database stands at {at}" + ("" if changed else " already")),
    )


@db_app.command("copy")
def copy(
    source: Annotated[
        str, typer.Argument(metavar="FROM", help="The address of the other database, such as sqlite:///drip.db.")
    ],
    format: FormatOption = Format.text,
) -> None:
    """Copy everything from another database into this one.

    So an academy moves from SQLite to PostgreSQL. This one must be empty, and nobody may be using the other.
    """
    from dataclasses import replace

    from drip import wiring
    from drip.errors import NotFound
    from drip.store.moving import copy_all

    chosen = settings()
    here, there = wiring.store(chosen), wiring.store(replace(chosen, database_url=source))
    try:
        if there.file is not None and not there.file.exists():
            raise NotFound(f"there is no database {there.file}")
        copied = copy_all(there, here)
    finally:
        here.close()
        there.close()
    told = ", ".join(f"{number:,} in {table}" for table, number in copied.items() if number)
    show(format, copied, lambda: say(f"copied {sum(copied.values()):,} rows: {told}" if told else "there was nothing"))


def _switch(course: str | None, everything: bool, format: Format, *, paused: bool) -> None:
    from drip import wiring
    from drip.engine.switch import switch

    if (course is None) == (not everything):
        raise Misused("say which course, or --all (one of them)")
    with opened(settings(), only_look=True) as store:
        now = wiring.system_clock()
        changed = switch(store, course, paused_at=now if paused else None, now=now)
    word = "paused" if paused else "resumed"
    lines = [f"{word} {name}" for name in changed] or [f"nothing to be {word}"]
    show(format, {word: changed}, lambda: say(*lines))
