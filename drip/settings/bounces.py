"""`[bounces]` of drip.toml: the mailbox that bounces come to, if drip is to look into one by itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from drip.errors import SettingsError
from drip.inbound.imap import Account, parse_imap_url
from drip.settings import values
from drip.settings.files import Said

SECTION = "bounces"
KEYS = ("maildir", "imap")
#: Key in drip.local.toml, and DRIP_BOUNCES_PASSWORD in the environment.
PASSWORD = "bounces_password"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounces:
    """Where bounces wait: a Maildir (from the workspace, where it is relative), or a mailbox on a server."""

    maildir: str | None = None
    imap: Account | None = None


def bounces(said: Said) -> Bounces | None:
    """What the section says; None where there is none. Raises SettingsError."""
    given = {key: said[f"{SECTION}.{key}"] for key in KEYS if f"{SECTION}.{key}" in said}
    if not given:
        return None
    if len(given) > 1:
        where = given["imap"][1]
        raise SettingsError(f"{where}: `maildir` and `imap` exclude each other; write one of them")
    if "maildir" in given:
        return Bounces(maildir=values.read(values.line, *given["maildir"]))
    return Bounces(imap=values.read(_account, *given["imap"]))


def password(value: Any) -> str:
    """A password of one line: what is wrong with it is said without it."""
    try:
        return values.line(value)
    except ValueError:
        raise ValueError("a password of one line is wanted") from None


def _account(value: Any) -> Account:
    return parse_imap_url(values.address(value))
