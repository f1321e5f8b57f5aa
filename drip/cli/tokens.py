"""The tokens of the HTTP API: a new one, which there are, and an end to one."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from drip.cli.app import opened, settings, token_app
from drip.cli.output import Format, FormatOption, Misused, say, show, table

if TYPE_CHECKING:
    from drip.store.tokens import ApiToken


@token_app.command("new")
def new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Who will use it, such as crm.")],
    scopes: Annotated[
        str | None,
        typer.Option("--scopes", metavar="S,S", help="What it is good for; all but learners:erase if not said."),
    ] = None,
    expires: Annotated[
        str | None, typer.Option("--expires", metavar="90d", help="When it ends by itself; never if not said.")
    ] = None,
    format: FormatOption = Format.text,
) -> None:
    """Make a token, and print it this once.

    Scopes are learners:read, learners:write, learners:erase, enrolments:read, enrolments:write, events:write and
    reports:read.
    """
    from drip import wiring
    from drip.engine.tokens import USUAL, make

    chosen = USUAL if scopes is None else tuple(part.strip() for part in scopes.split(",") if part.strip())
    with opened(settings()) as store:
        token, kept = make(store, name, scopes=chosen, lasts=_span(expires), now=wiring.system_clock())

    def text() -> None:
        until = f", until {kept.expires_at:%Y-%m-%d %H:%M} UTC" if kept.expires_at else ""
        say(token, f"Token {kept.id} for {kept.name}: {', '.join(sorted(kept.scopes))}{until}.")
        say("It is shown this once, and kept nowhere: put it where the other system keeps its passwords.")

    show(format, {"token": token, **_plain(kept)}, text)


@token_app.command("list")
def list_(format: FormatOption = Format.text) -> None:
    """List the tokens, without what opens anything."""
    from drip import wiring
    from drip.engine.tokens import listed

    now = wiring.system_clock()
    with opened(settings(), only_look=True) as store:
        found = listed(store)

    def text() -> None:
        if not found:
            say("no tokens: `drip token new crm` makes one")
            return
        rows = [
            (one.id, one.name, _state(one, now), _day(one.last_used_at) or "never", ", ".join(sorted(one.scopes)))
            for one in found
        ]
        table(("token", "name", "state", "last used", "good for"), rows, right=("token",))

    show(format, [{**_plain(one), "good": one.is_good(now)} for one in found], text)


@token_app.command("revoke")
def revoke(
    token: Annotated[str, typer.Argument(metavar="TOKEN", help="Its name, or its number in the list.")],
    format: FormatOption = Format.text,
) -> None:
    """End a token at once, in every process."""
    from drip import wiring
    from drip.engine.tokens import revoke as revoke_

    with opened(settings()) as store:
        done = revoke_(store, token, now=wiring.system_clock())
    show(format, _plain(done), lambda: say(f"token {done.id} for {done.name} opens nothing any more"))


def _plain(one: ApiToken) -> dict[str, object]:
    return {
        "id": one.id,
        "name": one.name,
        "scopes": sorted(one.scopes),
        "created_at": one.created_at,
        "expires_at": one.expires_at,
        "revoked_at": one.revoked_at,
        "last_used_at": one.last_used_at,
    }


def _state(one: ApiToken, now: datetime) -> str:
    if one.revoked_at is not None:
        return f"revoked {_day(one.revoked_at)}"
    if one.expires_at is None:
        return "good"
    return f"good until {_day(one.expires_at)}" if one.is_good(now) else f"ended {_day(one.expires_at)}"


def _day(at: datetime | None) -> str:
    return "" if at is None else f"{at:%Y-%m-%d}"


def _span(written: str | None) -> timedelta | None:
    """`90d`, `12h`, `4 weeks`."""
    from drip.course.timing import Unit, parse_gap

    if written is None:
        return None
    short = re.fullmatch(r"([0-9]{1,4})\s*([hdw])", written.strip().lower())
    units = {"h": "hours", "d": "days", "w": "weeks"}
    try:
        gap = parse_gap(f"{short[1]} {units[short[2]]}" if short else written)
    except ValueError:
        raise Misused(f'--expires: "{written[:40]}" is not a span of time; write 90d, 12h or 4 weeks') from None
    unit = "days" if gap.unit is Unit.BUSINESS_DAYS else str(gap.unit)
    return timedelta(**{unit: gap.count})
