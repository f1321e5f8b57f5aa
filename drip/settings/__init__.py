"""drip.toml and DRIP_* variables → Settings. A variable goes over drip.local.toml, which goes over drip.toml.

`drip.toml` can be shared: it says who sends, when, and in what colours. Secrets belong in the environment or in
`drip.local.toml`, which `drip init` makes for the owner's eyes only and keeps out of git.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from drip.course import values as course_values
from drip.course.attributes import Attribute, declared
from drip.course.model import Defaults
from drip.course.model import Sender as CourseSender
from drip.course.timing import (
    Limit,
    parse_clock,
    parse_days,
    parse_gap,
    parse_holidays,
    parse_limit,
    parse_window,
    parse_zone,
)
from drip.engine.feedback import SOFT_BOUNCES_ALLOWED
from drip.engine.retention import Retention
from drip.engine.subscribe import Offer
from drip.errors import SettingsError
from drip.render.colour import hex_colour
from drip.render.layout import Brand
from drip.schedule.pace import Pace
from drip.settings import api, bounces, dkim, pace, privacy, subscribe, values
from drip.settings.api import Rates
from drip.settings.bounces import Bounces
from drip.settings.dkim import Dkim
from drip.settings.files import FILE, LOCAL_FILE, Said, like, read_files
from drip.track.network import Network

T = TypeVar("T")

__all__ = ["FILE", "LOCAL_FILE", "Settings", "load", "masked", "require_secret"]

#: The section that declares the learner's attributes: its keys are theirs.
LEARNER = "learner"
SENDGRID_KEY = "sendgrid_api_key"
WEBHOOK_KEY = "sendgrid_webhook_key"
#: Settings that are refused in the file for sharing, and what they are.
SECRETS = {SENDGRID_KEY: "a key", bounces.PASSWORD: "a password"}
#: Ways out whose provider knows what became of a mail in doubt: its events settle that, and without them it is held
#: for a person, who can look it up (decision 022).
HELD_IN_DOUBT = ("sendgrid",)
#: A secret shorter than this can be guessed by trying.
SHORTEST_SECRET = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What holds in this folder. `secret_keys` has the newest first; times are spans of real time.

    `in_doubt`, where nobody sets it, depends on the transport: `hold` with SendGrid unless its events come in
    (`sendgrid_webhook_key`), `resend` otherwise. `soft_bounces` in a row end as a dead address does; 0: never.
    """

    folder: Path
    is_workspace: bool = False
    defaults: Defaults = Defaults()  # noqa: RUF009  (a frozen value)
    brand: Brand = Brand()  # noqa: RUF009
    database_url: str = "sqlite:///drip.db"
    transport: str = "outbox:./outbox"
    base_url: str = "http://127.0.0.1:8000"
    secret_keys: tuple[str, ...] = ()
    retired_keys: tuple[str, ...] = ()
    trusted_proxies: tuple[Network, ...] = ()
    utm: Mapping[str, str] = field(default_factory=dict)
    sendgrid_api_key: str = field(default="", repr=False)
    sendgrid_webhook_key: str = ""
    soft_bounces: int = SOFT_BOUNCES_ALLOWED
    lease: timedelta = timedelta(seconds=60)
    in_doubt: str = "resend"
    in_doubt_after: timedelta = timedelta(minutes=15)
    only_to: frozenset[str] = frozenset()
    limit: Limit | None = None
    pace: Pace | None = None
    log: str = ""
    log_level: str = ""
    dkim: tuple[Dkim, ...] = ()
    subscribe: Offer = Offer()  # noqa: RUF009
    retention: Retention = Retention()  # noqa: RUF009
    no_pixels: bool = False
    bounces: Bounces | None = None
    bounces_password: str = field(default="", repr=False)
    api: Rates = Rates()  # noqa: RUF009


def load(folder: Path, environ: Mapping[str, str] = os.environ) -> Settings:
    """The settings of a folder. Raises SettingsError naming the key or the variable, and what to write."""
    said, is_workspace = read_files(folder, {*_PLAIN, "language", "layout"}, _SECTIONS)
    for name, value in environ.items():
        key = name.removeprefix("DRIP_").lower()
        if name.startswith("DRIP_") and key in _PLAIN:
            said[key] = (value, name)
        elif name.startswith("DRIP_") and not name.startswith(dkim.VARIABLES):
            raise SettingsError(f"{name}: there is no such setting{like(key, _PLAIN, 'DRIP_')}")
    settings = Settings(folder=folder, is_workspace=is_workspace)
    found: dict[str, Any] = {}
    for key, (value, where) in said.items():
        if key in _PLAIN:
            if key in SECRETS and where.startswith(f"{FILE}:"):
                raise SettingsError(
                    f"{where}: {SECRETS[key]} is a secret, and this file is for sharing: write it in {LOCAL_FILE}"
                )
            name, read = _PLAIN[key]
            found[name] = values.read(read, value, where)
    if "timing.limit" in said:  # over all courses together; a course's own stands in its file
        found["limit"] = values.read(parse_limit, *said["timing.limit"])
    way = str(found.get("transport", "")).partition(":")[0]
    if way in HELD_IN_DOUBT and not found.get("sendgrid_webhook_key"):
        found.setdefault("in_doubt", "hold")
    defaults = _defaults(said, is_workspace)
    if "tracking.utm" in said:
        found["utm"] = values.read(values.utm, *said["tracking.utm"])
    found["pace"] = pace.pace(said, zone=defaults.timezone)
    found["dkim"] = dkim.read_sections(said, environ)
    found["subscribe"] = subscribe.offer(said, defaults.language)
    found["retention"] = privacy.retention(said)
    found["no_pixels"] = defaults.no_pixels
    found["bounces"] = bounces.bounces(said)
    found["api"] = api.rates(said)
    return replace(settings, **found, defaults=defaults, brand=_brand(said))


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


