"""What single settings may say, each a function from what stands there to its value. They raise ValueError."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from ipaddress import ip_network
from typing import Any, TypeVar

from email_validator import EmailNotValidError, validate_email

from drip.course.positions import Scalar
from drip.errors import SettingsError
from drip.inbound.sendgrid_signed import public_key
from drip.render import utm as utm_
from drip.track.network import Network

T = TypeVar("T")


def read(read: Callable[[Any], T], value: Any, where: str) -> T:
    """What a reader of values makes of this one. Raises SettingsError, naming where it stands."""
    try:
        return read(value)
    except (ValueError, TypeError, SettingsError) as error:
        raise SettingsError(f"{where}: {error}") from None


def line(value: Any) -> str:
    """A text of one line."""
    text = value.strip() if isinstance(value, str) else ""
    if not text or any(ord(c) < 32 for c in text):
        raise ValueError(f"a text of one line is wanted, not {value!r}")
    return text


def of_course(read: Callable[[Scalar], str]) -> Callable[[Any], str]:
    """What course files read in this way, read from a setting."""
    return lambda value: read(Scalar(text=line(value), value=value, span=(0, 0)))


def address(value: Any) -> str:
    """A URL that may hold a password: what is wrong with it is said without it."""
    try:
        return line(value)
    except ValueError:
        raise ValueError("an address of one line is wanted") from None


def email(value: Any) -> str:
    """An address, as it is written in mails."""
    try:
        checked = validate_email(line(value), check_deliverability=False, test_environment=True)
    except EmailNotValidError as error:
        raise ValueError(f"not an address: {error}") from None
    return checked.normalized


def seconds(value: Any) -> timedelta:
    """A span of at most a week."""
    try:
        number = float("" if isinstance(value, bool) else value)
    except (TypeError, ValueError):
        raise ValueError(f"a number of seconds is wanted, not {value!r}") from None
    if not 0 <= number <= 7 * 86_400:
        raise ValueError(f"between 0 and a week in seconds, not {value!r}")
    return timedelta(seconds=number)


def lease(value: Any) -> timedelta:
    """How long a worker holds rows that it has claimed."""
    span = seconds(value)
    if span < timedelta(seconds=0.5):
        raise ValueError("a lease of less than half a second would run out while it is used")
    return span


def doubt(value: Any) -> str:
    """What becomes of mails that may have arrived."""
    if value not in ("resend", "hold"):
        raise ValueError(f'"resend" or "hold", not {value!r}')
    return str(value)


def one_of(*words: str) -> Callable[[Any], str]:
    """Reads one of these words, in capitals or not."""

    def read_word(value: Any) -> str:
        word = value.strip().lower() if isinstance(value, str) else ""
        if word not in words:
            raise ValueError(f"one of {', '.join(words)}, not {value!r}")
        return word

    return read_word


def base_url(value: Any) -> str:
    """Where the links in mails lead, without a slash at the end."""
    url = line(value).rstrip("/")
    if not url.startswith(("http://", "https://")) or "?" in url or "#" in url or len(url.split("/")) < 3:
        raise ValueError(f"the address of the web side, such as https://learn.acme.example, not {value!r}")
    return url


def api_key(value: Any) -> str:
    """A provider's key: what is wrong with it is said without it. An empty one is none."""
    key = value.strip() if isinstance(value, str) else None
    if key is None or not re.fullmatch(r"[!-~]*", key):
        raise ValueError("a key of one word is wanted, such as SG.….…: copy it once more")
    return key


def webhook_key(value: Any) -> str:
    """SendGrid's verification key, in one line. An empty one is none."""
    text = "".join(value.split()) if isinstance(value, str) else None
    if text is None:
        raise ValueError("SendGrid's verification key is wanted: a text that begins with MFkw")
    if text:
        public_key(text)
    return text


def count(value: Any) -> int:
    """A number of things, 0 or more."""
    text = str(value).strip()
    if isinstance(value, bool) or not text.isascii() or not text.isdecimal() or len(text) > 6:
        raise ValueError(f"a whole number, 0 or more, is wanted, not {value!r}")
    return int(text)


def keys(value: Any) -> tuple[str, ...]:
    """Secrets, with commas between them or as a list."""
    keys = value if isinstance(value, list) else str(value).split(",")
    return tuple(str(key).strip() for key in keys if str(key).strip())


def addresses(value: Any) -> frozenset[str]:
    """Addresses, with commas between them or as a list."""
    parts = value if isinstance(value, list) else str(value).split(",")
    found = frozenset(email(part).lower() for part in parts if str(part).strip())
    if not found:  # a guard that guards nothing, such as a variable that came out empty, must not let mail out
        raise ValueError("no address stands there: name those that may get mail, or take the setting away")
    return found


def networks(value: Any) -> tuple[Network, ...]:
    """Addresses of proxies, or whole networks, with commas between them or as a list."""
    parts = value if isinstance(value, list) else str(value).split(",")
    try:
        return tuple(ip_network(str(part).strip()) for part in parts if str(part).strip())
    except ValueError as error:
        raise ValueError(f"addresses or networks are wanted, such as 127.0.0.1 or 10.0.0.0/8: {error}") from None


def utm(value: Any) -> Mapping[str, str]:
    """UTM parameters: which, and what each says."""
    if not isinstance(value, dict) or not all(isinstance(said, str) for said in value.values()):
        raise ValueError('a table of texts is wanted, such as {source = "drip", medium = "email"}')
    for name, said in value.items():
        if name not in utm_.NAMES:
            raise ValueError(f"there is no utm_{name}: write one of {', '.join(utm_.NAMES)}")
        line(said)
        for unknown in set(re.findall(r"\{([^{}]*)\}", said)) - set(utm_.PLACEHOLDERS):
            known = ", ".join(f"{{{one}}}" for one in utm_.PLACEHOLDERS)
            raise ValueError(f"{name}: there is no {{{unknown}}}: write one of {known}")
    return dict(value)


def opens(value: Any) -> bool:
    """Whether no mail of the workspace has a pixel, whatever its course says."""
    if value != "never":
        raise ValueError(
            '"never" is all that can be said here, for all courses; a course\'s own `tracking` says the rest'
        )
    return True
