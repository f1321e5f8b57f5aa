"""Gaps, clock times, windows and closed days on ordinary weeks: golden sequences of the next allowed instant."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from drip.course.timing import Rule, parse_clock, parse_days, parse_gap, parse_window
from drip.schedule.civil import Slot, Target, add, first_allowed, land, local_date, resolve, still_open, week_of

STOCKHOLM = ZoneInfo("Europe/Stockholm")


def at(text: str, zone: ZoneInfo = STOCKHOLM) -> datetime:
    """The instant of a local time such as `Mon 2024-03-04 22:00`; the weekday is checked for the reader."""
    civil = datetime.fromisoformat(text[4:])
    assert civil.strftime("%a") == text[:3]
    return civil.replace(tzinfo=zone).astimezone(UTC)


def shown(slot: Slot, zone: ZoneInfo = STOCKHOLM) -> str:
    return slot.at.astimezone(zone).strftime("%a %Y-%m-%d %H:%M")


def rule(at: str = "", between: str = "", days: str = "daily", holidays: str | None = None) -> Rule:
    return Rule(
        at=parse_clock(at) if at else None,
        between=parse_window(between) if between else None,
        days=parse_days(days),
        holidays=holidays,
    )


def due(anchor: str, gap: str, timing: Rule) -> str:
    return shown(resolve(land(at(anchor), parse_gap(gap), timing, STOCKHOLM), timing, STOCKHOLM))


@pytest.mark.parametrize(
    ("anchor", "gap", "timing", "expected"),
    [
        # Days are counted by date, hours elapse.
        ("Mon 2024-03-04 22:00", "1 day", rule(at="09:00"), "Tue 2024-03-05 09:00"),
        ("Mon 2024-03-04 22:00", "24 hours", rule(at="09:00"), "Wed 2024-03-06 09:00"),
        ("Mon 2024-03-04 09:00", "24 hours", rule(at="09:00"), "Tue 2024-03-05 09:00"),
        ("Mon 2024-03-04 09:00", "90 minutes", rule(), "Mon 2024-03-04 10:30"),
        ("Mon 2024-03-04 22:10", "3 days", rule(), "Thu 2024-03-07 22:10"),
        ("Mon 2024-03-04 22:10", "2 weeks", rule(at="09:00"), "Mon 2024-03-18 09:00"),
        # No gap is the first allowed instant, and one equal to `at` counts.
        ("Mon 2024-03-04 08:00", "0 days", rule(at="09:00"), "Mon 2024-03-04 09:00"),
        ("Mon 2024-03-04 09:00", "0 days", rule(at="09:00"), "Mon 2024-03-04 09:00"),
        ("Mon 2024-03-04 09:01", "0 days", rule(at="09:00"), "Tue 2024-03-05 09:00"),
        ("Mon 2024-03-04 09:01", "0 days", rule(), "Mon 2024-03-04 09:01"),
        # Windows are half-open.
        ("Mon 2024-03-04 07:59", "0 days", rule(between="08:00-10:00"), "Mon 2024-03-04 08:00"),
        ("Mon 2024-03-04 08:00", "0 days", rule(between="08:00-10:00"), "Mon 2024-03-04 08:00"),
        ("Mon 2024-03-04 09:59", "0 days", rule(between="08:00-10:00"), "Mon 2024-03-04 09:59"),
        ("Mon 2024-03-04 10:00", "0 days", rule(between="08:00-10:00"), "Tue 2024-03-05 08:00"),
        ("Mon 2024-03-04 23:59", "0 days", rule(between="18:00-24:00"), "Mon 2024-03-04 23:59"),
        ("Tue 2024-03-05 00:00", "0 days", rule(between="18:00-24:00"), "Tue 2024-03-05 18:00"),
        ("Mon 2024-03-04 09:30", "1 day", rule(between="08:00-10:00"), "Tue 2024-03-05 08:00"),
        # A window over midnight belongs to the day on which it opened.
        ("Tue 2024-03-05 00:30", "0 days", rule(between="22:00-06:00"), "Tue 2024-03-05 00:30"),
        ("Tue 2024-03-05 06:00", "0 days", rule(between="22:00-06:00"), "Tue 2024-03-05 22:00"),
        ("Tue 2024-03-05 01:00", "1 day", rule(between="22:00-06:00"), "Wed 2024-03-06 22:00"),
        ("Tue 2024-03-05 01:00", "24 hours", rule(between="22:00-06:00"), "Wed 2024-03-06 01:00"),
        ("Sat 2024-03-09 01:00", "0 days", rule(between="22:00-06:00", days="mon-fri"), "Sat 2024-03-09 01:00"),
        ("Mon 2024-03-11 01:00", "0 days", rule(between="22:00-06:00", days="mon-fri"), "Mon 2024-03-11 22:00"),
        # A closed day moves to the next open one: at `at`, at the window's start, or at the same wall time.
        ("Fri 2024-03-08 12:34", "1 day", rule(at="09:00", days="mon-fri"), "Mon 2024-03-11 09:00"),
        ("Fri 2024-03-08 12:34", "1 day", rule(between="08:00-10:00", days="mon-fri"), "Mon 2024-03-11 08:00"),
        ("Fri 2024-03-08 12:34", "1 day", rule(days="mon-fri"), "Mon 2024-03-11 12:34"),
        ("Fri 2024-03-08 12:34", "24 hours", rule(days="mon-fri"), "Mon 2024-03-11 12:34"),
        ("Tue 2024-03-05 12:00", "1 day", rule(at="09:00", days="sat-mon"), "Sat 2024-03-09 09:00"),
        # Business days skip the weekend, wherever they start; the rule's own days still apply afterwards.
        ("Fri 2024-03-08 12:00", "1 business day", rule(at="09:00"), "Mon 2024-03-11 09:00"),
        ("Sat 2024-03-09 12:00", "1 business day", rule(at="09:00"), "Mon 2024-03-11 09:00"),
        ("Sun 2024-03-10 12:00", "1 business day", rule(at="09:00"), "Mon 2024-03-11 09:00"),
        ("Wed 2024-03-06 12:00", "3 business days", rule(at="09:00"), "Mon 2024-03-11 09:00"),
        ("Fri 2024-03-08 12:00", "1 business day", rule(at="09:00", days="sat, sun"), "Sat 2024-03-16 09:00"),
        # Months and leap days are only dates.
        ("Wed 2024-02-28 12:00", "1 day", rule(at="09:00"), "Thu 2024-02-29 09:00"),
        ("Thu 2024-02-29 12:00", "1 day", rule(at="09:00"), "Fri 2024-03-01 09:00"),
        ("Tue 2023-02-28 12:00", "1 day", rule(at="09:00"), "Wed 2023-03-01 09:00"),
        ("Wed 2024-01-31 12:00", "4 weeks", rule(at="09:00"), "Wed 2024-02-28 09:00"),
        ("Tue 2024-12-31 23:59", "1 day", rule(at="00:00"), "Wed 2025-01-01 00:00"),
    ],
)
def test_a_mail_is_due_at_the_next_allowed_instant(anchor: str, gap: str, timing: Rule, expected: str) -> None:
    """One line a promise of DESIGN's "Time, exactly"."""
    assert due(anchor, gap, timing) == expected


