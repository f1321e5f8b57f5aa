"""A warm-up's days: civil days of the workspace, a step further only where the last one was used."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drip.schedule.warm_up import Warmth, left, next_day, on, sent

STOCKHOLM = ZoneInfo("Europe/Stockholm")
STEPS = (200, 500, 1000)
MONDAY = datetime(2026, 11, 23, 9, tzinfo=UTC)


def test_half_of_a_day_s_number_is_enough() -> None:
    """After 100 of 200 the next day has 500; after 99 it has 200 once more."""
    day = sent(on(Warmth(), STEPS, MONDAY, UTC_ZONE), 99)
    tomorrow = MONDAY + timedelta(days=1)
    assert left(on(day, STEPS, tomorrow, UTC_ZONE), STEPS) == 200
    assert left(on(sent(day, 1), STEPS, tomorrow, UTC_ZONE), STEPS) == 500


UTC_ZONE = ZoneInfo("UTC")


def test_days_without_mails_change_nothing() -> None:
    """Friday's 200 lead to Monday's 500, and a summer without mails is no step back."""
    friday = sent(on(Warmth(), STEPS, MONDAY - timedelta(days=3), STOCKHOLM), 200)
    assert left(on(friday, STEPS, MONDAY, STOCKHOLM), STEPS) == 500
    assert left(on(friday, STEPS, MONDAY + timedelta(days=90), STOCKHOLM), STEPS) == 500


def test_after_the_last_step_there_is_no_limit() -> None:
    """…for ever."""
    warmth = Warmth(date(2026, 11, 23), 2, 700)
    over = on(warmth, STEPS, MONDAY + timedelta(days=1), UTC_ZONE)
    assert left(over, STEPS) is None
    assert left(on(sent(over, 3), STEPS, MONDAY + timedelta(days=9), UTC_ZONE), STEPS) is None


@pytest.mark.parametrize(("zone", "at"), [("Africa/Cairo", "2026-04-24"), ("America/Nuuk", "2026-03-29")])
def test_a_day_may_begin_in_the_spring_gap(zone: str, at: str) -> None:
    """Where midnight does not exist, the next day begins at the first instant that does."""
    there = ZoneInfo(zone)
    before = datetime.fromisoformat(f"{at}T00:00+00:00") - timedelta(hours=6)
    begins = next_day(Warmth(before.astimezone(there).date()), before, there)
    assert begins.astimezone(there).date() > before.astimezone(there).date()
    assert (begins - timedelta(minutes=1)).astimezone(there).date() == before.astimezone(there).date()


def test_a_clock_set_back() -> None:
    """Over midnight: the day that was reached goes on. By more: the count comes along to the day that it shows."""
    warmth = sent(on(Warmth(), STEPS, MONDAY, UTC_ZONE), 150)
    assert on(warmth, STEPS, MONDAY - timedelta(days=1), UTC_ZONE) == warmth
    back = on(warmth, STEPS, MONDAY - timedelta(days=300), UTC_ZONE)
    assert (back.sent, left(back, STEPS)) == (150, 50)
    assert left(on(back, STEPS, MONDAY - timedelta(days=299), UTC_ZONE), STEPS) == 500


@given(st.lists(st.tuples(st.integers(0, 3 * 24), st.integers(0, 700)), max_size=60))
def test_no_day_has_more_than_its_number(pattern: list[tuple[int, int]]) -> None:
    """However mails come, no civil day gets more than the step it is at, and steps go up one by one."""
    warmth, at, by_day, steps = Warmth(), MONDAY, dict[date, int](), [0]
    for hours, wanted in pattern:
        at += timedelta(hours=hours)
        now = on(warmth, STEPS, at, STOCKHOLM)
        room = left(now, STEPS)
        if room is None:
            break
        number = min(wanted, room)
        if number:
            warmth = sent(now, number)
            day = at.astimezone(STOCKHOLM).date()
            by_day[day] = by_day.get(day, 0) + number
            assert by_day[day] <= STEPS[warmth.step]
            assert warmth.step - steps[-1] in (0, 1)
            steps.append(warmth.step)
