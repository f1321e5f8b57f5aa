"""The vocabulary of what a learner may change on their page of a course; engine/my_changes.py does it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from drip.people import Tempo


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """Send nothing of this course until a day (or until I come back)."""

    until: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Resume:
    """Go on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SendNext:
    """Send me the next one now. `mark` is what the page had seen (Seen.mark): twice pressed sends one."""

    mark: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SetTempo:
    """Slower, faster, or as planned."""

    tempo: Tempo


@dataclass(frozen=True, slots=True, kw_only=True)
class SetTimes:
    """Another hour (minutes from midnight) and other weekdays; None: as the course says."""

    at: int | None
    days: frozenset[int] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SetLanguage:
    """Another of the languages that the course has."""

    language: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SetZone:
    """Another time zone, by its IANA name."""

    zone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Leave:
    """Leave this course, or everything from this workspace."""

    scope: str


Change = Pause | Resume | SendNext | SetTempo | SetTimes | SetLanguage | SetZone | Leave
