"""Clocks: ours against those of others, and whether it knows where on earth it is what time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from drip.engine.doctor.row import Row, error, hint, ok, warning

#: A difference that shows in reports, and one with which mails go out at the wrong time and links expire early.
_NOTICEABLE, _WRONG = timedelta(seconds=5), timedelta(minutes=1)
#: Zones with a rule of each kind; where one is missing, the data is.
ZONES = ("Europe/Stockholm", "America/St_Johns", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Apia")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Another clock: whose it is, what it said, and what ours said meanwhile."""

    of: str
    theirs: datetime
    ours: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How far the clock on the wall and the one that nobody sets have gone in the same time."""

    wall: timedelta
    steady: timedelta


def pace(clock: Callable[[], datetime]) -> Callable[[], Pace]:
    """Start both clocks; what comes back stops them."""
    began, since = clock(), time.monotonic()
    return lambda: Pace(wall=clock() - began, steady=timedelta(seconds=time.monotonic() - since))


def missing_zones(zones: Sequence[str]) -> list[str]:
    """Those of the zones that this machine knows nothing of."""
    missing = []
    for name in zones:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            missing.append(name)
    return missing


def judge(
    readings: Sequence[Reading], gone: Pace, missing: Sequence[str], *, now: datetime, last_claim_at: datetime | None
) -> list[Row]:
    """What is off with the time."""
    return list(_judged(readings, gone, missing, now=now, last_claim_at=last_claim_at))


def _judged(
    readings: Sequence[Reading], gone: Pace, missing: Sequence[str], *, now: datetime, last_claim_at: datetime | None
) -> Iterator[Row]:
    for reading in readings:
        ahead = reading.ours - reading.theirs
        far = abs(ahead)
        words = f"this machine's clock is {_span(far)} {'ahead of' if ahead > timedelta(0) else 'behind'} it"
        if far < _NOTICEABLE:
            yield ok("clock-skew", reading.of, "its clock and ours agree")
        else:
            yield (error if far >= _WRONG else warning)("clock-skew", reading.of, words, "timedatectl set-ntp true")
    if abs(gone.wall - gone.steady) >= timedelta(seconds=1):
        words = f"it jumped by {_span(abs(gone.wall - gone.steady))} while the doctor was looking"
        yield warning("clock-jump", "this machine", words, "timedatectl status")
    if last_claim_at is not None and last_claim_at - now >= _NOTICEABLE:
        row = error if last_claim_at - now >= _WRONG else warning
        words = (
            f"the newest mail was claimed {_span(last_claim_at - now)} from now: was the clock set back, or --now used?"
        )
        yield row("clock-back", "this machine", words, "timedatectl status")
    if missing:
        yield error(
            "clock-zones", ", ".join(missing), "this machine has no data on time zones", "pip install --upgrade tzdata"
        )
    else:
        yield ok("clock-zones", "this machine", "it knows the time zones")
    if not readings:
        words = "there is no other clock to hold it against (SQLite, and no web side that answers)"
        yield hint("clock-skew", "this machine", words, "timedatectl status")


def _span(length: timedelta) -> str:
    seconds = abs(length.total_seconds())
    for size, name in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= size:
            number = round(seconds / size)
            return f"{number} {name}{'s' if number != 1 else ''}"
    return f"{seconds:.0f} seconds"
