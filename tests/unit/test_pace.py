"""How fast mail may go: in no window more than the limit says, whoever asks, whenever, and whatever the clock does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drip.schedule.pace import (
    Rate,
    Window,
    counts_of,
    given_back,
    next_at,
    places,
    room,
    set_right,
    taken,
    used,
    waits_for,
    windows_of,
    words_of,
)

START = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
SPANS = [timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)]


def windows(*rates: Rate) -> tuple[Window, ...]:
    return tuple(Window(rate) for rate in rates)


def most_in_any(times: list[datetime], span: timedelta) -> int:
    """The most of these (in order) that lie in one half-open window of that span."""
    most = first = 0
    for last, at in enumerate(times):
        while at - times[first] >= span:
            first += 1
        most = max(most, last - first + 1)
    return most


rates = st.builds(Rate, most=st.integers(1, 60), span=st.sampled_from(SPANS))
#: Parts of a span that go by before somebody asks for so many.
patterns = st.lists(st.tuples(st.floats(0, 1.5), st.integers(0, 80)), max_size=60)


@given(limits=st.lists(rates, min_size=1, max_size=3, unique_by=lambda rate: rate.span), pattern=patterns)
def test_in_no_window_more_than_the_limit(limits: list[Rate], pattern: list[tuple[float, int]]) -> None:
    """Whatever the pattern in which mails come, and however many limits there are, none is ever exceeded."""
    counters, at, gone = windows(*limits), START, []
    shortest = min(rate.span for rate in limits)
    for part, wanted in pattern:
        at += part * shortest
        number = min(wanted, room(counters, at) or 0)
        counters = taken(counters, at, number)
        gone += [at] * number
    for rate in limits:
        assert most_in_any(gone, rate.span) <= rate.most


@given(
    rate=rates,
    pattern=patterns,
    late=st.lists(st.floats(0, 0.3), min_size=3, max_size=3),
    back=st.data(),
)
def test_workers_whose_clocks_differ_keep_the_limit(
    rate: Rate, pattern: list[tuple[float, int]], late: list[float], back: st.DataObject
) -> None:
    """Several workers take in turns, each by a clock of its own that lags by up to a third of the span."""
    counters, real, gone = windows(rate), START, []
    for part, wanted in pattern:
        real += part * rate.span
        theirs = real - back.draw(st.sampled_from(late)) * rate.span
        number = min(wanted, room(counters, theirs) or 0)
        counters = taken(counters, theirs, number)
        gone += [theirs] * number
    gone.sort()
    # a window of the span lies in at most so many buckets of all clocks; what one forgot, another counted
    assert most_in_any(gone, rate.span * 0.6) <= rate.most


@given(rate=rates, pattern=patterns)
def test_the_next_instant_is_the_first_with_room(rate: Rate, pattern: list[tuple[float, int]]) -> None:
    """At `next_at` one may go, and a moment before it none may."""
    counters, at = windows(rate), START
    for part, wanted in pattern:
        at += part * rate.span
        counters = taken(counters, at, min(wanted, room(counters, at) or 0))
        then = next_at(counters, at)
        assert room(counters, then)
        if then > at:
            assert room(counters, then - timedelta(microseconds=1)) == 0
        assert then - at <= rate.span * 1.1 + timedelta(hours=1)


@pytest.mark.parametrize("most", [1, 7, 20, 600])
def test_a_second_is_smooth(most: int) -> None:
    """No tenth of a second lets more than a tenth of the number through, rounded up."""
    counters, at, gone = windows(Rate(most=most, span=timedelta(seconds=1))), START, []
    for _ in range(300):
        number = room(counters, at) or 0
        counters = taken(counters, at, number)
        gone += [at] * number
        at += timedelta(milliseconds=20)
    assert most_in_any(gone, timedelta(milliseconds=100)) <= -(-most // 10) * 2
    assert len(gone) >= most * 5  # in six seconds: ten elevenths of what the limit says


def test_an_hour_is_a_quota() -> None:
    """A limit an hour is used as mails fall due; then the next goes when the first is an hour, and a bucket, old."""
    counters = taken(windows(Rate(most=5000, span=timedelta(hours=1))), START, 5000)
    assert room(counters, START) == 0
    assert next_at(counters, START) == START + timedelta(minutes=66)


def test_what_did_not_go_is_given_back() -> None:
    """It comes off the bucket in which it was taken, and never off what others took before."""
    rate = Rate(most=10, span=timedelta(minutes=1))
    counters = taken(windows(rate), START, 1)
    later = START + timedelta(seconds=6)
    counters = given_back(taken(counters, later, 1), later, 5)
    assert used(counters, later) == [1]
    assert room(counters, later) == 1
    assert room(counters, START) == 0


def test_a_clock_set_back_a_little_stands_still_until_it_has_caught_up() -> None:
    """Nothing is forgotten, and nothing waits for longer than the step."""
    rate = Rate(most=10, span=timedelta(seconds=1))
    counters = taken(windows(rate), START, 1)
    back = START - timedelta(seconds=0.5)
    assert room(counters, back) == 0
    assert next_at(counters, back) == START + timedelta(seconds=0.1)


@pytest.mark.parametrize("span", SPANS)
def test_a_clock_set_back_far_stops_nothing_for_longer_than_a_span(span: timedelta) -> None:
    """The counts come along, as if all of them were new: the limit holds, and a span later all is well."""
    rate = Rate(most=10, span=span)
    counters, at, gone = windows(rate), START, []
    while not gone or at < START + span:
        number = room(counters, at) or 0
        counters, gone, at = taken(counters, at, number), gone + [at] * number, at + span / 20
    back = START - timedelta(days=400)
    assert room(counters, back) == 0
    counters = set_right(counters, back)
    then = next_at(counters, back)
    assert then <= back + span * 1.1
    assert room(counters, then)
    counters = taken(counters, then)
    assert used(counters, then)[0] <= 10
    assert set_right(counters, then) == counters


def test_a_clock_set_forward_forgets_once() -> None:
    """After a step forward as many may go once more; after the step back to the truth the limit holds again."""
    rate = Rate(most=10, span=timedelta(hours=1))
    counters = taken(windows(rate), START, 10)
    ahead = START + timedelta(days=3)
    assert room(counters, ahead) == 10
    counters = taken(counters, ahead, 10)
    assert room(counters, START + timedelta(minutes=1)) == 0


@given(rate=rates, number=st.integers(0, 300), before=st.integers(0, 60))
def test_places_in_a_queue_keep_the_limit(rate: Rate, number: int, before: int) -> None:
    """Whoever queues gets places at which they may really go: in order, and in no window more than the limit."""
    counters = windows(rate)
    counters = taken(counters, START, min(before, room(counters, START) or 0))
    found, ahead = places(counters, START, number)
    assert len(found) == number
    assert found == sorted(found)
    for at in found:
        assert room(counters, at), "its turn came, and there was no room"
        counters = taken(counters, at)
    assert most_in_any(found, rate.span) <= rate.most
    assert number == 0 or counts_of(ahead) == counts_of(counters)


def test_counts_are_kept_by_span() -> None:
    """A limit that is changed keeps what has gone; one that is new begins with nothing."""
    counters = taken(windows(Rate(most=10, span=timedelta(hours=1))), START, 10)
    kept = counts_of(counters)
    raised = windows_of([Rate(most=15, span=timedelta(hours=1)), Rate(most=3, span=timedelta(days=1))], kept)
    assert [room((one,), START) for one in raised] == [5, 3]
    lowered = windows_of([Rate(most=4, span=timedelta(hours=1))], kept)
    assert room(lowered, START) == 0


def test_words() -> None:
    """A person reads the limit as it is written in drip.toml."""
    limits = [Rate(most=20, span=timedelta(seconds=1)), Rate(most=50000, span=timedelta(days=1))]
    assert words_of(limits) == "20/s and 50000/day"
    assert waits_for("gmail.com", limits[:1]) == "waits for the pace of gmail.com: 20/s"
    assert room((), START) is None
