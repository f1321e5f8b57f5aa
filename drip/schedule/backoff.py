"""When to try again: exponential, spread by hash, with a ceiling, and then a person decides."""

from __future__ import annotations

from datetime import timedelta
from hashlib import sha256

#: After the first refusal; greylisting servers accept from about five minutes on (RFC 6647 §2.4).
FIRST = timedelta(minutes=5)
#: Never longer than this between two attempts.
CEILING = timedelta(hours=4)
#: After so many attempts (about two days, see RFC 5321 §4.5.4.1 for four to five) the delivery is held.
ATTEMPTS = 16
#: In doubt after so many attempts: it may have arrived as often, so a person decides instead of one more try.
DOUBTFUL_ATTEMPTS = 5
#: The sender's own trouble: the first pause, and the longest one.
PAUSE = timedelta(seconds=30)
LONGEST_PAUSE = timedelta(minutes=10)


def retry_after(delivery_id: int, attempts: int) -> timedelta | None:
    """How long to wait after the `attempts`-th attempt, between 80 and 120 % of the doubled span; None: give up.

    The spread comes from a hash, so that a thousand refused together do not come back together, and a test can tell.
    """
    if attempts >= ATTEMPTS:
        return None
    span: timedelta = min(FIRST * float(2 ** max(0, attempts - 1)), CEILING)
    spread = int.from_bytes(sha256(f"{delivery_id}/{attempts}".encode()).digest()[:4], "big") / 2**32
    return span * (0.8 + 0.4 * spread)


def doubt_for(delivery_id: int, attempts: int, in_doubt_after: timedelta) -> timedelta | None:
    """How long to wait for news of a mail in doubt before it is sent once more; None: a person decides.

    The first time it is `in_doubt_after`; then the spans of `retry_after`, where those are longer.
    """
    if attempts >= DOUBTFUL_ATTEMPTS:
        return None
    span = retry_after(delivery_id, attempts) if attempts > 1 else None
    return max(in_doubt_after, span) if span is not None else in_doubt_after


def pause_after(trips: int) -> timedelta:
    """How long to leave a transport alone after it has been in trouble `trips` times in a row."""
    return min(PAUSE * float(2 ** min(10, max(0, trips - 1))), LONGEST_PAUSE)
