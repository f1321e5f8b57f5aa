"""What holds for every anchor, gap, rule and zone, most of them drawn from the days around a change of the clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import example, given, settings
from hypothesis import strategies as st

from drip.course.timing import ALL_DAYS, Gap, Rule, Unit, Window
from drip.schedule.civil import (
    Target,
    add,
    first_allowed,
    holiday_name,
    land,
    local_date,
    resolve,
    still_open,
    to_instant,
)

#: A zone and the UTC time of one of its changes.
CHANGES = [
    ("UTC", "2024-02-28T00:00"),
    ("Asia/Kathmandu", "2024-12-30T00:00"),
    ("America/New_York", "2024-03-10T07:00"),
    ("America/New_York", "2024-11-03T06:00"),
    ("Europe/Stockholm", "2024-03-31T01:00"),
    ("Europe/Stockholm", "2024-10-27T01:00"),
    ("Australia/Lord_Howe", "2024-10-05T15:30"),
    ("Australia/Lord_Howe", "2024-04-06T15:00"),
    ("America/St_Johns", "2010-11-07T02:31"),
    ("America/Nuuk", "2024-03-31T01:00"),
    ("America/Nuuk", "2024-10-27T01:00"),
    ("Africa/Cairo", "2024-04-25T22:00"),
    ("America/Sao_Paulo", "2018-02-18T02:00"),
    ("Pacific/Apia", "2011-12-30T10:00"),
]


@dataclass(frozen=True)
class Case:
    zone: ZoneInfo
    anchor: datetime
    gap: Gap
    rule: Rule
    closed: frozenset[date]


@st.composite
def rules(draw: st.DrawFn) -> Rule:
    minutes = st.one_of(st.integers(0, 1439), st.integers(0, 47).map(lambda n: n * 30))
    kind = draw(st.sampled_from(["at", "between", "neither"]))
    between = None
    if kind == "between":
        start, end = draw(minutes), draw(st.one_of(minutes, st.just(1440)))
        between = Window(start=start, end=end if end != start else start + 1)
    return Rule(
        at=draw(minutes) if kind == "at" else None,
        between=between,
        days=draw(st.one_of(st.just(ALL_DAYS), st.frozensets(st.integers(0, 6), min_size=1))),
        holidays=draw(st.sampled_from([None, "SE"])),
    )


@st.composite
def cases(draw: st.DrawFn) -> Case:
    name, change = draw(st.sampled_from(CHANGES))
    zone, near = ZoneInfo(name), datetime.fromisoformat(change + "+00:00")
    minutes = draw(st.one_of(st.integers(-4 * 1440, 2 * 1440), st.integers(-96, 96).map(lambda n: n * 30)))
    anchor = near + timedelta(minutes=minutes, seconds=draw(st.sampled_from([0, 0, 0, 1, 59])))
    unit = draw(st.sampled_from(Unit))
    count = draw(st.integers(0, {Unit.MINUTES: 4000, Unit.HOURS: 72}.get(unit, 4)))
    dates = st.integers(-1, 8).map(lambda n: local_date(near, zone) + timedelta(days=n))
    return Case(zone, anchor, Gap(count=count, unit=unit), draw(rules()), frozenset(draw(st.sets(dates, max_size=4))))


def is_open(day: date, case: Case) -> bool:
    holiday = case.rule.holidays is not None and holiday_name(case.rule.holidays, day) is not None
    return day.weekday() in case.rule.days and not holiday and day not in case.closed


def ends_a_gap(at: datetime, zone: ZoneInfo) -> bool:
    """Whether the clock jumped forward to show `at`."""
    tick = timedelta(microseconds=1)
    shown = [moment.astimezone(zone).replace(tzinfo=None) for moment in (at - tick, at)]
    return shown[1] - shown[0] > tick


def reads_as_allowed(at: datetime, case: Case) -> bool:
    """The rule as one reads it off a wall clock and a calendar in the learner's room."""
    local = at.astimezone(case.zone)
    minute, today, yesterday = local.hour * 60 + local.minute, local.date(), local.date() - timedelta(days=1)
    if today in case.closed:
        return False
    if case.rule.between is None:
        on_time = case.rule.at is None or (minute == case.rule.at and local.second == 0)
        return on_time and is_open(today, case)
    start, end = case.rule.between.start, case.rule.between.end
    if start < end:
        return start <= minute < end and is_open(today, case)
    return (minute >= start and is_open(today, case)) or (minute < end and is_open(yesterday, case))


def lies_between_bounds(at: datetime, case: Case) -> bool:
    """Inside the window whose bounds were made instants: on the night of a change a clock alone does not tell."""
    if case.rule.between is None:
        return False
    start, end = case.rule.between.start, case.rule.between.end
    for n in (-1, 0, 1):
        day = local_date(at, case.zone) + timedelta(days=n)
        midnight = datetime.combine(day, time.min)
        opens = to_instant(midnight + timedelta(minutes=start), case.zone)
        closes = to_instant(midnight + timedelta(minutes=end if start < end else end + 1440), case.zone)
        if opens <= at < closes and is_open(day, case):
            return True
    return False