@pytest.mark.parametrize(
    ("anchor", "gap", "timing", "reason"),
    [
        ("Mon 2024-03-04 22:00", "1 day", rule(at="09:00", days="mon-fri"), ""),
        ("Mon 2024-03-04 22:00", "24 hours", rule(at="09:00"), "after 09:00"),
        ("Mon 2024-03-04 08:00", "0 days", rule(at="09:00"), "before 09:00"),
        ("Mon 2024-03-04 07:00", "0 days", rule(between="08:00-10:00"), "before the window opens"),
        ("Mon 2024-03-04 10:00", "0 days", rule(between="08:00-10:00"), "after the window closes"),
        ("Mon 2024-03-04 09:00", "0 days", rule(between="08:00-10:00"), ""),
        ("Tue 2024-03-05 00:30", "0 days", rule(between="22:00-06:00", days="tue"), "Monday is not a sending day"),
        ("Sat 2024-03-09 12:00", "1 day", rule(at="09:00", days="mon-fri"), "Sunday is not a sending day"),
        ("Fri 2024-03-08 12:00", "1 day", rule(days="mon-fri"), "Saturday and Sunday are not sending days"),
        ("Tue 2024-03-05 12:00", "1 day", rule(days="tue"), "Wednesday to Monday are not sending days"),
        (
            "Fri 2024-03-08 11:00",
            "0 days",
            rule(between="08:00-10:00", days="mon-fri"),
            "after the window closes; Saturday and Sunday are not sending days",
        ),
    ],
)
def test_the_reason_says_what_moved_a_mail(anchor: str, gap: str, timing: Rule, reason: str) -> None:
    """In words a marketer reads; nothing where nothing moved."""
    assert resolve(land(at(anchor), parse_gap(gap), timing, STOCKHOLM), timing, STOCKHOLM).reason == reason


