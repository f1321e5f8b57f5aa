"""The secrets that sign links: which there are, and a new one before them."""

from __future__ import annotations

from drip.cli.app import keys_app, settings
from drip.cli.output import Format, FormatOption, say, show, table


@keys_app.command("list")
def list_keys(format: FormatOption = Format.text) -> None:
    """List the keys, without their secrets.

    The first signs; the others verify links of mails that are out; retired ones only let people leave.
    """
    from drip import wiring
    from drip.settings.secret_file import named

    chosen = settings()
    found = named(chosen.secret_keys, chosen.retired_keys)
    today = wiring.system_clock().date()
    rows = [
        {"id": one.id, "role": one.role, "made": one.made, "days": (today - one.made).days if one.made else None}
        for one in found
    ]

    def text() -> None:
        if not rows:
            say("no keys: `drip init` makes one, or `drip keys rotate`")
            return
        shown = [
            (row["id"], row["role"], row["made"] or "unknown", "" if row["days"] is None else f"{row['days']} days")
            for row in rows
        ]
        table(("key", "what for", "made", "age"), shown, right=("age",))

    show(format, rows, text)


@keys_app.command("rotate")
def rotate(format: FormatOption = Format.text) -> None:
    """Make a new key, and sign with it from the next start on.

    The old ones stay, so that links of mails that are out go on working.
    """
    import os

    from drip.errors import Refused
    from drip.settings.secret_file import named, put_first

    chosen = settings()
    if "DRIP_SECRET_KEY" in os.environ:
        raise Refused(
            "DRIP_SECRET_KEY is set, and goes over drip.local.toml: put a new secret before what is there, such as\n"
            '  DRIP_SECRET_KEY="$(drip keys new),$DRIP_SECRET_KEY"\n'
            "  for `drip serve` first, and then for `drip run`"
        )
    secret = _new()
    path = put_first(chosen.folder, secret, chosen.secret_keys)
    (first, *others) = named([secret, *chosen.secret_keys], chosen.retired_keys)

    older = "1 older key stays" if len(others) == 1 else f"{len(others)} older keys stay"

    def text() -> None:
        say(
            f"{first.id} signs from now on; it stands first in {path.name}. {older} for old links.",
            "Start `drip serve` (or `drip up`) again first, then `drip run`: a web side that does not know the new key",
            "yet would refuse its links. The suppression list stays as it is.",
        )

    show(format, {"id": first.id, "file": path.name, "older": [one.id for one in others]}, text)


@keys_app.command("new")
def new(format: FormatOption = Format.text) -> None:
    """Print a new secret, and keep it nowhere.

    It is for a DRIP_SECRET_KEY in the environment.
    """
    secret = _new()
    show(format, {"secret": secret}, lambda: say(secret))


def _new() -> str:
    import secrets

    from drip import wiring
    from drip.settings.secret_file import dated

    return dated(secrets.token_urlsafe(32), wiring.system_clock().date())
