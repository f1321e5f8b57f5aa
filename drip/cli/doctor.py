"""`drip doctor`: what is off before a receiver finds it, and what to type."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from drip.cli.app import app, settings
from drip.cli.output import Format, FormatOption, Misused, columns_wide, say, show

if TYPE_CHECKING:
    from drip.engine.doctor import Premises, Row
    from drip.settings import Settings
    from drip.transports.dkim_keys import DkimKey

#: Where a finding begins on its line, behind its severity.
_INDENT = " " * 11


@app.command()
def doctor(
    only: Annotated[
        list[str] | None,
        typer.Option(
            "--only",
            metavar="TOPIC",
            help="Only this: sending, spf, dkim, dmarc, reverse, replies, server, links, database, clock or secrets."
            " May stand several times.",
        ),
    ] = None,
    nameserver: Annotated[
        str | None,
        typer.Option("--nameserver", metavar="HOST[:PORT]", help="Ask this name server, not the machine's own."),
    ] = None,
    format: FormatOption = Format.text,
) -> None:
    """Find what is off before a receiver does, and say what to type.

    Looks at DNS, the mail server, the links, the database, the clock and the secrets. It changes and sends nothing, and
    takes 20 seconds at most. Exit 1 where there is an error.
    """
    from drip import wiring
    from drip.engine.doctor import TOPICS, Severity, examine

    for topic in only or ():
        if topic not in TOPICS:
            close = get_close_matches(topic, TOPICS, n=1)
            raise Misused(
                f'--only: there is no topic "{topic}"; ' + (f"did you mean {close[0]}?" if close else _all(TOPICS))
            )
    server = _nameserver(nameserver) if nameserver is not None else None
    rows = examine(_premises(settings()), clock=wiring.system_clock, only=only or (), nameserver=server)
    show(format, rows, lambda: say(*_lines(rows)))
    if any(row.severity is Severity.error for row in rows):
        raise typer.Exit(1)


def _all(topics: Sequence[str] | dict[str, str]) -> str:
    return f"there are: {', '.join(topics)}"


def _premises(chosen: Settings) -> Premises:
    """What the settings say, in plain values."""
    from drip import wiring
    from drip.engine.doctor import Premises
    from drip.engine.doctor.dkim import SigningKey
    from drip.errors import SettingsError
    from drip.plan.model import Sender
    from drip.settings import FILE, LOCAL_FILE, masked
    from drip.transports.dkim_keys import public_record
    from drip.transports.smtp import parse_smtp_url
    from drip.transports.smtp_opening import Server

    scheme = chosen.transport.partition(":")[0]
    kind: Literal["outbox", "smtp", "sendgrid"] = "outbox"
    trouble, signing_trouble, server = "", "", None
    keys: tuple[DkimKey, ...] = ()
    try:
        if scheme in ("smtp", "smtps"):
            kind = "smtp"
            options = {name: value for name, value in parse_smtp_url(chosen.transport).items() if name != "connections"}
            server = Server(**options)  # type: ignore[arg-type]  # what it reads is what a Server has
        elif scheme == "sendgrid":
            kind = "sendgrid"
            wiring.transport(chosen).close()
        elif scheme != "outbox":
            wiring.transport(chosen)
    except SettingsError as error:
        trouble = str(error)
    try:
        keys = () if scheme in wiring.SIGNED_BY_PROVIDER else wiring.signing_keys(chosen)
    except SettingsError as error:
        signing_trouble = str(error)
    sender = chosen.defaults.sender
    return Premises(
        folder=chosen.folder,
        way_out=masked(chosen.transport),
        kind=kind,
        server=server,
        trouble=trouble,
        base_url=chosen.base_url,
        senders=(
            (Sender(name=sender.name, email=sender.email, reply_to=sender.reply_to, bounces=sender.bounces),)
            if sender is not None and chosen.is_workspace
            else ()
        ),
        postal_address=chosen.brand.address,
        open_store=lambda: wiring.store(chosen),
        secret_keys=chosen.secret_keys,
        secret_files={FILE: True, LOCAL_FILE: False},
        key_files=tuple(key.file for key in keys if key.file is not None),
        only_to=chosen.only_to,
        events_key=bool(chosen.sendgrid_webhook_key),
        signing=tuple(
            SigningKey(
                selector=key.selector,
                domain=key.domain,
                algorithm=key.algorithm.partition("-")[0],
                bits=key.bits,
                record=public_record(key),
            )
            for key in keys
        ),
        signing_trouble=signing_trouble,
        zones=(str(chosen.defaults.timezone),),
    )


def _nameserver(text: str) -> tuple[str, int]:
    """`192.0.2.53`, `192.0.2.53:5353`, `[2001:db8::53]:5353` or `localhost:5353` → (address, port)."""
    import socket

    host, port = text, "53"
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        host, port = host if bracket else "", rest.removeprefix(":") or port
    elif text.count(":") == 1:
        host, _, port = text.partition(":")
    wanted = Misused(
        f'--nameserver: "{text}" is no name server; write 192.0.2.53, 192.0.2.53:5353 or [2001:db8::53]:53'
    )
    if not port.isascii() or not port.isdigit() or not 0 < int(port) < 65_536 or not host:
        raise wanted
    try:
        return str(socket.getaddrinfo(host, int(port), type=socket.SOCK_DGRAM)[0][4][0]), int(port)
    except (OSError, UnicodeError):
        raise wanted from None


def _lines(rows: Sequence[Row]) -> Iterator[str]:
    """A quiet list by topic; the worst stands last, next to the prompt."""
    from drip.engine.doctor import TOPICS, Severity

    badness = {severity: at for at, severity in enumerate(Severity)}
    groups = {topic: [row for row in rows if row.topic == topic] for topic in TOPICS}
    told = {topic: sorted(group, key=lambda row: badness[row.severity]) for topic, group in groups.items() if group}
    for topic in sorted(told, key=lambda topic: badness[told[topic][-1].severity]):
        yield TOPICS[topic]
        for row in told[topic]:
            yield from _row(row)
        yield ""
    counts = [(severity, sum(row.severity is severity for row in rows)) for severity in reversed(Severity)]
    yield ", ".join(
        f"{number} {severity.value}{_plural(severity.value, number)}" for severity, number in counts if number
    )


def _plural(word: str, number: int) -> str:
    return "s" if number != 1 and word != "ok" else ""


def _row(row: Row) -> Iterator[str]:
    words = f"{row.subject}: {row.finding}"
    wide = max(40, columns_wide())
    first = f"  {row.severity.value:<9}"
    yield from textwrap.wrap(
        words,
        wide,
        initial_indent=first,
        subsequent_indent=_INDENT,
        break_long_words=False,
        break_on_hyphens=False,
    )
    for at, line in enumerate(row.type.splitlines()):  # never broken: it is there to be copied
        yield f"{_INDENT}{'      ' if at else 'type: '}{line}"
