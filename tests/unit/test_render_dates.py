"""Dates, times and numbers are written as a learner's language and region write them."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from render_samples import learner_with, message, plan_of, tip

from drip.render.dates import day_in_words, locale_of, number_in_words, printed, time_in_words

DAY = date(2026, 11, 24)


@pytest.mark.parametrize(
    ("language", "own", "day", "dated", "time"),
    [
        ("en", None, "Tuesday 24 November", "Tuesday, 24 November 2026", "15:05"),
        ("en", "en-US", "Tuesday, November 24", "Tuesday, November 24, 2026", "3:05\u202fPM"),
        ("en", "sv", "Tuesday 24 November", "Tuesday, 24 November 2026", "15:05"),
        ("sv", None, "tisdag 24 november", "tisdag 24 november 2026", "15:05"),
        ("sv", "sv-FI", "tisdag 24 november", "tisdag 24 november 2026", "15:05"),
        ("de", None, "Dienstag, 24. November", "Dienstag, 24. November 2026", "15:05"),
        ("fi", None, "tiistai 24. marraskuuta", "tiistai 24. marraskuuta 2026", "15.05"),
        ("ja", None, "11月24日火曜日", "2026年11月24日火曜日", "15:05"),
        ("ar", None, "الثلاثاء، 24 نوفمبر", "الثلاثاء، 24 نوفمبر 2026", "3:05\u202fم"),
    ],
)
def test_a_day_and_a_time_in_words(language: str, own: str | None, day: str, dated: str, time: str) -> None:
    """In full words and in the language's own order; the region is the learner's where they share the language."""
    locale = locale_of(language, own)
    assert day_in_words(DAY, locale, with_year=False) == day
    assert day_in_words(DAY, locale, with_year=True) == dated
    said = time_in_words(datetime(2026, 11, 24, 15, 5), locale)
    assert said.replace("\u202f", " ").replace("\xa0", " ") == time.replace("\u202f", " ")


@given(st.text(max_size=12), st.none() | st.text(max_size=12))
def test_any_tag_has_a_way_to_write_dates(language: str, own: str | None) -> None:
    """Whatever somebody called their language, a date comes out and nothing is raised."""
    assert "2026" in str(printed(DAY, locale_of("en", own)))
    assert printed(DAY, locale_of(language, own))


def test_a_learners_date_is_written_out_in_a_text() -> None:
    """`{{ learner.renews }}` reads as a date in the mail's language, and stays machine-readable in a link."""
    mail = tip(
        "On {{ learner.renews }}: [x](https://a.example/?d={{ learner.renews }})", subject="{{ learner.renews }}"
    )
    learner = learner_with(renews=DAY)
    english = message(mail, learner, delivery_id=0)
    assert english.subject == "24 November 2026"
    assert "On 24 November 2026: x (https://a.example/?d=2026-11-24)" in english.text
    assert "On 24 november 2026" in message(mail, learner, plan=plan_of(mail, language="sv")).text
    american = learner_with(renews=DAY, language="en-US")
    assert message(mail, american).subject == "November 24, 2026"


def test_other_values_are_left_alone() -> None:
    """Numbers and texts come out as they are; an instant gets its time of day."""
    locale = locale_of("sv")
    assert [printed(value, locale) for value in ("x", 5, True, None)] == ["x", 5, True, None]
    assert printed(datetime(2026, 11, 24, 9, tzinfo=UTC), locale) == "24 november 2026 09:00"
    assert number_in_words(1.5, locale) == "1,5"
