"""Dates and wall times in a zone, and the holidays of a country: what a wall calendar and the clock beside it show."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import holidays


def utc(at: datetime) -> datetime:
    """The same instant in UTC. Raises ValueError for a naive datetime, which is none."""
    if at.tzinfo is None:
        raise ValueError(f"{at.isoformat()} is not an instant: it has no zone")
    return at.astimezone(UTC)


@lru_cache(maxsize=4096)  # everyone in a zone shares the hours at which a day opens and closes
def to_instant(civil: datetime, zone: ZoneInfo) -> datetime:
    """The instant of a naive wall time: the first of two, or the first valid instant after one that does not exist."""
    after = civil.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if after.astimezone(zone).replace(tzinfo=None) == civil:
        return after
    # In a gap, fold=0 reads the clock of before the change, which gives an instant after it, and fold=1 the other way
    # round (PEP 495). The change lies between the two, on a whole second.
    before = civil.replace(tzinfo=zone, fold=1).astimezone(UTC).replace(microsecond=0)
    early, late = 0, int((after - before).total_seconds())
    while late - early > 1:
        middle = (early + late) // 2
        if (before + timedelta(seconds=middle)).astimezone(zone).replace(tzinfo=None) > civil:
            late = middle
        else:
            early = middle
    return before + timedelta(seconds=late)


@lru_cache(maxsize=65_536)  # asked again and again of the mails that somebody has had
def local_date(at: datetime, zone: ZoneInfo) -> date:
    """The date that a calendar in `zone` shows at an instant."""
    return utc(at).astimezone(zone).date()


def week_of(day: date) -> date:
    """The Monday of the week that holds `day`."""
    return day - timedelta(days=day.weekday())


def holiday_name(code: str, day: date) -> str | None:
    """The holiday's name in the country's own language, or None. `code` is `SE` or `DE-BY`."""
    return _holidays_of(code, day.year).get(day)


@lru_cache(maxsize=1024)
def _holidays_of(code: str, year: int) -> dict[date, str]:
    country, _, part = code.partition("-")
    known = holidays.country_holidays(country)
    # The language is named, since without it the library follows the machine's.
    found = holidays.country_holidays(
        country,
        subdiv=part or None,
        years=year,
        language=known.default_language,
        categories=[c for c in (holidays.PUBLIC, holidays.DE_FACTO) if c in known.supported_categories],
    )
    return dict(found)
