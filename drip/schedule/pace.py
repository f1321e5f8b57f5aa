"""How fast mail may go: so many in any span of time, counted in small buckets.

`20/s` promises that in no second, wherever it begins, more than twenty leave. Times are counted in buckets, each a
tenth of the span (for a day: an hour). A window as long as the span touches eleven buckets at most (twenty-five for a
day), so the bucket of now and the ten before it never hold more than twenty together. That is counted conservatively:
a steady stream gets ten elevenths of what the limit says.

Limits a second or a minute are smooth: a bucket lets through a tenth of the number, rounded up. Those an hour or a day
are quotas, and are used as mails fall due.

A clock that is set back by less than the span stands still here, at the newest bucket, until it has caught up. Set back
by more, the counts are moved to where it is now, as if all of them were new: nothing waits longer than a span, and no
limit is broken. Set forward, the old counts are forgotten as if that time had passed: once, up to twice the number may
go in what was really one span, since nobody can know.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
#: A limit of at most this span is smooth; longer ones are quotas.
_SMOOTH = timedelta(minutes=1)
_DAY = timedelta(days=1)
_WORDS = {timedelta(seconds=1): "s", _SMOOTH: "minute", timedelta(hours=1): "hour", _DAY: "day"}
#: Whoever waits in a queue gets a place that leaves one in so many free: a worker that comes late can catch up.
_SLACK = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """At most so many in any `span`."""

    most: int
    span: timedelta

    @property
    def buckets(self) -> int:
        """Into how many buckets a span is divided."""
        return 24 if self.span == _DAY else 10

    @property
    def width(self) -> int:
        """A bucket's microseconds."""
        return self.span // _MICROSECOND // self.buckets

    @property
    def at_once(self) -> int:
        """How many one bucket lets through."""
        return -(-self.most // self.buckets) if self.span <= _SMOOTH else self.most

    def __str__(self) -> str:
        return f"{self.most}/{_WORDS.get(self.span, self.span)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """What `[pace]` says. `zone` is where the days of the warm-up begin; domains are in ASCII."""

    rate: tuple[Rate, ...] = ()
    connections: int | None = None
    warm_up: tuple[int, ...] = ()
    domains: Mapping[str, tuple[Rate, ...]] = field(default_factory=dict)
    zone: str = "UTC"

    @property
    def has_quota(self) -> bool:
        """Whether all mail together may be held up for hours or days."""
        return bool(self.warm_up) or any(rate.span > _SMOOTH for rate in self.rate)


#: (bucket, how many), the oldest first.
Counts = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Window:
    """What has gone under one limit, as far as it still counts."""

    limit: Rate
    counts: Counts = ()


Windows = tuple[Window, ...]


def words_of(rates: Sequence[Rate]) -> str:
    """`20/s and 5000/hour`."""
    return " and ".join(str(rate) for rate in rates)


def waits_for(domain: str, rates: Sequence[Rate] = ()) -> str:
    """Why a mail waits in the queue of a domain; without the rates, how each such reason begins."""
    return f"waits for the pace of {domain}: {words_of(rates)}"


def windows_of(rates: Sequence[Rate], counts: Mapping[int, Counts]) -> Windows:
    """The counters of these limits, from what was kept of each span (in seconds)."""
    return tuple(Window(rate, counts.get(int(rate.span.total_seconds()), ())) for rate in rates)


def counts_of(windows: Windows) -> dict[int, Counts]:
    """What is to be kept: span in seconds → counts."""
    return {int(window.limit.span.total_seconds()): window.counts for window in windows}


def set_right(windows: Windows, now: datetime) -> Windows:
    """The counters after a clock was set back by more than a span; else the same.

    To be kept: until they are, all of them count as new.
    """
    return tuple(
        Window(window.limit, tuple(counts.items())) if _lies_ahead(window, now) else window
        for window, counts, _ in _seen(windows, now)
    )


def room(windows: Windows, now: datetime) -> int | None:
    """How many may go at `now`; None where nothing limits them."""
    return min((_room(counts, window.limit, at) for window, counts, at in _seen(windows, now)), default=None)


def next_at(windows: Windows, now: datetime) -> datetime:
    """When the next may go: `now` itself, or the beginning of a bucket."""
    return max((_next(window.limit, counts, at, now) for window, counts, at in _seen(windows, now)), default=now)


def taken(windows: Windows, now: datetime, number: int = 1) -> Windows:
    """The counters when `number` more go at `now`."""
    after = []
    for window, counts, at in _seen(windows, now):
        counts[at] = counts.get(at, 0) + number
        after.append(replace(window, counts=tuple(sorted(counts.items()))))
    return tuple(after)


def given_back(windows: Windows, taken_at: datetime, number: int) -> Windows:
    """The counters when `number` of those that were taken at `taken_at` did not go after all.

    What does not count any more is not given back; nor is more than there is.
    """
    after = []
    for window in windows:
        counts, left = dict(window.counts), number
        first = _bucket(window.limit, taken_at)
        for at in [at for at in counts if at >= first]:  # the clock may have stood still at a later one
            back = min(left, counts[at])
            counts[at], left = counts[at] - back, left - back
        kept = tuple((at, count) for at, count in counts.items() if count)
        after.append(replace(window, counts=kept))
    return tuple(after)


def used(windows: Windows, now: datetime) -> list[int]:
    """How many count under each limit at `now`."""
    return [sum(counts.values()) for _, counts, _ in _seen(windows, now)]


def places(windows: Windows, start: datetime, number: int) -> tuple[list[datetime], Windows]:
    """The next `number` instants, from `start` on, at which one more may go; and the counters with all of them taken.

    A little is left free under smooth limits (see `with_slack`), so that whoever comes late finds room.
    """
    ahead = with_slack(set_right(windows, start))
    found: list[datetime] = []
    at = start
    while len(found) < number:
        at = next_at(ahead, at)
        free = room(ahead, at)
        fits = number - len(found) if free is None else min(free, number - len(found))
        ahead = taken(ahead, at, fits)
        found += [at] * fits
    return found, tuple(Window(window.limit, then.counts) for window, then in zip(windows, ahead, strict=True))


def with_slack(windows: Windows) -> Windows:
    """The same counters under slightly lower limits, where these are smooth."""
    return tuple(
        Window(replace(window.limit, most=window.limit.most - window.limit.most // _SLACK), window.counts)
        if window.limit.span <= _SMOOTH
        else window
        for window in windows
    )


def _seen(windows: Windows, now: datetime) -> list[tuple[Window, dict[int, int], int]]:
    """Each window with the counts that hold at `now`, and the bucket that counts as now (see the module's words)."""
    return [(window, *_counts(window, now)) for window in windows]


def _counts(window: Window, now: datetime) -> tuple[dict[int, int], int]:
    at, counts, length = _bucket(window.limit, now), window.counts, window.limit.buckets
    if not counts:
        return {}, at
    newest = counts[-1][0]
    if _lies_ahead(window, now):
        counts, newest = tuple((bucket - newest + at, number) for bucket, number in counts), at
    at = max(at, newest)
    return {bucket: number for bucket, number in counts if bucket >= at - length}, at


def _lies_ahead(window: Window, now: datetime) -> bool:
    """Whether the clock was set back by more than the span."""
    limit = window.limit
    return bool(window.counts) and window.counts[-1][0] > _bucket(limit, now) + limit.buckets


def _bucket(limit: Rate, at: datetime) -> int:
    return (at - _EPOCH) // _MICROSECOND // limit.width


def _room(counts: Mapping[int, int], limit: Rate, at: int) -> int:
    """How many may go in bucket `at`, which is not before any that is counted."""
    whole = sum(number for bucket, number in counts.items() if bucket >= at - limit.buckets)
    return max(0, min(limit.most - whole, limit.at_once - counts.get(at, 0)))


def _next(limit: Rate, counts: Mapping[int, int], at: int, now: datetime) -> datetime:
    bucket = at
    while not _room(counts, limit, bucket):  # at the latest when all that is counted is a span old
        bucket += 1
    if bucket == at and _bucket(limit, now) == at:
        return now
    return _EPOCH + bucket * limit.width * _MICROSECOND
