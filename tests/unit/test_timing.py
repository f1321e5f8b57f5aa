"""The words of time in a course file become values, and a slip is named with what to write instead."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drip.course.timing import (
    ALL_DAYS,
    Gap,
    Limit,
    Unit,
    Window,
    clock_text,
    days_text,
    gap_text,
    limit_text,
    parse_clock,
    parse_days,
    parse_gap,
    parse_holidays,
    parse_limit,
    parse_window,
    parse_zone,
    window_text,
)

PARSERS: list[Callable[[object], object]] = [
    parse_gap,
    parse_clock,
    parse_window,
    parse_days,
    parse_limit,
    parse_holidays,
    parse_zone,
]


@pytest.mark.parametrize(
    ("text", "count", "unit"),
    [
        ("3 days", 3, Unit.DAYS),
        ("1 day", 1, Unit.DAYS),
        ("0 days", 0, Unit.DAYS),
        ("24 hours", 24, Unit.HOURS),
        ("2 weeks", 2, Unit.WEEKS),
        ("90 minutes", 90, Unit.MINUTES),
        ("3 business days", 3, Unit.BUSINESS_DAYS),
        ("  1 Business  Day ", 1, Unit.BUSINESS_DAYS),
        ("3660 days", 3660, Unit.DAYS),
    ],
)
def test_a_gap_is_a_whole_number_and_a_unit(text: str, count: int, unit: Unit) -> None:
    """Singular and plural, and any spacing, say the same gap."""
    assert parse_gap(text) == Gap(count=count, unit=unit)


@pytest.mark.parametrize(
    "text",
    ["", "3", "days", "-1 days", "1.5 days", "2 months", "1 d", "３ days", "3 days 4", "9" * 5000 + " days", 3, None],
)
def test_what_is_no_gap_is_refused_with_an_example(text: object) -> None:
    """Signs, fractions, unknown units and bare numbers are refused."""
    with pytest.raises(ValueError, match='such as "3 days"'):
        parse_gap(text)


@pytest.mark.parametrize("text", ["3661 days", "600 weeks", "999999999 minutes", "3661 business days"])
def test_a_gap_of_more_than_ten_years_is_refused(text: str) -> None:
    """A slip of the keyboard does not become a mail in the year 4000."""
    with pytest.raises(ValueError, match="longer than ten years"):
        parse_gap(text)


def test_a_clock_time_becomes_minutes_from_midnight() -> None:
    """The day runs from 00:00 to 23:59; the hour may have one digit."""
    assert [parse_clock(text) for text in ("00:00", "9:00", "09:00", "23:59")] == [0, 540, 540, 1439]


@pytest.mark.parametrize("text", ["24:00", "9am", "09.00", "09:60", "9", "09:00:00", "-1:00", "٠٩:٠٠", 540, None, ""])
def test_what_is_no_clock_time_is_refused(text: object) -> None:
    """Also 24:00, which only a window's end may be, and a number that YAML made of it."""
    with pytest.raises(ValueError, match='"00:00" to "23:59"'):
        parse_clock(text)


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("08:00-10:00", 480, 600),
        ("8:00 – 10:00", 480, 600),
        ("22:00-06:00", 1320, 360),
        ("18:00-24:00", 1080, 1440),
        ("00:00-24:00", 0, 1440),
        ("22:00-00:00", 1320, 0),
    ],
)
def test_a_window_has_a_start_and_an_end(text: str, start: int, end: int) -> None:
    """It may cross midnight, and end at 24:00."""
    assert parse_window(text) == Window(start=start, end=end)


@pytest.mark.parametrize("text", ["24:00-06:00", "8-10", "08:00", "08:00-", "-", "", "08:00-25:00", "1-2-3", 480, None])
def test_what_is_no_window_is_refused(text: object) -> None:
    """24:00 is an end, never a start."""
    with pytest.raises(ValueError, match="is not a window"):
        parse_window(text)


def test_a_window_that_starts_when_it_ends_is_refused() -> None:
    """It could mean the whole day or nothing, so the message asks."""
    with pytest.raises(ValueError, match=r'write "00:00-24:00" for the whole day'):
        parse_window("09:00-09:00")


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("mon-fri", {0, 1, 2, 3, 4}),
        ("sat-mon", {5, 6, 0}),
        ("fri", {4}),
        ("mon-mon", {0}),
        ("tue, Thursday", {1, 3}),
        ("mon–wed", {0, 1, 2}),
        ("daily", set(range(7))),
        (["tue", "thu"], {1, 3}),
        (["mon-wed", "fri"], {0, 1, 2, 4}),
        (["sun", "sun"], {6}),
    ],
)
def test_days_are_names_ranges_or_lists_of_them(text: object, days: set[int]) -> None:
    """A range may wrap over Sunday; Monday is 0."""
    assert parse_days(text) == days


@pytest.mark.parametrize("text", ["", "måndag", "tues", "mon-", "-mon", "mon-fri-sun", [1], ["mon", None], None, 5, []])
def test_what_is_no_day_is_refused(text: object) -> None:
    """The message lists the words that are."""
    with pytest.raises(ValueError, match="mon-fri"):
        parse_days(text)


def test_a_limit_counts_mails_per_day_or_week() -> None:
    """Nothing else is counted."""
    assert parse_limit("1 per day") == Limit(count=1, per="day")
    assert parse_limit("3  per Week") == Limit(count=3, per="week")


