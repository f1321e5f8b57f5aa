"""Civil time: an anchor, a gap and a rule become the next allowed instant, with the reason for every move.

What is kept is the `Target`, a civil date and wall time; `resolve` derives the instant from it, and again when the zone
or the rule changes. Instants given are aware and those returned are in UTC; a naive one is an error at the door.
A wall time that does not exist becomes the first valid instant after it; one that comes twice is the first of the two.
"""

from __future__ import annotations

from collections.abc import Callable, Set
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import groupby
from zoneinfo import ZoneInfo

from drip.course.timing import DAY_NAMES, MINUTES_A_DAY, Gap, Rule, Unit, clock_text
from drip.schedule.dates import holiday_name, local_date, to_instant, utc, week_of

__all__ = [
    "Closed",
    "Slot",
    "Target",
    "add",
    "first_allowed",
    "holiday_name",
    "land",
    "local_date",
    "resolve",
    "still_open",
    "to_instant",
    "week_of",
]

ONE_DAY = timedelta(days=1)

#: A rule that opens no day in this many days never opens: better an error than a search without end.
LOOK_AHEAD_DAYS = 400

#: The local dates that a cap has filled: a set of them, a question to ask of each, or None for no cap.
Closed = Set[date] | Callable[[date], bool] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where a gap lands before the rule is applied; what an enrolment keeps.

    `civil` is the date reached and the anchor's wall time, without a zone; None where the gap elapses in hours or
    minutes, or is 0. `floor` is the instant before which nothing goes, in any zone: the anchor of a civil target, the
    instant reached by any other. So `Target(civil=None, floor=now)` is "the first allowed instant from now".
    """

    civil: datetime | None
    floor: datetime

    def to_text(self) -> str:
        """`2024-03-05T22:00:00 from 2024-03-04T21:00:00+00:00`, or only the instant."""
        floor = self.floor.isoformat()
        return floor if self.civil is None else f"{self.civil.isoformat()} from {floor}"

    @classmethod
    def from_text(cls, text: str) -> Target:
        """The target that `to_text` wrote. Raises ValueError for any other text."""
        civil, between, floor = text.rpartition(" from ")
        reached = datetime.fromisoformat(civil) if between else None
        if reached is not None and reached.tzinfo is not None:
            raise ValueError(f'"{text}" is not a target: its civil date has a zone')
        return cls(civil=reached, floor=utc(datetime.fromisoformat(floor)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """An allowed instant in UTC, and in words what moved it there (empty when nothing did)."""

    at: datetime
    reason: str = ""


def land(anchor: datetime, gap: Gap, rule: Rule, zone: ZoneInfo) -> Target:
    """The target that lies `gap` after `anchor`. The rule counts only through its holidays, for business days."""
    anchor = utc(anchor)
    if gap.count == 0 or gap.unit in (Unit.HOURS, Unit.MINUTES):
        return Target(civil=None, floor=anchor + _elapsed(gap))
    return Target(civil=_later(anchor, gap, rule.holidays, zone), floor=anchor)


def resolve(
    target: Target, rule: Rule, zone: ZoneInfo, *, not_before: datetime | None = None, closed: Closed = None
) -> Slot:
    """The first allowed instant for a target, in this zone, under this rule, not before `not_before`.

    A later floor (the end of a wait or a pause, `now` for a late mail) never moves a target that lies after it. Raises
    ValueError when no day is open within LOOK_AHEAD_DAYS.
    """
    floor = target.floor if not_before is None else max(target.floor, utc(not_before))
    if target.civil is None:
        slot = first_allowed(rule, zone, target.floor, closed)
    else:
        slot = _walk(rule, zone, closed, first=target.civil.date(), wall=target.civil.time(), floor=None)
    if slot.at >= floor:
        return slot
    later = first_allowed(rule, zone, floor, closed)
    held = f"not before {floor.astimezone(zone):%Y-%m-%d %H:%M}"
    return Slot(at=later.at, reason=f"{held}; {later.reason}" if later.reason else held)


def first_allowed(rule: Rule, zone: ZoneInfo, from_: datetime, closed: Closed = None) -> Slot:
    """The first allowed instant at or after `from_`: one equal to `at`, or inside the window, is `from_` itself.

    A rule with neither moves from a closed day to the same wall time of the next open one.
    """
    from_ = utc(from_)
    local = from_.astimezone(zone)
    today = local.date()
    if rule.at is not None or rule.between is not None:
        # Yesterday's window may still be open, and a wall time that yesterday lacked may have moved to today.
        return _walk(rule, zone, closed, first=today - ONE_DAY, wall=local.time(), floor=from_)
    if _shut(today, rule, closed) is None or (_ends_open_gap(from_, rule, zone, closed) and not _is_in(closed, today)):
        return Slot(at=from_)
    return _walk(rule, zone, closed, first=today, wall=local.time(), floor=from_)


def still_open(rule: Rule, zone: ZoneInfo, due_at: datetime, now: datetime, closed: Closed = None) -> bool:
    """Whether a mail due at `due_at` may go at `now`: its window, or else its local day, has not ended.

    False before `due_at`, and on a date that a cap has filled.
    """
    due_at, now = utc(due_at), utc(now)
    today, due_on = local_date(now, zone), local_date(due_at, zone)
    if now < due_at or _is_in(closed, today):
        return False
    if rule.between is None:
        return today == due_on and (_shut(today, rule, closed) is None or _ends_open_gap(due_at, rule, zone, None))
    for day in (due_on - ONE_DAY, due_on, due_on + ONE_DAY):
        if _shut(day, rule, closed) is None:
            opens, closes = _span(day, rule, time.min, zone)
            if opens <= due_at and (now < closes or now == opens):
                return True
    return False


def add(anchor: datetime, gap: Gap, zone: ZoneInfo, *, country: str | None = None) -> datetime:
    """The instant that lies `gap` after `anchor`, whatever any rule says: the end of a wait.

    Days keep the wall time; business days skip weekends and the holidays of `country`.
    """
    anchor = utc(anchor)
    if gap.count == 0 or gap.unit in (Unit.HOURS, Unit.MINUTES):
        return anchor + _elapsed(gap)
    return to_instant(_later(anchor, gap, country, zone), zone)


def _elapsed(gap: Gap) -> timedelta:
    return timedelta(hours=gap.count) if gap.unit is Unit.HOURS else timedelta(minutes=gap.count)


def _later(anchor: datetime, gap: Gap, country: str | None, zone: ZoneInfo) -> datetime:
    """The anchor's wall time on the date that lies `gap` later."""
    civil = anchor.astimezone(zone).replace(tzinfo=None, fold=0)
    if gap.unit is not Unit.BUSINESS_DAYS:
        return civil + gap.count * (7 * ONE_DAY if gap.unit is Unit.WEEKS else ONE_DAY)
    left = gap.count
    while left:
        civil += ONE_DAY
        if civil.weekday() < 5 and not (country and holiday_name(country, civil.date())):
            left -= 1
    return civil


