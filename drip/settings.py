"""drip.toml and DRIP_* variables → Settings. A variable goes over drip.local.toml, which goes over drip.toml.

`drip.toml` can be shared: it says who sends, when, and in what colours. Secrets belong in the environment or in
`drip.local.toml`, which `drip init` makes for the owner's eyes only and keeps out of git.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import timedelta
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from email_validator import EmailNotValidError, validate_email

from drip.course import values
from drip.course.attributes import Attribute, declared
from drip.course.model import Defaults
from drip.course.model import Sender as CourseSender
from drip.course.positions import Scalar
from drip.course.timing import parse_clock, parse_days, parse_gap, parse_holidays, parse_window, parse_zone
from drip.errors import SettingsError
from drip.render.colour import hex_colour
from drip.render.layout import Brand

T = TypeVar("T")

FILE, LOCAL_FILE = "drip.toml", "drip.local.toml"
#: The section that declares the learner's attributes: its keys are theirs.
LEARNER = "learner"
#: Variables of a later version: a machine that is ready for it is no mistake.
LATER = frozenset({"DRIP_SENDGRID_API_KEY"})
#: A secret shorter than this can be guessed by trying.
SHORTEST_SECRET = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What holds in this folder. `secret_keys` has the newest first; times are spans of real time."""

    folder: Path
    is_workspace: bool = False
    defaults: Defaults = Defaults()  # noqa: RUF009  (a frozen value)
    brand: Brand = Brand()  # noqa: RUF009
    database_url: str = "sqlite:///drip.db"
    transport: str = "outbox:./outbox"
    base_url: str = "http://127.0.0.1:8000"
    secret_keys: tuple[str, ...] = ()
    lease: timedelta = timedelta(seconds=60)
    in_doubt: str = "resend"
    in_doubt_after: timedelta = timedelta(minutes=15)
    only_to: frozenset[str] = frozenset()


def load(folder: Path, environ: Mapping[str, str] = os.environ) -> Settings:
    """The settings of a folder. Raises SettingsError naming the key or the variable, and what to write."""
    said, is_workspace = _files(folder)
    for name, value in environ.items():
        key = name.removeprefix("DRIP_").lower()
        if name.startswith("DRIP_") and key in _PLAIN:
            said[key] = (value, name)
        elif name.startswith("DRIP_") and name not in LATER:
            raise SettingsError(f"{name}: there is no such setting{_like(key, _PLAIN, 'DRIP_')}")
    settings = Settings(folder=folder, is_workspace=is_workspace)
    found: dict[str, Any] = {}
    for key, (value, where) in said.items():
        if key in _PLAIN:
            field, read = _PLAIN[key]
            found[field] = _read(read, value, where)
    return replace(settings, **found, defaults=_defaults(said, is_workspace), brand=_brand(said))


def masked(url: str) -> str:
    """An address without what may be a password in it: `smtp://…@mail.acme.example:587`."""
    return re.sub(r"\?.*", "", re.sub(r"(?<=://).*@", "…@", url, flags=re.DOTALL), flags=re.DOTALL)


def require_secret(settings: Settings) -> None:
    """Raises SettingsError where links would be signed with nothing, or with something that can be guessed."""
    if not settings.secret_keys:
        raise SettingsError(
            "no secret to sign links with: run `drip init` in this folder, or set DRIP_SECRET_KEY to a long random text"
        )
    if min(len(key) for key in settings.secret_keys) < SHORTEST_SECRET:
        raise SettingsError(f"DRIP_SECRET_KEY is shorter than {SHORTEST_SECRET} characters: use a long random text")


