"""What a learner has asked for so far, read back from the evidence: for whoever asks why a mail came when it did."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from drip.course.timing import parse_clock, parse_days
from drip.people import Tempo, Wish
from drip.track.evidence import Evidence, Kind

_SAID = {None: "none", "planned": "as planned", "half": "half as often", "twice": "twice as often"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One change on a learner's page: `item` says of what."""

    at: datetime
    item: str
    was: object
    to: object

    @property
    def words(self) -> str:
        """`pace: as planned → half as often`, as an operator reads it."""
        match self.item:
            case "next":
                return "asked for the next one now"
            case "pause" if isinstance(self.to, dict) and self.to.get("until"):
                return f"paused until {self.to['until']}"
            case "pause":
                return "paused until they come back"
            case "resume":
                return "went on"
            case "hour" | "days":
                was, to = (value or "as the course says" for value in (self.was, self.to))
                return f"{self.item}: {was} → {to}"
            case _:
                return f"{self.item}: {_said(self.was)} → {_said(self.to)}"


def changes_of(events: Sequence[Evidence]) -> list[Asked]:
    """The changes among the evidence of one enrolment, oldest first."""
    return [
        Asked(at=one.at, item=one.item, was=one.data.get("from"), to=one.data.get("to"))
        for one in sorted(events, key=lambda event: event.at)
        if one.kind is Kind.CHANGE
    ]


def wish_at(at: datetime, now: Wish, changes: Sequence[Asked]) -> Wish:
    """What was wished at an instant, counted back from what is wished `now`."""
    wish = now
    for one in reversed(changes):
        if one.at <= at:
            break
        match one.item, one.was:
            case "pace", str(was):
                wish = replace(wish, tempo=Tempo(was))
            case "hour", was:
                wish = replace(wish, at=None if was is None else parse_clock(was))
            case "days", was:
                wish = replace(wish, days=None if was is None else parse_days(was))
            case _:
                pass
    return wish


def hurried_between(since: datetime, until: datetime, changes: Sequence[Asked]) -> bool:
    """Whether the learner asked for the next mail between these instants."""
    return any(one.item == "next" and since <= one.at <= until for one in changes)


def _said(value: object) -> str:
    return _SAID.get(value, str(value)) if value is None or isinstance(value, str) else str(value)
