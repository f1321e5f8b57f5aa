"""`smtp://user:pass@host:port?tls=auto&connections=20` becomes the arguments of `Smtp`."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import TypedDict, cast
from urllib.parse import parse_qsl, unquote, urlsplit

from drip.errors import SettingsError
from drip.transports.smtp_opening import IMPLICIT_TLS_PORT, Tls

_TLS = ("auto", "none", "starttls", "implicit")
_PORTS = {"auto": 25, "none": 25, "starttls": 587, "implicit": IMPLICIT_TLS_PORT}
_OPTIONS = ("tls", "connections", "timeout", "ca_file", "local_hostname")
#: More connections than this get a sender blocked sooner than the mail out.
_MOST_CONNECTIONS = 200
_ESCAPES = "write @ : / ? # and % of a user name or password as %40 %3A %2F %3F %23 %25"


class SmtpOptions(TypedDict, total=False):
    """The arguments of `Smtp`."""

    host: str
    port: int
    username: str | None
    password: str | None
    tls: Tls
    connections: int
    timeout: float
    ca_file: str | None
    local_hostname: str | None


def parse_smtp_url(url: str) -> SmtpOptions:
    """Read a transport's URL: `Smtp(**parse_smtp_url(url))`. Raises SettingsError, which never holds the password.

    `smtps://` is `smtp://…?tls=implicit`. Without a port: 25, 587 with `tls=starttls`, 465 with `tls=implicit`.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise SettingsError(f"the SMTP URL cannot be read: its port is a number up to 65535, and {_ESCAPES}") from None
    if parts.scheme not in ("smtp", "smtps"):
        raise SettingsError(f"an SMTP URL begins with smtp:// or smtps://, not {parts.scheme or 'nothing'}:")
    if not host or parts.path not in ("", "/") or parts.fragment:
        raise SettingsError(f"the SMTP URL is smtp://user:password@host:port?tls=auto; {_ESCAPES}")
    if port == 0:
        raise SettingsError("the SMTP URL's port is a number from 1 to 65535")

    options = _options(parts.query)
    if parts.scheme == "smtps" and options.setdefault("tls", "implicit") != "implicit":
        raise SettingsError(f"smtps:// is TLS from the first byte; tls={options['tls']} contradicts it")
    tls = options.get("tls", "auto")
    read = SmtpOptions(host=host, port=port or _PORTS[tls], tls=cast(Tls, tls))
    if parts.username is not None:
        if not parts.username or not parts.password:
            raise SettingsError("the SMTP URL has a user name without a password, or the other way round")
        read["username"], read["password"] = _decoded(parts.username), _decoded(parts.password)
    if "connections" in options:
        read["connections"] = int(_number(options, "connections", r"\d{1,4}", most=_MOST_CONNECTIONS))
    if "timeout" in options:
        read["timeout"] = _number(options, "timeout", r"\d{1,5}(\.\d{1,3})?", most=3600)
    if "ca_file" in options:
        read["ca_file"] = options["ca_file"]
    if "local_hostname" in options:
        if not re.fullmatch(r"[A-Za-z0-9.:\[\]-]+", options["local_hostname"]):
            raise SettingsError("local_hostname in the SMTP URL is a host name in ASCII")
        read["local_hostname"] = options["local_hostname"]
    return read


def _options(query: str) -> dict[str, str]:
    options: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name not in _OPTIONS:  # not repeated in the message: it may be a piece of a password with a ? in it
            close = get_close_matches(name, _OPTIONS, n=1)
            hint = f"did you mean {close[0]}?" if close else _ESCAPES
            raise SettingsError(f"the SMTP URL has an unknown option; it knows {', '.join(_OPTIONS)}; {hint}")
        if name in options or not value:
            raise SettingsError(f"{name} in the SMTP URL stands twice or is empty")
        options[name] = value
    if options.get("tls", "auto") not in _TLS:
        raise SettingsError(f"tls in the SMTP URL is one of {', '.join(_TLS)}, not {options['tls']!r}")
    return options


def _number(options: dict[str, str], name: str, pattern: str, *, most: int) -> float:
    text = options[name]
    if not re.fullmatch(pattern, text) or not 0 < float(text) <= most:
        raise SettingsError(f"{name} in the SMTP URL is a number above 0 and at most {most}, not {text!r}")
    return float(text)


def _decoded(text: str) -> str:
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError:
        raise SettingsError("the SMTP URL's user name or password is not percent-encoded UTF-8") from None
