"""What moves a mail whose time has come, besides its own slot: a place in the pace, the order under a cap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

from drip.engine.cap import Cap
from drip.plan.model import Plan
from drip.schedule.advance import STALE, Next, Note
from drip.schedule.pace import Pace
from drip.schedule.slots import LATE
from drip.store.enrolments import Standing
from drip.store.pace import WAITS


def in_order(cap: Cap, standing: Standing, plan: Plan, then: Next, zone: ZoneInfo) -> Next:
    """A mail that may go now, or the time at which to look again since a mail of another course comes first."""
    later = cap.goes_after(standing, plan.priority, zone)
    if later is None:
        cap.took(standing.learner.id)
        return then
    return lets_others_go(then, *later, cap.now)


def place_has_come(waited_for: str, reason: str) -> bool:
    """Whether a mail whose place in a domain's line has come is late by its own day. It is on time on the place's."""
    return waited_for.startswith(WAITS) and reason.startswith(LATE)


def was_held_up(pace: Pace | None, reason: str, notes: Sequence[Note]) -> bool:
    """Whether a mail may be late, or stale, since a quota of all mail let nothing through: it is on time on any allowed
    day.

    Nothing marks whom a quota holds up, so where there is one this holds for whoever is late.
    """
    late = reason.startswith(LATE) or any(note.reason.startswith(STALE) for note in notes)
    return late and pace is not None and pace.has_quota


def still_waits(waited_for: str, reason: str) -> str:
    """Why it goes later where that day's window is shut: it keeps what it has waited for, and goes before newcomers."""
    return f"{waited_for.partition('; ')[0]}; {reason}"


def lets_others_go(then: Next, at: datetime, reason: str, now: datetime) -> Next:
    """The same mail, later. The time until then makes no mail stale: a cap and the pace shift, and drop nothing."""
    waits = replace(then.enrolment, held_for=then.enrolment.held_for + (at - now))
    return replace(then, enrolment=waits, send=None, due_at=at, reason=reason)
