"""The awkward moments of the clock: hours that are missing or come twice, odd offsets, a date that never was."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from drip.course.timing import Rule, parse_clock, parse_days, parse_gap, parse_window
from drip.schedule.civil import Slot, Target, add, first_allowed, land, resolve, still_open, to_instant

NEW_YORK = ZoneInfo("America/New_York")
BERLIN = ZoneInfo("Europe/Berlin")
LORD_HOWE = ZoneInfo("Australia/Lord_Howe")
KATHMANDU = ZoneInfo("Asia/Kathmandu")
ST_JOHNS = ZoneInfo("America/St_Johns")
NUUK = ZoneInfo("America/Nuuk")
APIA = ZoneInfo("Pacific/Apia")
CAIRO = ZoneInfo("Africa/Cairo")


def at(text: str, zone: ZoneInfo, fold: int = 0) -> datetime:
    """The instant of a local time such as `Sat 2024-03-09 22:00` that exists; `fold=1` is the second of two."""
    civil = datetime.fromisoformat(text[4:])
    assert civil.strftime("%a") == text[:3]
    instant = civil.replace(tzinfo=zone, fold=fold).astimezone(UTC)
    assert instant.astimezone(zone).replace(tzinfo=None) == civil
    return instant


def shown(slot: Slot, zone: ZoneInfo) -> str:
    local = slot.at.astimezone(zone)
    return local.strftime("%a %Y-%m-%d %H:%M ") + local.isoformat()[-6:]


def rule(at: str = "", between: str = "", days: str = "daily") -> Rule:
    return Rule(
        at=parse_clock(at) if at else None,
        between=parse_window(between) if between else None,
        days=parse_days(days),
    )


def due(anchor: datetime, gap: str, timing: Rule, zone: ZoneInfo) -> str:
    return shown(resolve(land(anchor, parse_gap(gap), timing, zone), timing, zone), zone)


def test_missing_hour_new_york_moves_to_three() -> None:
    """9→10 March 2024: 02:30 does not exist, and the mail says why it came at 03:00."""
    anchor = at("Sat 2024-03-09 02:30", NEW_YORK)
    assert due(anchor, "1 day", rule(at="02:30"), NEW_YORK) == "Sun 2024-03-10 03:00 -04:00"
    assert due(anchor, "1 day", rule(), NEW_YORK) == "Sun 2024-03-10 03:00 -04:00"
    assert due(anchor, "2 days", rule(at="02:30"), NEW_YORK) == "Mon 2024-03-11 02:30 -04:00"
    slot = resolve(land(anchor, parse_gap("1 day"), rule(), NEW_YORK), rule(), NEW_YORK)
    assert slot.reason == "a time that does not exist moved to 03:00"


def test_missing_hour_new_york_makes_a_day_of_23_hours() -> None:
    """`1 day` keeps 09:00, 24 hours reach 10:00 and so the 09:00 of the day after."""
    anchor = at("Sat 2024-03-09 09:00", NEW_YORK)
    assert due(anchor, "1 day", rule(at="09:00"), NEW_YORK) == "Sun 2024-03-10 09:00 -04:00"
    assert due(anchor, "24 hours", rule(), NEW_YORK) == "Sun 2024-03-10 10:00 -04:00"
    assert due(anchor, "24 hours", rule(at="09:00"), NEW_YORK) == "Mon 2024-03-11 09:00 -04:00"


def test_repeated_hour_new_york_takes_the_first() -> None:
    """2→3 November 2024: 01:30 comes twice."""
    anchor = at("Sat 2024-11-02 01:30", NEW_YORK)
    assert due(anchor, "1 day", rule(at="01:30"), NEW_YORK) == "Sun 2024-11-03 01:30 -04:00"
    assert due(anchor, "1 day", rule(), NEW_YORK) == "Sun 2024-11-03 01:30 -04:00"
    assert due(anchor, "1 day", rule(between="01:30-02:00"), NEW_YORK) == "Sun 2024-11-03 01:30 -04:00"


def test_repeated_hour_new_york_makes_a_day_of_25_hours() -> None:
    """24 hours reach 08:00, and the 09:00 of the same day."""
    anchor = at("Sat 2024-11-02 09:00", NEW_YORK)
    assert due(anchor, "24 hours", rule(), NEW_YORK) == "Sun 2024-11-03 08:00 -05:00"
    assert due(anchor, "24 hours", rule(at="09:00"), NEW_YORK) == "Sun 2024-11-03 09:00 -05:00"


def test_repeated_hour_is_sent_in_once_only() -> None:
    """After the first 01:30 the second is no new 01:30: the next one is tomorrow's."""
    second = at("Sun 2024-11-03 01:30", NEW_YORK, fold=1)
    assert shown(first_allowed(rule(at="01:30"), NEW_YORK, second), NEW_YORK) == "Mon 2024-11-04 01:30 -05:00"
    assert due(second, "1 day", rule(), NEW_YORK) == "Mon 2024-11-04 01:30 -05:00"