@given(cases())
@settings(max_examples=600, deadline=None)
def test_a_mail_is_never_early_and_always_inside_its_rule(case: Case) -> None:
    """Not before its anchor, not on a full date, and allowed by the clock, or moved there out of a gap."""
    target = land(case.anchor, case.gap, case.rule, case.zone)
    slot = resolve(target, case.rule, case.zone, closed=case.closed)
    assert slot.at.tzinfo is UTC
    assert slot.at >= case.anchor
    assert local_date(slot.at, case.zone) not in case.closed
    if case.gap.unit in (Unit.HOURS, Unit.MINUTES):
        assert slot.at - case.anchor >= timedelta(**{case.gap.unit.value: case.gap.count})
    elif case.gap.unit in (Unit.DAYS, Unit.WEEKS):
        days = case.gap.count * (7 if case.gap.unit is Unit.WEEKS else 1)
        assert local_date(slot.at, case.zone) >= local_date(case.anchor, case.zone) + timedelta(days=days)
    assert reads_as_allowed(slot.at, case) or ends_a_gap(slot.at, case.zone) or lies_between_bounds(slot.at, case)


@given(cases())
@settings(max_examples=600, deadline=None)
def test_a_slot_is_its_own_next_slot_and_may_be_sent(case: Case) -> None:
    """Resolving from the slot gives the slot, with nothing left to move it, and it is open at that very instant."""
    target = land(case.anchor, case.gap, case.rule, case.zone)
    slot = resolve(target, case.rule, case.zone, closed=case.closed)
    assert first_allowed(case.rule, case.zone, slot.at, case.closed).at == slot.at
    assert resolve(target, case.rule, case.zone, not_before=slot.at, closed=case.closed).at == slot.at
    assert still_open(case.rule, case.zone, slot.at, slot.at, case.closed)


@given(cases(), st.integers(0, 5000))
@settings(max_examples=400, deadline=None)
def test_a_floor_is_kept_and_never_makes_a_mail_earlier(case: Case, minutes: int) -> None:
    """However late the floor, the slot is not before it, and not before the slot without it."""
    target = land(case.anchor, case.gap, case.rule, case.zone)
    floor = case.anchor + timedelta(minutes=minutes)
    held = resolve(target, case.rule, case.zone, not_before=floor, closed=case.closed)
    assert held.at >= floor
    assert held.at >= resolve(target, case.rule, case.zone, closed=case.closed).at
    assert still_open(case.rule, case.zone, held.at, held.at, case.closed)


@given(cases(), st.integers(1, 3))
@settings(max_examples=400, deadline=None)
def test_a_later_date_is_never_due_earlier(case: Case, days: int) -> None:
    """Monotone in the civil date, whatever closed days and changes lie between."""
    near = case.anchor.astimezone(case.zone).replace(tzinfo=None)
    slots = [
        resolve(
            Target(civil=near + timedelta(days=n), floor=case.anchor - timedelta(days=9)),
            case.rule,
            case.zone,
            closed=case.closed,
        )
        for n in (0, days)
    ]
    assert slots[0].at <= slots[1].at


@given(cases(), st.sampled_from(CHANGES))
@settings(max_examples=300, deadline=None)
def test_a_changed_zone_never_moves_a_mail_before_its_anchor(case: Case, change: tuple[str, str]) -> None:
    """The kept target, read back and resolved in any other zone."""
    kept = Target.from_text(land(case.anchor, case.gap, case.rule, case.zone).to_text())
    assert resolve(kept, case.rule, ZoneInfo(change[0]), closed=case.closed).at >= case.anchor


@given(cases())
@settings(deadline=None)
def test_the_same_question_has_the_same_answer(case: Case) -> None:
    """Nothing but the arguments counts, and a target survives being written, to the microsecond."""
    anchor = case.anchor + timedelta(microseconds=1)
    targets = [land(anchor, case.gap, case.rule, case.zone) for _ in range(2)]
    assert targets[0] == targets[1] == Target.from_text(targets[0].to_text())
    slots = [resolve(target, case.rule, case.zone, closed=case.closed) for target in targets]
    assert slots[0] == slots[1]


@given(cases())
@settings(max_examples=200, deadline=None)
def test_no_allowed_quarter_of_an_hour_is_passed_over(case: Case) -> None:
    """From any instant to its slot a wall clock finds no allowed moment (away from changes, for `at` and `between`)."""
    zone = ZoneInfo("Asia/Kathmandu")
    case = Case(zone, case.anchor, case.gap, case.rule, case.closed)
    if case.rule.at is None and case.rule.between is None:
        return
    slot = first_allowed(case.rule, zone, case.anchor, case.closed)
    moment = case.anchor.replace(minute=case.anchor.minute // 15 * 15, second=0) + timedelta(minutes=15)
    while moment < min(slot.at, case.anchor + timedelta(days=9)):
        assert not reads_as_allowed(moment, case)
        moment += timedelta(minutes=15)


@given(st.sampled_from(CHANGES), st.integers(-2000, 2000))
@example(("Pacific/Apia", "2011-12-30T10:00"), -600)
@example(("America/Nuuk", "2024-03-31T01:00"), 0)
@settings(max_examples=100, deadline=None)
def test_a_wall_time_is_found_as_a_patient_watcher_would(change: tuple[str, str], minutes: int) -> None:
    """Watching the clock minute by minute: the first instant to show the time, or the first to show a later one."""
    zone, near = ZoneInfo(change[0]), datetime.fromisoformat(change[1] + "+00:00")
    civil = near.astimezone(zone).replace(tzinfo=None) + timedelta(minutes=minutes)
    watched = near + timedelta(minutes=minutes) - timedelta(days=2)
    while watched.astimezone(zone).replace(tzinfo=None) < civil:
        watched += timedelta(minutes=1)
    assert to_instant(civil, zone) == watched


@given(cases())
@settings(deadline=None)
def test_a_wait_never_ends_before_it_began(case: Case) -> None:
    """Also on a night on which the same hour comes twice."""
    assert add(case.anchor, case.gap, case.zone) >= case.anchor