def _files(folder: Path) -> tuple[dict[str, tuple[Any, str]], bool]:
    """Every key of the two files as `section.key` → (value, where it stands)."""
    said: dict[str, tuple[Any, str]] = {}
    found = False
    for name in (FILE, LOCAL_FILE):
        path = folder / name
        try:
            if path.exists() and not path.is_file():  # a pipe would be waited for
                words = "Is a directory" if path.is_dir() else "it is not a file"
                raise SettingsError(f"{name}: cannot be read: {words}")
            content = tomllib.loads(path.read_text("utf-8"))
        except FileNotFoundError:
            continue
        except RecursionError:
            raise SettingsError(f"{name}: nested too deeply") from None
        except UnicodeDecodeError:
            raise SettingsError(f"{name}: not UTF-8; save it as UTF-8") from None
        except OSError as error:
            raise SettingsError(f"{name}: cannot be read: {error.strerror}") from None
        except tomllib.TOMLDecodeError as error:
            raise SettingsError(f"{name}: not TOML: {error}") from None
        found = True
        for key, value in content.items():
            if key == LEARNER and value == {}:
                said[LEARNER] = (None, f"{name}: [{LEARNER}]")  # declares that there are none
            if key in (*_SECTIONS, LEARNER) and not isinstance(value, dict):
                raise SettingsError(f"{name}: {key}: a section is wanted, [{key}] with its keys on lines of their own")
            if isinstance(value, dict) and key in (*_SECTIONS, LEARNER):
                said.update({f"{key}.{inner}": (v, f"{name}: [{key}] {inner}") for inner, v in value.items()})
            else:
                said[key] = (value, f"{name}: {key}")
    known = set(_PLAIN) | {"language", "layout"} | {f"{s}.{k}" for s, keys in _SECTIONS.items() for k in keys}
    for key, (_, where) in said.items():
        if key not in known and key.partition(".")[0] != LEARNER:
            raise SettingsError(f"{where}: there is no such setting{_like(key, known)}")
    return said, found


def _defaults(said: Mapping[str, tuple[Any, str]], is_workspace: bool) -> Defaults:
    """What courses that say nothing get. A workspace names its sender itself; there is no placeholder for it."""

    def get(key: str, read: Callable[[Any], T], default: T) -> T:
        return _read(read, *said[key]) if key in said else default

    bare = Defaults()
    if "timing.limit" in said:
        raise SettingsError(
            f"{said['timing.limit'][1]}: a limit over all courses is not supported yet; write it in a course"
        )
    if "timing.at" in said and "timing.between" in said:
        raise SettingsError(f"{said['timing.between'][1]}: `at` and `between` exclude each other; write one of them")
    sender = None if is_workspace else bare.sender
    if any(key.startswith("sender.") for key in said):
        if "sender.name" not in said or "sender.email" not in said:
            raise SettingsError(f"{FILE}: [sender] needs a name and an email")
        sender = CourseSender.model_construct(
            name=get("sender.name", _line, ""),
            email=get("sender.email", _email, ""),
            reply_to=get("sender.reply_to", _email, None),
            bounces=get("sender.bounces", _of_course(values.domain), None),
        )
    return Defaults(
        sender=sender,
        language=get("language", _of_course(values.language), bare.language),
        layout=get("layout", _of_course(values.layout), bare.layout),
        every=get("timing.every", parse_gap, bare.every),
        at=get("timing.at", parse_clock, None),
        between=get("timing.between", parse_window, None),
        days=get("timing.days", parse_days, bare.days),
        skip_holidays=get("timing.skip_holidays", parse_holidays, None),
        timezone=get("timing.timezone", parse_zone, bare.timezone),
        stale_after=get("timing.stale_after", parse_gap, None),
        attributes=_attributes(said),
    )


def _attributes(said: Mapping[str, tuple[Any, str]]) -> dict[str, Attribute] | None:
    """What `[learner]` declares; None where there is no such section, and every attribute is taken as it comes."""
    found: dict[str, Attribute] = {}
    for key, (value, where) in said.items():
        section, dot, name = key.partition(".")
        if section == LEARNER and dot:
            found[name] = _read(partial(declared, name), value, where)
    return found if found or LEARNER in said else None


def _brand(said: Mapping[str, tuple[Any, str]]) -> Brand:
    read: dict[str, Callable[[Any], str]] = {"name": _line, "logo": _line, "accent": hex_colour, "address": _line}
    given = {key: _read(read[key], *said[f"brand.{key}"]) for key in read if f"brand.{key}" in said}
    return Brand(**given)