def test_repeated_hour_belongs_to_a_window_that_spans_it() -> None:
    """The bounds are made instants and all between them is open: three hours of 00:30–02:30, with both 01:15."""
    timing = rule(between="00:30-02:30")
    for fold in (0, 1):
        moment = at("Sun 2024-11-03 01:15", NEW_YORK, fold=fold)
        assert first_allowed(timing, NEW_YORK, moment) == Slot(at=moment)


def test_repeated_hour_after_a_window_has_ended_is_closed() -> None:
    """00:30–01:30 ends at the first 01:30, so the second 01:15 is outside."""
    second = at("Sun 2024-11-03 01:15", NEW_YORK, fold=1)
    slot = first_allowed(rule(between="00:30-01:30"), NEW_YORK, second)
    assert shown(slot, NEW_YORK) == "Mon 2024-11-04 00:30 -05:00"


def test_missing_hour_berlin() -> None:
    """30→31 March 2024."""
    anchor = at("Sat 2024-03-30 02:30", BERLIN)
    assert due(anchor, "1 day", rule(at="02:30"), BERLIN) == "Sun 2024-03-31 03:00 +02:00"
    assert due(anchor, "1 day", rule(at="02:00"), BERLIN) == "Sun 2024-03-31 03:00 +02:00"
    assert due(anchor, "1 day", rule(at="03:00"), BERLIN) == "Sun 2024-03-31 03:00 +02:00"
    assert due(anchor, "1 day", rule(at="01:59"), BERLIN) == "Sun 2024-03-31 01:59 +01:00"


def test_a_window_that_starts_in_a_missing_hour_opens_after_it() -> None:
    """02:30–04:00 opens at 03:00 and still ends at 04:00."""
    timing = rule(between="02:30-04:00")
    assert due(at("Sat 2024-03-30 12:00", BERLIN), "1 day", timing, BERLIN) == "Sun 2024-03-31 03:00 +02:00"
    assert first_allowed(timing, BERLIN, at("Sun 2024-03-31 03:59", BERLIN)).reason == ""
    assert first_allowed(timing, BERLIN, at("Sun 2024-03-31 04:00", BERLIN)).reason == "after the window closes"


def test_a_window_that_ends_in_a_missing_hour_closes_at_its_end() -> None:
    """01:00–02:30 is open until 01:59, and 03:00 is outside."""
    timing = rule(between="01:00-02:30")
    assert first_allowed(timing, BERLIN, at("Sun 2024-03-31 01:59", BERLIN)).reason == ""
    slot = first_allowed(timing, BERLIN, at("Sun 2024-03-31 03:00", BERLIN))
    assert shown(slot, BERLIN) == "Mon 2024-04-01 01:00 +02:00"


def test_a_window_wholly_in_a_missing_hour_is_the_single_instant_after_it() -> None:
    """02:15–02:45 is 03:00 sharp: that instant is allowed, a minute later is tomorrow's."""
    timing = rule(between="02:15-02:45")
    three = at("Sun 2024-03-31 03:00", BERLIN)
    assert due(at("Sat 2024-03-30 12:00", BERLIN), "1 day", timing, BERLIN) == "Sun 2024-03-31 03:00 +02:00"
    assert first_allowed(timing, BERLIN, three).at == three
    assert still_open(timing, BERLIN, three, three)
    later = three + timedelta(minutes=1)
    assert not still_open(timing, BERLIN, three, later)
    assert shown(first_allowed(timing, BERLIN, later), BERLIN) == "Mon 2024-04-01 02:15 +02:00"


