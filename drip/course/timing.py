"""The words of time in a course file: gaps, clock times, windows, days, limits. Text → frozen values, no calendar yet.

Each `parse_…` raises `ValueError` that says what is wrong and what to write; each `…_text` writes a value back.
"""

from __future__ import annotations

import difflib
import re
import zoneinfo
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

import holidays

MINUTES_A_DAY = 24 * 60

#: A longer gap is a slip of the keyboard, not a course.
LONGEST_GAP_DAYS = 3660

DAY_NAMES = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
ALL_DAYS = frozenset(range(7))


class Unit(StrEnum):
    """What a gap counts in."""

    MINUTES = "minutes"
    HOURS = "hours"
    DAYS = "days"
    WEEKS = "weeks"
    BUSINESS_DAYS = "business days"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A distance such as `3 days`. Minutes and hours elapse; days, weeks and business days are counted by date."""

    count: int
    unit: Unit


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A half-open stretch of the day, in minutes from midnight. `end` may be 1440; end < start crosses midnight."""

    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """At most `count` mails per calendar `day`, or per `week` (Monday to Sunday), in the learner's zone."""

    count: int
    per: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """When a mail may go. `at` and `between` exclude each other; neither means any time of day.

    `at` is in minutes from midnight; `days` holds weekdays with Monday = 0 (all seven: any day);
    `holidays` is a country or country-subdivision such as `SE` or `DE-BY` whose holidays are closed days.
    """

    at: int | None = None
    between: Window | None = None
    days: frozenset[int] = ALL_DAYS
    holidays: str | None = None


_GAP = re.compile(r"([0-9]{1,9})\s*(minute|hour|day|week|business\s+day)s?")
_CLOCK = re.compile(r"([0-9]{1,2}):([0-9]{2})")
_LIMIT = re.compile(r"([0-9]{1,9})\s+per\s+(day|week)")

_MINUTES_PER_UNIT = {
    Unit.MINUTES: 1,
    Unit.HOURS: 60,
    Unit.DAYS: MINUTES_A_DAY,
    Unit.WEEKS: 7 * MINUTES_A_DAY,
    Unit.BUSINESS_DAYS: MINUTES_A_DAY,
}

#: Names that zoneinfo lists but that mean the machine's own zone, or none.
_NOT_ZONES = frozenset({"localtime", "Factory", "posixrules"})


def parse_gap(text: object) -> Gap:
    """The gap that `3 days`, `24 hours`, `90 minutes`, `2 weeks` or `1 business day` says."""
    found = _GAP.fullmatch(_words(text))
    if not found:
        raise ValueError(
            f"{_said(text)} is not a gap: write a whole number and minutes, hours, days, weeks or business days, "
            'such as "3 days"'
        )
    unit = Unit(re.sub(r"\s+", " ", found[2]) + "s")
    gap = Gap(count=int(found[1]), unit=unit)
    if gap.count * _MINUTES_PER_UNIT[unit] > LONGEST_GAP_DAYS * MINUTES_A_DAY:
        raise ValueError(f'{_said(text)} is longer than ten years: write a shorter gap, such as "3 days"')
    return gap


def parse_clock(text: object) -> int:
    """The minutes from midnight that a clock time from `00:00` to `23:59` says."""
    minutes = _clock(_words(text))
    if minutes is None:
        raise ValueError(
            f'{_said(text)} is not a clock time: write hours and minutes from "00:00" to "23:59", in quotes'
        )
    return minutes


def parse_window(text: object) -> Window:
    """The window that `08:00-10:00`, `22:00-06:00` or `18:00-24:00` says."""
    first, dash, last = _words(text).replace("–", "-").partition("-")
    start = _clock(first.strip())
    end = MINUTES_A_DAY if last.strip() == "24:00" else _clock(last.strip())
    if not dash or start is None or end is None:
        raise ValueError(f'{_said(text)} is not a window: write its start and its end, such as "08:00-10:00"')
    if start == end:
        raise ValueError(f'{_said(text)} starts when it ends: write "00:00-24:00" for the whole day, or leave it out')
    return Window(start=start, end=end)


def parse_days(text: object) -> frozenset[int]:
    """The weekdays (Monday = 0) that `mon-fri`, `sat-mon`, `tue, thu`, `daily` or a list of such words says."""
    parts = text if isinstance(text, list | tuple) else _words(text).split(",")
    days = frozenset(day for part in parts for day in _days_of(part))
    if not days:
        raise ValueError('no day is named: write days such as "mon-fri", or leave it out for every day')
    return days


def parse_limit(text: object) -> Limit:
    """The limit that `1 per day` or `3 per week` says."""
    found = _LIMIT.fullmatch(_words(text))
    if not found:
        raise ValueError(f'{_said(text)} is not a limit: write "1 per day" or "3 per week"')
    if int(found[1]) == 0:
        raise ValueError(f"{_said(text)} would never let a mail through: write at least 1, or leave the limit out")
    return Limit(count=int(found[1]), per=found[2])


