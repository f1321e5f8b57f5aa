"""Where CPU time goes, by looking at the stack again and again: little is disturbed, unlike by a tracing profiler.

A sample is taken each time the process has used so much CPU, in whichever thread; it is booked on what the main thread
was about. The SMTP transport's own thread works only while the main thread waits in `Smtp.send`, so that adds up.
"""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

#: Seconds of CPU time between two samples; kernels round it up to their tick (1-4 ms).
_EVERY = 0.001


@contextmanager
def sampling() -> Iterator[dict[str, int]]:
    """Fill a dict while the block runs: function → samples in which it was on the main thread's stack."""
    spent: Counter[str] = Counter()

    def look(_number: int, frame: FrameType | None) -> None:
        names = {"all"}
        while frame is not None:
            module = frame.f_globals.get("__name__", "?")
            names.add(f"{module}.{frame.f_code.co_qualname}")
            frame = frame.f_back
        spent.update(names)

    before = signal.signal(signal.SIGPROF, look)
    signal.setitimer(signal.ITIMER_PROF, _EVERY, _EVERY)
    try:
        yield spent
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
