"""`[privacy]` of drip.toml: for how long what is kept, and when the night's work begins."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import time, timedelta
from typing import Any

from drip.course.timing import parse_clock
from drip.engine.retention import Retention
from drip.settings import values
from drip.settings.files import Said

SECTION = "privacy"
#: A leaving can be undone for a day, and evidence settles within minutes: less than this would take it from under them.
SHORTEST = timedelta(days=2)
_SPAN = re.compile(r"(\d{1,5}) *(day|week|year)s?\Z")
_DAYS = {"day": 1, "week": 7, "year": 365}


def retention(said: Said) -> Retention:
    """What holds, with what is not said as it comes. Raises SettingsError."""
    found = {
        name: values.read(_READ[key], *said[f"{SECTION}.{key}"]) for key, name in _NAMES.items() if _has(said, key)
    }
    return Retention(**found)


def _has(said: Said, key: str) -> bool:
    return f"{SECTION}.{key}" in said


def span(value: Any) -> timedelta | None:
    """`400 days`, `8 weeks`, `2 years`; None for `for ever`."""
    text = value.strip().lower() if isinstance(value, str) else ""
    if text in ("for ever", "forever"):
        return None
    found = _SPAN.match(text)
    if found is None:
        raise ValueError(f'a span is wanted, such as "400 days", "8 weeks", "2 years" or "for ever", not {value!r}')
    kept = timedelta(days=int(found[1]) * _DAYS[found[2]])
    if kept < SHORTEST:
        raise ValueError(f"at least {SHORTEST.days} days: an undo, and what settles, need that long")
    return kept


def _hour(value: Any) -> time:
    minutes = parse_clock(value)
    return time(minutes // 60 % 24, minutes % 60)


_READ: Mapping[str, Callable[[Any], Any]] = {
    "keep_user_agents": span,
    "keep_evidence": span,
    "keep_webhooks": span,
    "keep_fresh_links": span,
    "at": _hour,
}
#: key → the field of Retention.
_NAMES = {key: key.removeprefix("keep_") for key in _READ}
KEYS = tuple(_READ)