def test_a_changed_rule_uses_its_own_time_on_the_kept_date() -> None:
    """`at` moved from 09:00 to 10:00: the same Tuesday at ten. With the rule gone, the anchor's wall time."""
    target = land(at("Mon 2024-03-04 22:00"), parse_gap("1 day"), rule(at="09:00"), STOCKHOLM)
    assert shown(resolve(target, rule(at="10:00"), STOCKHOLM)) == "Tue 2024-03-05 10:00"
    assert shown(resolve(target, rule(between="13:00-14:00"), STOCKHOLM)) == "Tue 2024-03-05 13:00"
    assert shown(resolve(target, rule(), STOCKHOLM)) == "Tue 2024-03-05 22:00"


def test_a_zone_changed_in_mid_wait_keeps_the_civil_date() -> None:
    """Tuesday 09:00 stays Tuesday 09:00, in New York instead of Stockholm."""
    new_york = ZoneInfo("America/New_York")
    target = land(at("Mon 2024-03-04 22:00"), parse_gap("1 day"), rule(at="09:00"), STOCKHOLM)
    kept = Target.from_text(target.to_text())
    assert shown(resolve(kept, rule(at="09:00"), new_york), new_york) == "Tue 2024-03-05 09:00"


def test_a_zone_changed_eastward_never_moves_a_mail_before_its_anchor() -> None:
    """Tuesday 09:00 in Auckland had passed when the anchor was sent, so Wednesday it is."""
    auckland = ZoneInfo("Pacific/Auckland")
    target = land(at("Mon 2024-03-04 22:00"), parse_gap("1 day"), rule(at="09:00"), STOCKHOLM)
    assert shown(resolve(target, rule(at="09:00"), auckland), auckland) == "Wed 2024-03-06 09:00"
    early = at("Mon 2024-03-04 12:00")
    assert shown(resolve(target, rule(at="09:00"), auckland, not_before=early), auckland) == "Wed 2024-03-06 09:00"


def test_elapsed_hours_stay_elapsed_when_the_zone_changes() -> None:
    """An instant has no zone to follow."""
    target = land(at("Mon 2024-03-04 22:00"), parse_gap("24 hours"), rule(), STOCKHOLM)
    assert resolve(target, rule(), ZoneInfo("America/New_York")).at == at("Tue 2024-03-05 22:00")


def test_a_target_reads_back_what_it_wrote() -> None:
    """The text is what the database keeps, readable by people too."""
    target = land(at("Mon 2024-03-04 22:00"), parse_gap("1 day"), rule(), STOCKHOLM)
    assert target.to_text() == "2024-03-05T22:00:00 from 2024-03-04T21:00:00+00:00"
    assert Target.from_text(target.to_text()) == target
    elapsed = land(at("Mon 2024-03-04 22:00"), parse_gap("1 hour"), rule(), STOCKHOLM)
    assert elapsed.to_text() == "2024-03-04T22:00:00+00:00"
    assert Target.from_text(elapsed.to_text()) == elapsed


@pytest.mark.parametrize(
    "text",
    [
        "",
        "tomorrow",
        "2024-03-05T22:00:00",
        "2024-03-05T22:00:00 from 2024-03-04T21:00:00",
        "2024-03-05T22:00:00+01:00 from 2024-03-04T21:00:00+00:00",
    ],
)
def test_a_text_that_is_no_target_is_refused(text: str) -> None:
    """Half a target would be a mail at the wrong time."""
    with pytest.raises(ValueError):
        Target.from_text(text)