def test_a_window_over_midnight_keeps_its_wall_times_on_the_night_of_a_change() -> None:
    """22:00–06:00 is seven hours long in spring and nine in autumn, and 06:00 is outside both times."""
    timing = rule(between="22:00-06:00")
    for morning in ("Sun 2024-03-31", "Sun 2024-10-27"):
        assert first_allowed(timing, BERLIN, at(f"{morning} 05:59", BERLIN)).reason == ""
        assert first_allowed(timing, BERLIN, at(f"{morning} 06:00", BERLIN)).reason == "before the window opens"


def test_missing_half_hour_lord_howe() -> None:
    """6 October 2024: 02:00–02:30 is missing, so 02:15 moves to 02:30."""
    anchor = at("Sat 2024-10-05 02:15", LORD_HOWE)
    assert due(anchor, "1 day", rule(at="02:15"), LORD_HOWE) == "Sun 2024-10-06 02:30 +11:00"
    assert due(anchor, "24 hours", rule(), LORD_HOWE) == "Sun 2024-10-06 02:45 +11:00"


def test_repeated_half_hour_lord_howe() -> None:
    """7 April 2024: 01:30–02:00 comes twice; the first counts, and 24 hours fall half an hour short of a day."""
    anchor = at("Sat 2024-04-06 01:45", LORD_HOWE)
    assert due(anchor, "1 day", rule(at="01:45"), LORD_HOWE) == "Sun 2024-04-07 01:45 +11:00"
    noon = at("Sat 2024-04-06 12:00", LORD_HOWE)
    assert due(noon, "24 hours", rule(), LORD_HOWE) == "Sun 2024-04-07 11:30 +10:30"


def test_quarter_hour_offset_kathmandu() -> None:
    """+05:45: the evening in Greenwich is already tomorrow, and Sunday is an ordinary day there."""
    anchor = datetime.fromisoformat("2024-03-04T18:20:00+00:00")
    assert due(anchor, "1 day", rule(at="09:00"), KATHMANDU) == "Wed 2024-03-06 09:00 +05:45"
    before_midnight = datetime.fromisoformat("2024-03-04T18:14:00+00:00")
    assert due(before_midnight, "1 day", rule(at="09:00"), KATHMANDU) == "Tue 2024-03-05 09:00 +05:45"


def test_half_hour_offset_and_missing_hour_st_johns() -> None:
    """10 March 2024, -03:30 → -02:30."""
    anchor = at("Sat 2024-03-09 02:10", ST_JOHNS)
    assert due(anchor, "1 day", rule(at="02:10"), ST_JOHNS) == "Sun 2024-03-10 03:00 -02:30"
    assert due(anchor, "1 day", rule(at="09:00"), ST_JOHNS) == "Sun 2024-03-10 09:00 -02:30"


def test_repeated_midnight_st_johns_is_never_before_the_anchor() -> None:
    """7 November 2010: the clock went from 00:01 on Sunday back to 23:01 on Saturday, so Sunday 00:00 came twice.

    A mail sent on the second Saturday 23:30 with `1 day` at 00:00 would land on the first Sunday 00:00, half an hour
    before it was sent.
    """
    anchor = at("Sat 2010-11-06 23:30", ST_JOHNS, fold=1)
    slot = resolve(land(anchor, parse_gap("1 day"), rule(at="00:00"), ST_JOHNS), rule(at="00:00"), ST_JOHNS)
    assert slot.at > anchor
    assert shown(slot, ST_JOHNS) == "Mon 2010-11-08 00:00 -03:30"