def _read(read: Callable[[Any], T], value: Any, where: str) -> T:
    try:
        return read(value)
    except (ValueError, TypeError, SettingsError) as error:
        raise SettingsError(f"{where}: {error}") from None


def _line(value: Any) -> str:
    text = value.strip() if isinstance(value, str) else ""
    if not text or any(ord(c) < 32 for c in text):
        raise ValueError(f"a text of one line is wanted, not {value!r}")
    return text


def _of_course(read: Callable[[Scalar], str]) -> Callable[[Any], str]:
    """What course files read in this way, read from a setting."""
    return lambda value: read(Scalar(text=_line(value), value=value, span=(0, 0)))


def _address(value: Any) -> str:
    """A URL that may hold a password: what is wrong with it is said without it."""
    try:
        return _line(value)
    except ValueError:
        raise ValueError("an address of one line is wanted") from None


def _email(value: Any) -> str:
    try:
        checked = validate_email(_line(value), check_deliverability=False, test_environment=True)
    except EmailNotValidError as error:
        raise ValueError(f"not an address: {error}") from None
    return checked.normalized


def _seconds(value: Any) -> timedelta:
    try:
        number = float("" if isinstance(value, bool) else value)
    except (TypeError, ValueError):
        raise ValueError(f"a number of seconds is wanted, not {value!r}") from None
    if not 0 <= number <= 7 * 86_400:
        raise ValueError(f"between 0 and a week in seconds, not {value!r}")
    return timedelta(seconds=number)


def _lease(value: Any) -> timedelta:
    span = _seconds(value)
    if span < timedelta(seconds=0.5):
        raise ValueError("a lease of less than half a second would run out while it is used")
    return span


def _doubt(value: Any) -> str:
    if value not in ("resend", "hold"):
        raise ValueError(f'"resend" or "hold", not {value!r}')
    return str(value)


def _base_url(value: Any) -> str:
    url = _line(value).rstrip("/")
    if not url.startswith(("http://", "https://")) or "?" in url or "#" in url or len(url.split("/")) < 3:
        raise ValueError(f"the address of the web side, such as https://learn.acme.example, not {value!r}")
    return url


def _keys(value: Any) -> tuple[str, ...]:
    keys = value if isinstance(value, list) else str(value).split(",")
    return tuple(str(key).strip() for key in keys if str(key).strip())


def _addresses(value: Any) -> frozenset[str]:
    parts = value if isinstance(value, list) else str(value).split(",")
    found = frozenset(_email(part).lower() for part in parts if str(part).strip())
    if not found:  # a guard that guards nothing, such as a variable that came out empty, must not let mail out
        raise ValueError("no address stands there: name those that may get mail, or take the setting away")
    return found


def _like(key: str, known: Any, prefix: str = "") -> str:
    close = get_close_matches(key, list(known), n=1)
    if not close:
        return ""
    return f"; did you mean {prefix}{close[0].upper() if prefix else close[0]}?"


#: Settings of the machine: key in drip.toml, and DRIP_KEY in the environment → (field of Settings, how to read it).
_PLAIN: Mapping[str, tuple[str, Callable[[Any], Any]]] = {
    "database_url": ("database_url", _address),
    "transport": ("transport", _address),
    "base_url": ("base_url", _base_url),
    "secret_key": ("secret_keys", _keys),
    "lease": ("lease", _lease),
    "in_doubt": ("in_doubt", _doubt),
    "in_doubt_after": ("in_doubt_after", _seconds),
    "only_to": ("only_to", _addresses),
}
_SECTIONS: Mapping[str, tuple[str, ...]] = {
    "sender": ("name", "email", "reply_to", "bounces"),
    "timing": ("every", "at", "between", "days", "skip_holidays", "timezone", "limit", "stale_after"),
    "brand": tuple(field.name for field in fields(Brand)),
}