def test_a_naive_time_is_an_error_at_the_door() -> None:
    """It would be read in the machine's zone."""
    naive = datetime.fromisoformat("2024-03-04T22:00:00")
    aware = at("Mon 2024-03-04 22:00")
    target = Target(civil=None, floor=aware)
    for call in (
        lambda: land(naive, parse_gap("1 day"), rule(), STOCKHOLM),
        lambda: add(naive, parse_gap("1 day"), STOCKHOLM),
        lambda: first_allowed(rule(), STOCKHOLM, naive),
        lambda: resolve(target, rule(), STOCKHOLM, not_before=naive),
        lambda: still_open(rule(), STOCKHOLM, naive, aware),
        lambda: local_date(naive, STOCKHOLM),
    ):
        with pytest.raises(ValueError, match="has no zone"):
            call()


def test_a_floor_holds_a_mail_back_and_then_the_rule_applies() -> None:
    """A wait that ended on Wednesday at noon: the target of Tuesday 09:00 goes on Thursday."""
    target = land(at("Mon 2024-03-04 22:00"), parse_gap("1 day"), rule(at="09:00"), STOCKHOLM)
    slot = resolve(target, rule(at="09:00"), STOCKHOLM, not_before=at("Wed 2024-03-06 12:00"))
    assert shown(slot) == "Thu 2024-03-07 09:00"
    assert slot.reason == "not before 2024-03-06 12:00; after 09:00"


def test_a_floor_before_the_slot_changes_nothing() -> None:
    """Saturday's target moved to Monday 09:00; a wait that ended on Sunday afternoon leaves it there."""
    timing = rule(days="mon-fri")
    target = land(at("Fri 2024-03-08 09:00"), parse_gap("1 day"), timing, STOCKHOLM)
    slot = resolve(target, timing, STOCKHOLM, not_before=at("Sun 2024-03-10 15:00"))
    assert shown(slot) == "Mon 2024-03-11 09:00"


def test_a_full_day_counts_as_a_closed_day() -> None:
    """Tuesday is full: Wednesday at the same time, with a reason of its own."""
    target = land(at("Mon 2024-03-04 12:00"), parse_gap("1 day"), rule(), STOCKHOLM)
    slot = resolve(target, rule(), STOCKHOLM, closed=frozenset({date(2024, 3, 5)}))
    assert shown(slot) == "Wed 2024-03-06 12:00"
    assert slot.reason == "limit: Tuesday is full"


def test_a_full_week_counts_as_closed_days() -> None:
    """A week that `3 per week` has filled ends on Sunday; then weekdays and the time of day apply again."""
    timing = rule(at="09:00", days="tue-fri")
    target = land(at("Wed 2024-03-06 09:00"), parse_gap("1 day"), timing, STOCKHOLM)
    full = week_of(date(2024, 3, 6))
    slot = resolve(target, timing, STOCKHOLM, closed=lambda day: week_of(day) == full)
    assert shown(slot) == "Tue 2024-03-12 09:00"
    assert slot.reason == "limit: Thursday and Friday are full; Saturday to Monday are not sending days"


def test_a_cap_counts_calendar_days_also_in_a_window_over_midnight() -> None:
    """With Tuesday full, 01:00 in Monday's window would be its second mail, and Tuesday's own window is closed."""
    timing = rule(between="22:00-06:00")
    slot = first_allowed(timing, STOCKHOLM, at("Tue 2024-03-05 01:00"), frozenset({date(2024, 3, 5)}))
    assert shown(slot) == "Wed 2024-03-06 22:00"
    assert slot.reason == "limit: Tuesday is full"


def test_a_late_mail_goes_at_once_while_its_window_is_open() -> None:
    """The last minute of the window is open, its end is not; a window over midnight is open in the next morning."""
    timing = rule(between="08:00-10:00")
    due_at = at("Mon 2024-03-04 08:00")
    assert still_open(timing, STOCKHOLM, due_at, due_at)
    assert still_open(timing, STOCKHOLM, due_at, at("Mon 2024-03-04 09:59"))
    assert not still_open(timing, STOCKHOLM, due_at, at("Mon 2024-03-04 10:00"))
    assert not still_open(timing, STOCKHOLM, due_at, at("Tue 2024-03-05 08:30"))
    night = rule(between="22:00-06:00", days="fri")
    assert still_open(night, STOCKHOLM, at("Fri 2024-03-08 22:00"), at("Sat 2024-03-09 05:59"))
    assert not still_open(night, STOCKHOLM, at("Fri 2024-03-08 22:00"), at("Sat 2024-03-09 06:00"))


