"""The words of time in a course file: gaps, clock times, windows, days, limits. Text → frozen values, no calendar yet."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

MINUTES_A_DAY = 24 * 60


class Unit(StrEnum):
    """What a gap counts in."""

    MINUTES = "minutes"
    HOURS = "hours"
    DAYS = "days"
    WEEKS = "weeks"
    BUSINESS_DAYS = "business days"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A distance such as `3 days`. Minutes and hours elapse; days, weeks and business days are counted on a calendar."""

    count: int
    unit: Unit


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A half-open stretch of the day, in minutes from midnight. `end` may be 1440 (24:00); end < start crosses midnight."""

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
    days: frozenset[int] = frozenset(range(7))
    holidays: str | None = None
