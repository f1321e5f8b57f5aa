"""When a webhook is tried again, and how long an endpoint in trouble is left alone. Pure functions; spread by hash."""

from __future__ import annotations

from datetime import timedelta
from hashlib import sha256

#: How long to wait after each attempt in vain, at least: over three days in all, so that who is away for a weekend
#: misses nothing (the spans that Standard Webhooks recommends).
SPANS = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
#: An endpoint that has failed so often in a row gets one post at a time, until one is taken.
ALONE_AFTER = 3
#: How long it is left alone then: the first time, and the longest.
PAUSE, LONGEST_PAUSE = timedelta(seconds=5), timedelta(minutes=15)
#: Nothing asks for more than this by a Retry-After.
LONGEST_WAIT = timedelta(hours=24)
#: An endpoint that was in trouble for so long is in an outage: when it is back, what has waited goes at once.
OUTAGE_AFTER = timedelta(minutes=1)
#: An endpoint that has taken nothing for so long, while it was tried, is paused: a person has to look.
GIVES_UP_AFTER = timedelta(days=5)


def again_after(key: str, attempts: int) -> timedelta | None:
    """How long to wait after the `attempts`-th attempt in vain, between 100 and 120 % of its span; None: give up."""
    if attempts > len(SPANS):
        return None
    spread = int.from_bytes(sha256(f"{key}/{attempts}".encode()).digest()[:4], "big") / 2**32
    return SPANS[attempts - 1] * (1 + 0.2 * spread)


def leave_alone_for(failures: int) -> timedelta:
    """How long an endpoint is left alone that has failed so often in a row: not at all until ALONE_AFTER."""
    if failures < ALONE_AFTER:
        return timedelta(0)
    return min(PAUSE * float(2 ** min(10, failures - ALONE_AFTER)), LONGEST_PAUSE)
