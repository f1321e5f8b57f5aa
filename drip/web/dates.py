"""An instant in plain words, as a learner's own calendar and clock show it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from drip.render.dates import day_in_words, time_in_words
from drip.render.words import PageWords
from drip.web.words import fill

if TYPE_CHECKING:
    from babel import Locale


def in_words(at: datetime, zone: ZoneInfo, words: PageWords, locale: Locale, *, now: datetime) -> str:
    """Such as `tomorrow at 09:00` or `on Tuesday 24 November at 09:00`; the year is said where it is another one."""
    local, today = at.astimezone(zone), now.astimezone(zone).date()
    if local.date() == today:
        day = words.today
    elif local.date() == today + timedelta(days=1):
        day = words.tomorrow
    else:
        date = day_in_words(local.date(), locale, with_year=local.year != today.year)
        day = fill(words.on_day, day=date)
    return fill(words.at, day=day, time=time_in_words(local, locale))