def _defaults(said: Said, is_workspace: bool) -> Defaults:
    """What courses that say nothing get. A workspace names its sender itself; there is no placeholder for it."""

    def get(key: str, read: Callable[[Any], T], default: T) -> T:
        return values.read(read, *said[key]) if key in said else default

    bare = Defaults()
    if "timing.at" in said and "timing.between" in said:
        raise SettingsError(f"{said['timing.between'][1]}: `at` and `between` exclude each other; write one of them")
    sender = None if is_workspace else bare.sender
    if any(key.startswith("sender.") for key in said):
        if "sender.name" not in said or "sender.email" not in said:
            raise SettingsError(f"{FILE}: [sender] needs a name and an email")
        sender = CourseSender.model_construct(
            name=get("sender.name", values.line, ""),
            email=get("sender.email", values.email, ""),
            reply_to=get("sender.reply_to", values.email, None),
            bounces=get("sender.bounces", values.of_course(course_values.domain), None),
        )
    return Defaults(
        sender=sender,
        language=get("language", values.of_course(course_values.language), bare.language),
        layout=get("layout", values.of_course(course_values.layout), bare.layout),
        every=get("timing.every", parse_gap, bare.every),
        at=get("timing.at", parse_clock, None),
        between=get("timing.between", parse_window, None),
        days=get("timing.days", parse_days, bare.days),
        skip_holidays=get("timing.skip_holidays", parse_holidays, None),
        timezone=get("timing.timezone", parse_zone, bare.timezone),
        stale_after=get("timing.stale_after", parse_gap, None),
        attributes=_attributes(said),
        no_pixels=get("tracking.opens", values.opens, default=False),
    )


def _attributes(said: Said) -> dict[str, Attribute] | None:
    """What `[learner]` declares; None where there is no such section, and every attribute is taken as it comes."""
    found: dict[str, Attribute] = {}
    for key, (value, where) in said.items():
        section, dot, name = key.partition(".")
        if section == LEARNER and dot:
            found[name] = values.read(partial(declared, name), value, where)
    return found if found or LEARNER in said else None


def _brand(said: Said) -> Brand:
    line = values.line
    how: dict[str, Callable[[Any], str]] = {"name": line, "logo": line, "accent": hex_colour, "address": line}
    given = {key: values.read(read, *said[f"brand.{key}"]) for key, read in how.items() if f"brand.{key}" in said}
    return Brand(**given)


#: Settings of the machine: key in drip.toml, and DRIP_KEY in the environment → (field of Settings, how to read it).
_PLAIN: Mapping[str, tuple[str, Callable[[Any], Any]]] = {
    "database_url": ("database_url", values.address),
    "transport": ("transport", values.address),
    "base_url": ("base_url", values.base_url),
    "secret_key": ("secret_keys", values.keys),
    "retired_keys": ("retired_keys", values.keys),
    "trusted_proxies": ("trusted_proxies", values.networks),
    SENDGRID_KEY: ("sendgrid_api_key", values.api_key),
    WEBHOOK_KEY: ("sendgrid_webhook_key", values.webhook_key),
    "soft_bounces": ("soft_bounces", values.count),
    bounces.PASSWORD: ("bounces_password", bounces.password),
    "lease": ("lease", values.lease),
    "in_doubt": ("in_doubt", values.doubt),
    "in_doubt_after": ("in_doubt_after", values.seconds),
    "only_to": ("only_to", values.addresses),
    "log": ("log", values.one_of("text", "json")),
    "log_level": ("log_level", values.one_of("debug", "info", "warning", "error")),
}
#: Sections, and their keys (None: any).
_SECTIONS: Mapping[str, tuple[str, ...] | None] = {
    "sender": ("name", "email", "reply_to", "bounces"),
    "timing": ("every", "at", "between", "days", "skip_holidays", "timezone", "limit", "stale_after"),
    pace.SECTION: pace.KEYS,
    "brand": tuple(one.name for one in fields(Brand)),
    subscribe.SECTION: subscribe.KEYS,
    privacy.SECTION: privacy.KEYS,
    bounces.SECTION: bounces.KEYS,
    api.SECTION: api.KEYS,
    "tracking": ("utm", "opens"),
    dkim.SECTION: None,
    LEARNER: None,
}
