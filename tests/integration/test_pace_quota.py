"""A quota of all mail, in hours or days, over courses that have an hour of the day: nobody loses a day to it."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest
from stage import Stage, set_up

from drip.schedule.pace import Pace, Rate

pytestmark = pytest.mark.usefixtures("each_database")

DAY = timedelta(days=1)
AT_NINE = """\
title: One tip
sender: {{name: Acme Academy, email: learn@acme.example}}
timing: {{every: 1 day, at: "09:00", timezone: Europe/Stockholm{more}}}
steps:
  - {{tip: first, subject: The first tip, body: Press *Save*.}}
"""


def stage_with(folder: Path, pace: Pace, more: str = "") -> Stage:
    stage = set_up(folder, pace=pace)
    stage.publish(AT_NINE.format(more=more))
    stage.people(12)
    return stage


def days(stage: Stage) -> Counter[int]:
    """day of the month → how many mails went."""
    return Counter(row.sent_at.day for row in stage.rows() if row.sent_at is not None)


def test_what_a_quota_held_up_goes_on_the_next_day(tmp_path: Path) -> None:
    """Two a day for twelve people: six days, though there is room only after nine."""
    stage = stage_with(tmp_path, Pace(rate=(Rate(most=2, span=DAY),)))
    stage.live(days=8)
    assert days(stage) == {2: 2, 3: 2, 4: 2, 5: 2, 6: 2, 7: 2}


def test_a_quota_keeps_to_the_courses_days(tmp_path: Path) -> None:
    """What it held up on Friday goes on Monday where the weekend is closed."""
    stage = stage_with(tmp_path, Pace(rate=(Rate(most=2, span=DAY),)), ", days: mon-fri")
    stage.live(days=10)
    assert days(stage) == {2: 2, 3: 2, 4: 2, 5: 2, 6: 2, 9: 2}


def test_a_quota_makes_nothing_stale(tmp_path: Path) -> None:
    """The time for which it holds a tip up does not count."""
    stage = stage_with(tmp_path, Pace(rate=(Rate(most=2, span=DAY),)), ", stale_after: 12 hours")
    stage.live(days=8)
    assert days(stage).total() == 12


def test_without_a_quota_what_is_late_waits_for_its_hour(tmp_path: Path) -> None:
    """A worker that was down overnight: the hour of the day still holds (DESIGN: Time, exactly)."""
    stage = stage_with(tmp_path, Pace(rate=(Rate(most=600, span=timedelta(minutes=1)),)))
    stage.clock.turn(days=1, hours=8)
    stage.deliver()
    assert days(stage).total() == 0
    stage.live(days=1)
    assert days(stage) == {4: 12}
