"""When a mail is tried again: what holds for every delivery and every number of attempts."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drip.schedule.backoff import (
    ATTEMPTS,
    CEILING,
    DOUBTFUL_ATTEMPTS,
    FIRST,
    LONGEST_PAUSE,
    PAUSE,
    doubt_for,
    pause_after,
    retry_after,
)

deliveries = st.integers(min_value=1, max_value=2**63 - 1)
quiet_times = st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=2))


def waits(delivery: int) -> list[timedelta]:
    """Every wait of one delivery, from the first refusal to the last."""
    found = [retry_after(delivery, attempts) for attempts in range(1, ATTEMPTS)]
    return [wait for wait in found if wait is not None]


@given(deliveries)
def test_waits_grow_until_the_ceiling(delivery: int) -> None:
    """Each is longer than the one before it, by its span if not by its spread, until the ceiling is reached."""
    for earlier, later in pairwise(waits(delivery)):
        assert later > earlier or later >= 0.8 * CEILING


@given(deliveries)
def test_waits_keep_to_their_span(delivery: int) -> None:
    """Between 80 and 120 % of five minutes, doubled each time, and of four hours at most."""
    span = FIRST
    for wait in waits(delivery):
        assert 0.8 * span <= wait <= 1.2 * span
        span = min(2 * span, CEILING)


@given(deliveries)
def test_it_gives_up_after_about_two_days(delivery: int) -> None:
    """Sixteen attempts, 15 waits; 33 to 50 hours between the first attempt and the last; then None, for ever."""
    assert len(waits(delivery)) == ATTEMPTS - 1
    assert timedelta(hours=33) <= sum(waits(delivery), timedelta(0)) < timedelta(hours=50)
    assert {retry_after(delivery, attempts) for attempts in range(ATTEMPTS, ATTEMPTS + 100)} == {None}


@given(deliveries, st.integers(min_value=1, max_value=ATTEMPTS - 1))
def test_the_same_delivery_waits_the_same(delivery: int, attempts: int) -> None:
    """The spread comes from a hash and not from dice: a test, or a person who asks why, can tell."""
    assert retry_after(delivery, attempts) == retry_after(delivery, attempts)


@pytest.mark.parametrize("attempts", range(1, ATTEMPTS))
def test_those_refused_together_do_not_come_back_together(attempts: int) -> None:
    """A thousand deliveries spread over the span: no tenth of it gets more than twice its share."""
    span = min(FIRST * 2 ** (attempts - 1), CEILING)
    tenths = [0] * 10
    for delivery in range(1, 1001):
        wait = retry_after(delivery, attempts)
        assert wait is not None
        tenths[min(9, int((wait / span - 0.8) / 0.04))] += 1
    assert max(tenths) < 200
    assert min(tenths) > 50


@given(deliveries, st.integers(min_value=1, max_value=DOUBTFUL_ATTEMPTS - 1), quiet_times)
def test_doubt_lasts_as_long_as_it_is_set_at_least(delivery: int, attempts: int, setting: timedelta) -> None:
    """The first time exactly `in_doubt_after`; afterwards never less than that, nor than a refused mail waits."""
    wait = doubt_for(delivery, attempts, setting)
    refused = retry_after(delivery, attempts)
    assert wait is not None
    assert refused is not None
    assert wait == (setting if attempts == 1 else max(setting, refused))


@given(deliveries, st.integers(min_value=DOUBTFUL_ATTEMPTS, max_value=1000), quiet_times)
def test_a_mail_in_doubt_is_not_sent_for_ever(delivery: int, attempts: int, setting: timedelta) -> None:
    """It may have arrived each time: after the fifth a person decides."""
    assert doubt_for(delivery, attempts, setting) is None


@given(st.integers(min_value=1, max_value=10_000))
def test_pauses_grow_and_end(trips: int) -> None:
    """From half a minute, doubled, to ten minutes and no more: a server that is well again is not kept waiting."""
    assert PAUSE <= pause_after(trips) <= pause_after(trips + 1) <= LONGEST_PAUSE
    assert pause_after(1) == PAUSE
    assert pause_after(10) == LONGEST_PAUSE