def parse_holidays(text: object) -> str:
    """The country whose holidays are meant, `SE`, or a part of it, `DE-BY`, in the spelling of ISO 3166."""
    written = text.strip() if isinstance(text, str) else ""
    country, dash, part = written.partition("-")
    country = country.upper()
    if country not in {two for _, two, *_ in holidays.registry.COUNTRIES.values()}:
        meant = _country_like(written)
        instead = f'did you mean "{meant}"?' if meant else 'write its two letters, such as "SE" or "DE-BY"'
        raise ValueError(f"{_said(text)} is not a country whose holidays are known: {instead}")
    if not dash:
        return country
    parts = {name.casefold(): name for name in holidays.country_holidays(country).subdivisions}
    if part.casefold() not in parts:
        instead = f"write one of {', '.join(parts.values())}, or" if parts else "it has none; write"
        raise ValueError(
            f'{_said(part)} is not a part of {country} whose holidays are known: {instead} "{country}" alone'
        )
    return f"{country}-{parts[part.casefold()]}"


def parse_zone(text: object) -> str:
    """The IANA time zone that is named, such as `Europe/Stockholm`, exactly as IANA spells it."""
    name = text.strip() if isinstance(text, str) else ""
    if name not in _zones():
        meant = _zone_like(name)
        instead = f'did you mean "{meant}"?' if meant else 'write an IANA name, such as "Europe/Stockholm"'
        raise ValueError(f"{_said(text)} is not a time zone: {instead}")
    return name


def gap_text(gap: Gap) -> str:
    """`3 days`, `1 business day`."""
    return f"{gap.count} {gap.unit[:-1] if gap.count == 1 else gap.unit}"


def clock_text(minutes: int) -> str:
    """`09:00`; 1440 is `24:00`."""
    return f"{minutes // 60:02}:{minutes % 60:02}"


def window_text(window: Window) -> str:
    """`08:00-10:00`."""
    return f"{clock_text(window.start)}-{clock_text(window.end)}"


def days_text(days: frozenset[int]) -> str:
    """`mon, wed, fri`, or `daily`."""
    return "daily" if days == ALL_DAYS else ", ".join(DAY_NAMES[day][:3] for day in sorted(days))


def limit_text(limit: Limit) -> str:
    """`1 per day`."""
    return f"{limit.count} per {limit.per}"


def _words(text: object) -> str:
    """What was written, trimmed and in small letters; nothing where YAML read something else than a text."""
    return text.strip().lower() if isinstance(text, str) else ""


def _said(text: object) -> str:
    """What was written, in quotes, short enough and plain enough to stand in a message."""
    shown = "".join(c if c.isprintable() else "?" for c in str("" if text is None else text)[:41])
    return f'"{shown}"' if len(shown) <= 40 else f'"{shown[:40]}…"'


def _clock(text: str) -> int | None:
    found = _CLOCK.fullmatch(text)
    if not found or int(found[1]) > 23 or int(found[2]) > 59:
        return None
    return int(found[1]) * 60 + int(found[2])


def _days_of(text: object) -> frozenset[int]:
    words = _words(text)
    if words == "daily":
        return ALL_DAYS
    first, dash, last = words.replace("–", "-").partition("-")
    start, end = _day(first.strip()), _day(last.strip() if dash else first.strip())
    if start is None or end is None:
        raise ValueError(
            f'{_said(text)} is not a day: write mon, tue, wed, thu, fri, sat or sun, a range like "mon-fri", or "daily"'
        )
    return frozenset((start + n) % 7 for n in range((end - start) % 7 + 1))


def _day(text: str) -> int | None:
    return next((n for n, name in enumerate(DAY_NAMES) if text in (name, name[:3])), None)


def _country_like(text: str) -> str:
    """The two letters of the country whose English name or three letters are near to what was written, or nothing."""
    codes = {"uk": "GB", "great britain": "GB"}
    for name, (_, two, three, *_) in holidays.registry.COUNTRIES.items():
        codes |= {name.replace("_", " "): two, three.casefold(): two}
    word = text[:40].strip().casefold()
    near = (
        [word] if word in codes else difflib.get_close_matches(word, [c for c in codes if len(c) > 3], n=1, cutoff=0.75)
    )
    return codes[near[0]] if near else ""


@lru_cache(maxsize=1)
def _zones() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones()) - _NOT_ZONES


@lru_cache(maxsize=1024)
def _zone_like(name: str) -> str:
    """The zone whose name, or whose city, is nearest to what was written, or nothing.

    Cached, since an import repeats its mistakes. Never an `Etc/GMT+2`: its sign means the opposite of what people mean.
    """
    words: dict[str, str] = {}
    for zone in sorted(_zones()):
        if not zone.startswith(("Etc/", "GMT")):
            words |= {zone.casefold(): zone, zone.rpartition("/")[2].casefold(): zone}
    near = difflib.get_close_matches(name[:40].casefold().replace(" ", "_"), words, n=1, cutoff=0.75)
    return words[near[0]] if near else ""