def test_a_late_mail_with_a_time_or_without_goes_until_its_day_ends() -> None:
    """Due at 09:00, it may go until midnight, where the learner lives."""
    for timing in (rule(at="09:00"), rule()):
        due_at = at("Mon 2024-03-04 09:00")
        assert still_open(timing, STOCKHOLM, due_at, at("Mon 2024-03-04 23:59"))
        assert not still_open(timing, STOCKHOLM, due_at, at("Tue 2024-03-05 00:00"))


def test_nothing_is_open_before_it_is_due_or_when_a_cap_has_filled_the_day() -> None:
    """A limit reached since then closes the day also for a late mail."""
    due_at = at("Mon 2024-03-04 09:00")
    assert not still_open(rule(at="09:00"), STOCKHOLM, due_at, at("Mon 2024-03-04 08:59"))
    full = frozenset({date(2024, 3, 4)})
    assert not still_open(rule(at="09:00"), STOCKHOLM, due_at, at("Mon 2024-03-04 10:00"), full)
    assert not still_open(rule(between="08:00-10:00"), STOCKHOLM, due_at, at("Mon 2024-03-04 09:30"), full)
    night, after_midnight = rule(between="22:00-06:00"), at("Mon 2024-03-04 01:00")
    assert still_open(night, STOCKHOLM, at("Sun 2024-03-03 22:00"), after_midnight)
    assert not still_open(night, STOCKHOLM, at("Sun 2024-03-03 22:00"), after_midnight, full)


def test_a_day_that_a_changed_rule_has_closed_is_not_open() -> None:
    """Due on Saturday under the old rule; under the new one nothing goes on a Saturday."""
    assert not still_open(rule(days="mon-fri"), STOCKHOLM, at("Sat 2024-03-09 09:00"), at("Sat 2024-03-09 09:05"))


def test_a_rule_that_never_opens_is_an_error_and_no_endless_search() -> None:
    """Every day full, or no day named."""
    with pytest.raises(ValueError, match="no day is open in the 400 days"):
        first_allowed(rule(at="09:00"), STOCKHOLM, at("Mon 2024-03-04 09:00"), lambda day: True)
    with pytest.raises(ValueError, match="no day is open in the 400 days"):
        first_allowed(Rule(days=frozenset()), STOCKHOLM, at("Mon 2024-03-04 09:00"))


@pytest.mark.parametrize(
    ("anchor", "gap", "end"),
    [
        ("Mon 2024-03-04 22:00", "4 days", "Fri 2024-03-08 22:00"),
        ("Mon 2024-03-04 22:00", "0 days", "Mon 2024-03-04 22:00"),
        ("Mon 2024-03-04 22:00", "1 week", "Mon 2024-03-11 22:00"),
        ("Mon 2024-03-04 22:00", "36 hours", "Wed 2024-03-06 10:00"),
        ("Mon 2024-03-04 22:00", "90 minutes", "Mon 2024-03-04 23:30"),
        ("Fri 2024-03-08 22:00", "2 business days", "Tue 2024-03-12 22:00"),
    ],
)
def test_a_wait_ends_a_gap_after_it_began(anchor: str, gap: str, end: str) -> None:
    """Days keep the wall time; no rule applies."""
    assert add(at(anchor), parse_gap(gap), STOCKHOLM) == at(end)


def test_a_week_begins_on_monday() -> None:
    """As `limit: 3 per week` counts."""
    assert week_of(date(2024, 3, 10)) == date(2024, 3, 4)
    assert week_of(date(2024, 3, 11)) == date(2024, 3, 11)
    assert local_date(at("Mon 2024-03-04 00:30"), ZoneInfo("America/New_York")) == date(2024, 3, 3)