@pytest.mark.parametrize("text", ["1", "1/day", "1 per month", "-1 per day", "one per day", "", 1, None])
def test_what_is_no_limit_is_refused(text: object) -> None:
    """The message shows the two forms."""
    with pytest.raises(ValueError, match=r'write "1 per day" or "3 per week"'):
        parse_limit(text)


def test_a_limit_of_nothing_is_refused() -> None:
    """A course that may never send is a mistake."""
    with pytest.raises(ValueError, match="never let a mail through"):
        parse_limit("0 per day")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("SE", "SE"),
        (" se ", "SE"),
        ("DE-BY", "DE-BY"),
        ("de-by", "DE-BY"),
        ("US-NY", "US-NY"),
        ("FR-zone a", "FR-Zone A"),
    ],
)
def test_holidays_are_a_country_or_a_part_of_one(text: str, code: str) -> None:
    """In the spelling of ISO 3166, whatever was typed."""
    assert parse_holidays(text) == code


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("Sweden", 'did you mean "SE"'),
        ("SWE", 'did you mean "SE"'),
        ("UK", 'did you mean "GB"'),
        ("germny", 'did you mean "DE"'),
        ("XX", 'such as "SE" or "DE-BY"'),
        ("", 'such as "SE" or "DE-BY"'),
        (None, 'such as "SE" or "DE-BY"'),
        ("SE-AB", 'it has none; write "SE" alone'),
        ("DE-XX", 'BW, BY, .* or "DE" alone'),
        ("DE-", 'or "DE" alone'),
    ],
)
def test_an_unknown_country_or_part_is_refused_with_a_hint(text: object, hint: str) -> None:
    """`SE` has no parts, so its message says to leave the part out."""
    with pytest.raises(ValueError, match=hint):
        parse_holidays(text)


@pytest.mark.parametrize("name", ["Europe/Stockholm", "UTC", "America/Nuuk", "Etc/GMT+5", "Asia/Kathmandu"])
def test_a_zone_is_an_iana_name(name: str) -> None:
    """It is returned as written."""
    assert parse_zone(name) == name


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("Europe/Stokholm", "Europe/Stockholm"),
        ("europe/stockholm", "Europe/Stockholm"),
        ("Stockholm", "Europe/Stockholm"),
        ("New York", "America/New_York"),
        ("utc", "UTC"),
        ("Europe/Stockholm\0", "Europe/Stockholm"),
    ],
)
def test_a_misspelt_zone_is_refused_with_the_nearest_name(text: str, hint: str) -> None:
    """Case counts, since it does on other machines; a city alone is understood in the hint."""
    with pytest.raises(ValueError, match=f'did you mean "{hint}"'):
        parse_zone(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "../UTC",
        "/etc/passwd",
        "/usr/share/zoneinfo/UTC",
        "Europe",
        "Europe/",
        "localtime",
        "posix/UTC",
        "+01:00",
        None,
        1,
    ],
)
def test_what_is_no_zone_is_refused(text: object) -> None:
    """Paths, folders, offsets and the machine's own zone are no zones."""
    with pytest.raises(ValueError, match="is not a time zone"):
        parse_zone(text)


def test_the_hint_never_offers_a_zone_whose_sign_is_reversed() -> None:
    """IANA's `Etc/GMT+2` is two hours *behind* Greenwich, which nobody means."""
    with pytest.raises(ValueError) as refused:
        parse_zone("GMT+2")
    assert "Etc/" not in str(refused.value)


@pytest.mark.parametrize("parse", PARSERS)
@given(text=st.one_of(st.text(max_size=60), st.integers(), st.none(), st.lists(st.text(max_size=5), max_size=3)))
@settings(deadline=None)
def test_any_text_is_read_or_refused_in_one_short_line(parse: Callable[[object], object], text: object) -> None:
    """No text makes a parser fail in another way, and no message carries control characters or a flood."""
    message = ""
    try:
        parse(text)
    except ValueError as refused:
        message = str(refused)
    assert message.isprintable()
    assert len(message) < 250


@given(count=st.integers(0, 500), unit=st.sampled_from(Unit))
@settings(deadline=None)
def test_a_gap_survives_being_written(count: int, unit: Unit) -> None:
    """`1 day` has no plural, `0 days` has."""
    assert parse_gap(gap_text(Gap(count=count, unit=unit))) == Gap(count=count, unit=unit)


@given(start=st.integers(0, 1439), end=st.integers(0, 1440))
@settings(deadline=None)
def test_a_window_and_its_clock_times_survive_being_written(start: int, end: int) -> None:
    """Every minute of the day, and 24:00 at the end."""
    assert parse_clock(clock_text(start)) == start
    if start != end:
        assert parse_window(window_text(Window(start=start, end=end))) == Window(start=start, end=end)


@given(
    days=st.frozensets(st.integers(0, 6), min_size=1), count=st.integers(1, 99), per=st.sampled_from(["day", "week"])
)
def test_days_and_limits_survive_being_written(days: frozenset[int], count: int, per: str) -> None:
    """Every set of days, every limit."""
    assert parse_days(days_text(days)) == days
    assert parse_limit(limit_text(Limit(count=count, per=per))) == Limit(count=count, per=per)


def test_all_days_are_written_as_daily() -> None:
    """A list of seven names says less."""
    assert days_text(ALL_DAYS) == "daily"
