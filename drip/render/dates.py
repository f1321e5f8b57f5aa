"""Dates, times and numbers as a learner's language and region write them (CLDR, through Babel)."""

from __future__ import annotations

import re
from datetime import date, datetime
from functools import lru_cache
from typing import TYPE_CHECKING

from drip.course.attributes import Day
from drip.render.languages import words_for

if TYPE_CHECKING:  # Babel's tables are wanted only where a date or a number is written
    from babel import Locale

#: A literal text of a CLDR pattern, or a weekday or a month's name in it (UTS 35, Date Format Patterns).
_NAME = re.compile(r"'[^']*'|E+|c{3,}|M{3,}|L{3,}")


@lru_cache(maxsize=256)
def locale_of(language: str, learner_language: str | None = None) -> Locale:
    """How to write dates in a BCP 47 language: with the region of the learner's own language where it is the same one
    (`en-US` in an English course), with that of our words in it otherwise; English where CLDR knows neither.
    """
    from babel import Locale, UnknownLocaleError

    own, primary = learner_language or "", language.lower().partition("-")[0]
    tries = [own] if "-" in own and own.lower().partition("-")[0] == primary else []
    tries += [language] if "-" in language else []
    words = words_for(language)
    tries += [words.locale] if words.language.partition("-")[0] == primary else [primary]
    for tag in tries:
        try:
            return Locale.parse(tag.replace("-", "_"))
        except (ValueError, UnknownLocaleError):  # a tag that is none, or a language without tables
            continue
    return Locale.parse(words_for("en").locale)


def day_in_words(day: date, locale: Locale, *, with_year: bool) -> str:
    """Such as `Tuesday 24 November`."""
    from babel.dates import format_date

    return format_date(day, "full" if with_year else _weekday_and_day(locale), locale=locale)


def time_in_words(at: datetime, locale: Locale) -> str:
    """The time of day of a local instant, such as `09:00` or `9:00 AM`."""
    from babel.dates import format_time

    return format_time(at.time(), "short", locale=locale)


def number_in_words(number: float, locale: Locale) -> str:
    """Such as `1.5`, or `1,5` in Swedish."""
    from babel.numbers import format_decimal

    return format_decimal(number, locale=locale)


def printed(value: object, locale: Locale) -> object:
    """A learner's value as a text shows it: a date or an instant in words, anything else as it is."""
    if isinstance(value, Day):
        value = date.fromisoformat(value)
    if not isinstance(value, date):
        return value
    from babel.dates import format_date

    day = format_date(value, "long", locale=locale)
    return f"{day} {time_in_words(value, locale)}" if isinstance(value, datetime) else day


@lru_cache(maxsize=256)
def _weekday_and_day(locale: Locale) -> str:
    """The locale's pattern for weekday, day and month, all in full: tables may have it with short names only."""
    from babel.dates import match_skeleton

    skeletons = locale.datetime_skeletons
    found = match_skeleton("MMMMEEEEd", skeletons)
    pattern = str(skeletons[found].pattern) if found else "EEEE d MMMM"
    return _NAME.sub(lambda name: name[0] if name[0].startswith("'") else 4 * name[0][0], pattern)
