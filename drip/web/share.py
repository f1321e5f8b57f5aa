"""One network's share of what all may ask for in an hour, so that nobody shuts a form for everybody else."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

#: One network (track/network.py) may take one part in so many.
PARTS = 10


class Shares:
    """Counts in this process alone, and forgets with every hour of the clock: a fence, not a promise.

    What cannot be told apart has no share: behind a proxy that is not known, everybody would be one network.
    """

    def __init__(self, most: int) -> None:
        """`most` is what all may ask for together."""
        self._share = max(1, most // PARTS)
        self._hour: tuple[object, ...] = ()
        self._asked: Counter[str] = Counter()

    def take(self, network: str, now: datetime) -> bool:
        """Whether this network may ask once more. At most as many are remembered as may ask."""
        if not network:
            return True
        hour = (now.date(), now.hour)
        if hour != self._hour:
            self._hour, self._asked = hour, Counter()
        if self._asked[network] >= self._share:
            return False
        self._asked[network] += 1
        return True