def test_missing_last_hour_of_saturday_nuuk_moves_to_a_closed_sunday() -> None:
    """30 March 2024: 23:00–24:00 is missing, 23:30 moves to Sunday 00:00 and is allowed, whatever day that is."""
    timing = rule(at="23:30", days="mon-sat")
    anchor = at("Fri 2024-03-29 12:00", NUUK)
    assert due(anchor, "1 day", timing, NUUK) == "Sun 2024-03-31 00:00 -01:00"
    sunday = at("Sun 2024-03-31 00:00", NUUK)
    assert first_allowed(timing, NUUK, sunday).at == sunday
    assert still_open(timing, NUUK, sunday, sunday + timedelta(minutes=5))


def test_missing_last_hour_of_saturday_nuuk_with_the_same_wall_time() -> None:
    """The same for a rule with neither `at` nor `between`, also asked a second time."""
    timing = rule(days="mon-sat")
    anchor = at("Fri 2024-03-29 23:30", NUUK)
    assert due(anchor, "1 day", timing, NUUK) == "Sun 2024-03-31 00:00 -01:00"
    sunday = at("Sun 2024-03-31 00:00", NUUK)
    assert first_allowed(timing, NUUK, sunday).at == sunday
    assert shown(first_allowed(timing, NUUK, sunday + timedelta(minutes=1)), NUUK) == "Mon 2024-04-01 00:01 -01:00"


def test_missing_last_hour_of_a_closed_saturday_nuuk_is_no_way_into_sunday() -> None:
    """With Saturday closed there was nothing to move."""
    sunday = at("Sun 2024-03-31 00:00", NUUK)
    slot = first_allowed(rule(days="mon-fri"), NUUK, sunday)
    assert shown(slot, NUUK) == "Mon 2024-04-01 00:00 -01:00"


def test_missing_last_hour_nuuk_is_held_by_a_full_sunday() -> None:
    """The exception is from weekdays, holidays and windows; a cap counts the date that the learner sees."""
    timing = rule(at="23:30")
    target = land(at("Fri 2024-03-29 12:00", NUUK), parse_gap("1 day"), timing, NUUK)
    slot = resolve(target, timing, NUUK, closed=frozenset({date(2024, 3, 31)}))
    assert shown(slot, NUUK) == "Mon 2024-04-01 23:30 -01:00"
    either = rule(days="mon-sat")
    slot = first_allowed(either, NUUK, at("Sun 2024-03-31 00:00", NUUK), frozenset({date(2024, 3, 31)}))
    assert shown(slot, NUUK) == "Mon 2024-04-01 00:00 -01:00"


def test_repeated_last_hour_of_saturday_nuuk() -> None:
    """26 October 2024: 23:00–24:00 comes twice; the first counts, the window until 24:00 is two hours long."""
    anchor = at("Fri 2024-10-25 23:30", NUUK)
    assert due(anchor, "1 day", rule(at="23:30"), NUUK) == "Sat 2024-10-26 23:30 -01:00"
    second = at("Sat 2024-10-26 23:30", NUUK, fold=1)
    assert first_allowed(rule(between="23:00-24:00"), NUUK, second).at == second


def test_missing_first_hour_of_friday_cairo() -> None:
    """26 April 2024: midnight is missing; Thursday's window until 24:00 ends there and Friday begins at 01:00."""
    timing = rule(between="18:00-24:00")
    one = at("Fri 2024-04-26 01:00", CAIRO)
    assert first_allowed(timing, CAIRO, one - timedelta(minutes=1)).reason == ""
    assert shown(first_allowed(timing, CAIRO, one), CAIRO) == "Fri 2024-04-26 18:00 +03:00"
    assert due(at("Thu 2024-04-25 12:00", CAIRO), "1 day", rule(at="00:00"), CAIRO) == "Fri 2024-04-26 01:00 +03:00"


def test_skipped_date_apia_moves_to_the_first_instant_after_it() -> None:
    """Friday 30 December 2011 never was: its 09:00 is Saturday 00:00, allowed also where Saturdays are closed."""
    anchor = at("Thu 2011-12-29 12:00", APIA)
    for timing in (rule(at="09:00", days="mon-fri"), rule(between="08:00-10:00", days="mon-fri"), rule(days="mon-fri")):
        assert due(anchor, "1 day", timing, APIA) == "Sat 2011-12-31 00:00 +14:00"
        saturday = at("Sat 2011-12-31 00:00", APIA)
        assert first_allowed(timing, APIA, saturday).at == saturday