def _is_in(closed: Closed, day: date) -> bool:
    return closed is not None and (closed(day) if callable(closed) else day in closed)


def _shut(day: date, rule: Rule, closed: Closed) -> tuple[str, str] | None:
    """Why nothing goes on a date, as (kind, word), or None for an open one."""
    if day.weekday() not in rule.days:
        return "weekday", DAY_NAMES[day.weekday()].capitalize()
    if rule.holidays and (name := holiday_name(rule.holidays, day)):
        return "holiday", name
    if _is_in(closed, day):
        return "limit", DAY_NAMES[day.weekday()].capitalize()
    return None


def _opening(day: date, rule: Rule, wall: time) -> datetime:
    """The civil time on a date from which the rule lets mail go: `at`, the window's start, or `wall`."""
    minutes = rule.at if rule.between is None else rule.between.start
    return datetime.combine(day, wall if minutes is None else time(*divmod(minutes, 60)))


def _span(day: date, rule: Rule, wall: time, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """When a date opens and closes; twice the same for a single instant (also a window that lies wholly in a gap)."""
    opens = to_instant(_opening(day, rule, wall), zone)
    if rule.between is None:
        return opens, opens
    end = rule.between.end + (0 if rule.between.end > rule.between.start else MINUTES_A_DAY)
    return opens, to_instant(datetime.combine(day, time.min) + timedelta(minutes=end), zone)


def _ends_open_gap(at: datetime, rule: Rule, zone: ZoneInfo, closed: Closed) -> bool:
    """Whether wall times of an open date did not exist and moved to `at`, so that it counts as allowed."""
    expected = (at - datetime.resolution).astimezone(zone).replace(tzinfo=None) + datetime.resolution
    return expected < at.astimezone(zone).replace(tzinfo=None) and _shut(expected.date(), rule, closed) is None


def _walk(rule: Rule, zone: ZoneInfo, closed: Closed, *, first: date, wall: time, floor: datetime | None) -> Slot:
    """The first allowed instant of the dates from `first` on, and not before `floor` where there is one."""
    today = first if floor is None else local_date(floor, zone)
    notes: list[tuple[str, str]] = []
    for day in (first + n * ONE_DAY for n in range(LOOK_AHEAD_DAYS)):
        why = _shut(day, rule, closed)
        if why is None or day < today:
            opens, closes = _span(day, rule, wall, zone)
            if floor is not None and floor > opens and floor >= closes:
                if day == today:
                    notes.append(("time", _beside("after", rule)))
                continue
            if why is None:
                at = opens if floor is None else max(opens, floor)
                local = at.astimezone(zone).replace(tzinfo=None)
                # A cap counts calendar days: the hours after midnight of a window are the next day's to fill.
                if local.date() == day or not _is_in(closed, local.date()):
                    if floor is not None and at > floor and not notes:
                        notes.append(("time", _beside("before", rule)))
                    if at == opens and local != _opening(day, rule, wall):
                        notes.append(("time", f"a time that does not exist moved to {local:%H:%M}"))
                    return Slot(at=at, reason=_told(notes))
                why = "limit", DAY_NAMES[local.weekday()].capitalize()
        notes.append(why)
    raise ValueError(
        f"no day is open in the {LOOK_AHEAD_DAYS} days from {first}: widen the days, the holidays or the limit"
    )


def _beside(side: str, rule: Rule) -> str:
    if rule.at is not None:
        return f"{side} {clock_text(rule.at)}"
    return f"{side} the window {'opens' if side == 'before' else 'closes'}"


def _told(notes: list[tuple[str, str]]) -> str:
    """What moved a mail, in the order in which it did: `holiday: Midsommarafton; Saturday is not a sending day`."""
    told = []
    for kind, group in groupby(notes, key=lambda note: note[0]):
        words = list(dict.fromkeys(word for _, word in group))
        names = words[0] if len(words) == 1 else f"{words[0]} {'and' if len(words) == 2 else 'to'} {words[-1]}"
        if kind == "weekday":
            told.append(f"{names} is not a sending day" if len(words) == 1 else f"{names} are not sending days")
        elif kind == "limit":
            told.append(f"limit: {names} {'is' if len(words) == 1 else 'are'} full")
        else:
            told.append(f"{'holiday: ' if kind == 'holiday' else ''}{', '.join(words)}")
    return "; ".join(told)
