"""`sendgrid:?connections=20&sandbox=true` becomes the arguments of `SendGrid`.

No value that stands there is repeated in what is said of it: it may be the key, in the wrong place.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from difflib import get_close_matches
from ipaddress import ip_address
from typing import TypedDict
from urllib.parse import parse_qsl, urlsplit

from drip.errors import SettingsError

__all__ = ["API", "SendGridOptions", "is_loopback", "parse_sendgrid_url", "read_key"]

#: Where SendGrid's v3 API answers; accounts in the EU write host=https://api.eu.sendgrid.com.
API = "https://api.sendgrid.com"
_MOST_CONNECTIONS = 200
_LONGEST_TIMEOUT = 3600.0
_SHAPE = "write sendgrid: or sendgrid:?connections=20, and the key into DRIP_SENDGRID_API_KEY or drip.local.toml"
_NO_KEY = (
    "sendgrid: needs a key: set DRIP_SENDGRID_API_KEY, or write sendgrid_api_key in drip.local.toml\n"
    '  (SendGrid makes it under Settings, API Keys; "Mail Send" is the only right that it needs)'
)


class SendGridOptions(TypedDict, total=False):
    """The arguments of `SendGrid` that stand in its URL."""

    host: str
    connections: int
    sandbox: bool
    timeout: float


def parse_sendgrid_url(url: str) -> SendGridOptions:
    """Read a transport's URL: `SendGrid(key, **parse_sendgrid_url(url))`. Raises SettingsError without any value."""
    scheme, colon, rest = url.partition(":")
    before, _, query = rest.partition("?")
    if scheme != "sendgrid" or not colon or before.strip("/") or "#" in query:
        raise SettingsError(f"the SendGrid URL has no host, no path and no password; {_SHAPE}")
    said: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name not in _READ:
            close = get_close_matches(name, _READ, n=1)
            hint = f"did you mean {close[0]}?" if close else _SHAPE
            raise SettingsError(f"the SendGrid URL has an unknown option; it knows {', '.join(_READ)}; {hint}")
        if name in said or not value:
            raise SettingsError(f"{name} in the SendGrid URL stands twice or is empty")
        said[name] = value
    found = SendGridOptions()
    for name, value in said.items():
        found[name] = _READ[name](value)  # type: ignore[literal-required] # the keys of _READ are those of the type
    return found


def read_key(key: str | None) -> str:
    """Take a key that is there. Raises SettingsError that does not hold it."""
    if not key:
        raise SettingsError(_NO_KEY)
    if not re.fullmatch(r"[!-~]+", key):  # the words of an HTTP client that meets a line break would hold the key
        raise SettingsError("DRIP_SENDGRID_API_KEY: a key is one word of ASCII, such as SG.….…; copy it once more")
    return key


def is_loopback(host: str) -> bool:
    """Whether that name or address is this machine itself."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _host(text: str) -> str:
    wanted = f"host in the SendGrid URL is an address such as {API} or https://api.eu.sendgrid.com"
    try:
        parts = urlsplit(text)
        name, port = parts.hostname, parts.port
    except ValueError:
        raise SettingsError(wanted) from None
    if parts.scheme not in ("http", "https") or not name or port == 0:
        raise SettingsError(wanted)
    if parts.username is not None or parts.path not in ("", "/") or parts.query or parts.fragment:
        raise SettingsError(f"{wanted}, and nothing else")
    if not re.fullmatch(r"[a-z0-9.:-]+", name):
        raise SettingsError(wanted)
    if parts.scheme == "http" and not is_loopback(name):
        raise SettingsError("host in the SendGrid URL begins with https://: the key does not travel in the clear")
    shown = f"[{name}]" if ":" in name else name
    return f"{parts.scheme}://{shown}" + (f":{port}" if port else "")


def _connections(text: str) -> int:
    if not re.fullmatch(r"\d{1,4}", text) or not 0 < int(text) <= _MOST_CONNECTIONS:
        raise SettingsError(f"connections in the SendGrid URL is a whole number from 1 to {_MOST_CONNECTIONS}")
    return int(text)


def _sandbox(text: str) -> bool:
    if text not in ("true", "false"):
        raise SettingsError("sandbox in the SendGrid URL is true or false")
    return text == "true"


def _timeout(text: str) -> float:
    if not re.fullmatch(r"\d{1,5}(\.\d{1,3})?", text) or not 0 < float(text) <= _LONGEST_TIMEOUT:
        raise SettingsError(f"timeout in the SendGrid URL is seconds, above 0 and at most {_LONGEST_TIMEOUT:g}")
    return float(text)


_READ: dict[str, Callable[[str], str | int | bool | float]] = {
    "host": _host,
    "connections": _connections,
    "sandbox": _sandbox,
    "timeout": _timeout,
}
