"""How often somebody may ask: so many at once after a rest, and so many a second for as long as they like."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

#: So many are remembered; beyond that the one that was seen longest ago is forgotten, and begins with a full measure.
MOST_REMEMBERED = 10_000


class Rates:
    """A measure for each name, that fills at `rate` a second up to `burst`, and of which each request takes one.

    It counts in this process alone: with N `drip serve`, a token may ask N times as often.
    """

    def __init__(self, rate: float, burst: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._burst, self._clock = rate, burst, clock
        self._left: dict[object, tuple[float, float]] = {}

    def take(self, name: object) -> int:
        """0 where they may ask now; else in how many whole seconds they may again."""
        now = self._clock()
        left, seen = self._left.pop(name, (float(self._burst), now))
        left = min(float(self._burst), left + max(0.0, now - seen) * self._rate)
        wait = 0 if left >= 1 else math.ceil((1 - left) / self._rate)
        self._left[name] = (left - 1 if wait == 0 else left, now)  # the last in the order of the dict
        if len(self._left) > MOST_REMEMBERED:
            del self._left[next(iter(self._left))]
        return wait
