"""A new sender is warmed up: a small number of mails on its first day, a larger one on the next, and so on.

Days are calendar days in the workspace's zone. The first is the first on which any mail goes. The next step is reached
on a later day, if on the last day with mails at least half of its number went; else that step is repeated, since a few
mails warm nothing. Days without mails, such as a weekend, change nothing.

A clock that is set back over midnight goes on counting in the day that it had reached, unless it is more than a day
back: then the count is taken along to the day that it shows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class Warmth:
    """How warm a sender is: the last day with mails, the step that it had (from 0), and how many went."""

    day: date | None = None
    step: int = 0
    sent: int = 0


def on(warmth: Warmth, steps: Sequence[int], now: datetime, zone: ZoneInfo) -> Warmth:
    """How warm the sender is at `now`: on a later day, the count begins anew, and perhaps the next step."""
    today = now.astimezone(zone).date()
    if warmth.day is None:
        return replace(warmth, day=today)
    if today > warmth.day:
        went = warmth.step < len(steps) and 2 * warmth.sent >= steps[warmth.step]
        return Warmth(today, warmth.step + went, 0)
    if warmth.day - today > timedelta(days=1):
        return replace(warmth, day=today)
    return warmth


def left(warmth: Warmth, steps: Sequence[int]) -> int | None:
    """How many may still go today; None when the warm-up is over."""
    if warmth.step >= len(steps):
        return None
    return max(0, steps[warmth.step] - warmth.sent)


def sent(warmth: Warmth, number: int) -> Warmth:
    """So many more have gone (or, below 0, have not gone after all)."""
    return replace(warmth, sent=max(0, warmth.sent + number))


def next_day(warmth: Warmth, now: datetime, zone: ZoneInfo) -> datetime:
    """When the day after this one begins."""
    day = max(warmth.day or date.min, now.astimezone(zone).date()) + timedelta(days=1)
    return datetime.combine(day, time(), zone).astimezone(UTC)
