"""An instant in plain words, as a learner's own calendar and clock show it."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from drip.web.words import PageWords, fill


def in_words(at: datetime, zone: ZoneInfo, words: PageWords, *, now: datetime) -> str:
    """Such as `tomorrow at 09:00` or `on Tuesday 24 November at 09:00`; the year is said where it is another one."""
    local, today = at.astimezone(zone), now.astimezone(zone).date()
    if local.date() == today:
        day = words.today
    elif local.date() == today + timedelta(days=1):
        day = words.tomorrow
    else:
        day = fill(
            words.date if local.year == today.year else words.year_too,
            weekday=words.weekdays[local.weekday()],
            day=str(local.day),
            month=words.months[local.month - 1],
            year=str(local.year),
        )
    return fill(words.at, day=day, time=local.strftime(words.clock))