def test_skipped_date_apia_counts_as_a_date_and_takes_no_time() -> None:
    """`2 days` from Thursday are Saturday 09:00; 24 hours from Thursday noon are Saturday noon."""
    anchor = at("Thu 2011-12-29 12:00", APIA)
    assert due(anchor, "2 days", rule(at="09:00"), APIA) == "Sat 2011-12-31 09:00 +14:00"
    assert due(anchor, "24 hours", rule(), APIA) == "Sat 2011-12-31 12:00 +14:00"


def test_skipped_date_apia_that_is_closed_is_passed_over() -> None:
    """No mail on Fridays: nothing is there to move, and Monday is next."""
    timing = rule(at="09:00", days="mon-thu")
    assert due(at("Thu 2011-12-29 12:00", APIA), "1 day", timing, APIA) == "Mon 2012-01-02 09:00 +14:00"


def test_skipped_date_apia_closes_a_window_over_midnight() -> None:
    """Thursday's 22:00–06:00 ends where Friday would have begun; Friday's own opens at Saturday 00:00."""
    timing = rule(between="22:00-06:00", days="thu")
    last = at("Thu 2011-12-29 23:59", APIA)
    assert first_allowed(timing, APIA, last).at == last
    slot = first_allowed(timing, APIA, at("Sat 2011-12-31 00:00", APIA))
    assert shown(slot, APIA) == "Thu 2012-01-05 22:00 +14:00"
    friday = rule(between="22:00-06:00", days="fri")
    early = at("Sat 2011-12-31 05:59", APIA)
    assert first_allowed(friday, APIA, early).at == early


def test_a_wait_ends_at_the_same_wall_time_across_a_change() -> None:
    """Days are 23 or 25 hours long then; a missing end moves forward, a repeated one is the first; hours elapse."""
    spring, autumn = at("Sat 2024-03-09 02:30", NEW_YORK), at("Sat 2024-11-02 01:30", NEW_YORK)
    assert add(spring, parse_gap("1 day"), NEW_YORK) == at("Sun 2024-03-10 03:00", NEW_YORK)
    assert add(spring, parse_gap("24 hours"), NEW_YORK) == at("Sun 2024-03-10 03:30", NEW_YORK)
    assert add(autumn, parse_gap("1 day"), NEW_YORK) == at("Sun 2024-11-03 01:30", NEW_YORK)
    assert add(autumn, parse_gap("2 days"), NEW_YORK) == at("Mon 2024-11-04 01:30", NEW_YORK)


def test_a_wall_time_within_a_second_of_the_change_is_exact() -> None:
    """The last microsecond before the gap exists, the first and the last in it do not."""
    three = at("Sun 2024-03-31 03:00", BERLIN)
    assert to_instant(datetime.fromisoformat("2024-03-31T01:59:59.999999"), BERLIN) == three - datetime.resolution
    assert to_instant(datetime.fromisoformat("2024-03-31T02:00:00"), BERLIN) == three
    assert to_instant(datetime.fromisoformat("2024-03-31T02:00:00.000001"), BERLIN) == three
    assert to_instant(datetime.fromisoformat("2024-03-31T02:59:59.999999"), BERLIN) == three
    assert to_instant(datetime.fromisoformat("2024-03-31T03:00:00.000001"), BERLIN) == three + datetime.resolution


@pytest.mark.parametrize("change", ["Sun 2024-03-31", "Sun 2024-10-27"])
def test_a_kept_target_follows_the_learner_through_a_change(change: str) -> None:
    """The civil date and time are kept; only the instant differs from zone to zone."""
    before = datetime.fromisoformat(f"{change[4:]}T00:00:00+00:00") - timedelta(days=2)
    target = land(before, parse_gap("2 days"), rule(at="09:00"), BERLIN)
    for zone in (BERLIN, NEW_YORK, LORD_HOWE, KATHMANDU):
        moved = resolve(Target.from_text(target.to_text()), rule(at="09:00"), zone)
        assert shown(moved, zone).startswith(f"{change} 09:00")
