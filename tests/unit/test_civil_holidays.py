"""Holidays are closed days, and business days pass over them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from drip.course.timing import Rule, parse_days, parse_gap, parse_window
from drip.schedule.civil import add, first_allowed, holiday_name, land, resolve, still_open

STOCKHOLM = ZoneInfo("Europe/Stockholm")
WEEKDAYS = Rule(at=540, days=parse_days("mon-fri"), holidays="SE")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=STOCKHOLM).astimezone(UTC)


def due(anchor: str, gap: str, timing: Rule) -> tuple[str, str]:
    slot = resolve(land(at(anchor), parse_gap(gap), timing, STOCKHOLM), timing, STOCKHOLM)
    return slot.at.astimezone(STOCKHOLM).strftime("%Y-%m-%d %H:%M"), slot.reason


@pytest.mark.parametrize(
    ("code", "day", "name"),
    [
        ("SE", date(2024, 6, 21), "Midsommarafton"),
        ("SE", date(2024, 6, 22), "Midsommardagen"),
        ("SE", date(2024, 12, 24), "Julafton"),
        ("SE", date(2024, 12, 31), "Nyårsafton"),
        ("SE", date(2024, 6, 20), None),
        ("SE", date(2024, 6, 23), None),
        ("DE", date(2024, 1, 6), None),
        ("DE-BY", date(2024, 1, 6), "Heilige Drei Könige"),
        ("US", date(2021, 12, 31), "New Year's Day (observed)"),
        ("US", date(2022, 6, 20), "Juneteenth National Independence Day (observed)"),
        ("GB", date(2021, 12, 28), "Boxing Day (observed)"),
    ],
)
def test_holidays_include_eves_parts_of_a_country_and_observed_days(code: str, day: date, name: str | None) -> None:
    """Named in the country's own language, also where the holiday is observed in the year before."""
    assert holiday_name(code, day) == name


def test_names_do_not_follow_the_machines_language(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same reason on every machine: a year not asked for before, under another language."""
    monkeypatch.setenv("LANGUAGE", "en_US")
    assert holiday_name("SE", date(2031, 12, 24)) == "Julafton"


def test_midsummer_moves_a_friday_mail_to_monday() -> None:
    """Friday 21 June 2024 is Midsommarafton, then comes the weekend."""
    expected = ("2024-06-24 09:00", "holiday: Midsommarafton; Saturday and Sunday are not sending days")
    assert due("2024-06-20 12:00", "1 day", WEEKDAYS) == expected


def test_christmas_is_passed_over_day_by_day() -> None:
    """24, 25 and 26 December 2024 are closed; Friday the 27th is not."""
    expected = ("2024-12-27 09:00", "holiday: Julafton, Juldagen, Annandag jul")
    assert due("2024-12-23 12:00", "1 day", WEEKDAYS) == expected


def test_a_holiday_keeps_the_wall_time_of_a_rule_with_neither() -> None:
    """Also for elapsed hours that reach it."""
    timing = Rule(holidays="SE")
    assert due("2024-06-05 12:34", "24 hours", timing) == ("2024-06-07 12:34", "holiday: Nationaldagen")
    assert due("2024-06-05 12:34", "1 day", timing) == ("2024-06-07 12:34", "holiday: Nationaldagen")


def test_business_days_pass_over_a_weekend_and_a_holiday() -> None:
    """From Wednesday 19 June 2024: Thursday is 1, Midsommarafton and the weekend none, Monday 2, Tuesday 3."""
    assert due("2024-06-19 12:00", "1 business day", WEEKDAYS) == ("2024-06-20 09:00", "")
    assert due("2024-06-19 12:00", "2 business days", WEEKDAYS) == ("2024-06-24 09:00", "")
    assert due("2024-06-19 12:00", "3 business days", WEEKDAYS) == ("2024-06-25 09:00", "")


def test_business_days_without_holidays_pass_over_the_weekend_only() -> None:
    """A course that skips no holidays mails on Midsommarafton."""
    assert due("2024-06-19 12:00", "2 business days", Rule(at=540)) == ("2024-06-21 09:00", "")


def test_a_wait_of_business_days_knows_the_courses_holidays_if_told() -> None:
    """From Thursday 20 June 2024: Friday, or Monday where Midsommarafton is a holiday."""
    anchor = at("2024-06-20 12:00")
    assert add(anchor, parse_gap("1 business day"), STOCKHOLM) == at("2024-06-21 12:00")
    assert add(anchor, parse_gap("1 business day"), STOCKHOLM, country="SE") == at("2024-06-24 12:00")


def test_a_holiday_closes_the_window_that_opens_on_it_to_its_end() -> None:
    """The night after Julafton belongs to it; the night before it is the 23rd's and open."""
    night = Rule(between=parse_window("22:00-06:00"), holidays="SE")
    early = at("2024-12-24 01:00")
    assert first_allowed(night, STOCKHOLM, early).at == early
    slot = first_allowed(night, STOCKHOLM, at("2024-12-25 01:00"))
    assert slot.at == at("2024-12-27 22:00")
    assert slot.reason == "holiday: Julafton, Juldagen, Annandag jul"


def test_a_day_that_has_become_a_holiday_is_not_open_for_a_late_mail() -> None:
    """The rule was changed to skip holidays after the mail was due."""
    due_at, now = at("2024-12-24 09:00"), at("2024-12-24 10:00")
    assert still_open(Rule(at=540), STOCKHOLM, due_at, now)
    assert not still_open(Rule(at=540, holidays="SE"), STOCKHOLM, due_at, now)
