"""What one claim came to: how many mails, how late they were, and where the time went. Whoever runs the engine is told.

The engine knows nothing of logs' forms and of metrics; it gives these numbers out, and the shell makes lines of them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum

from drip.engine.mark import Tally


class Stage(StrEnum):
    """What a worker's time goes into."""

    #: The transaction that decides what may go now.
    CLAIM = "claim"
    #: Filling in a group of at most GROUP mails.
    RENDER = "render"
    #: The way out has a group.
    SEND = "send"
    #: The commit that writes down what became of a group, and hands the next.
    MARK = "mark"


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One claim, from the look at the queue to the last mark. `lag`: seconds for which the oldest in it had been due.

    `took` has, for each stage, the seconds of each time that it was done: a claim once, the others once a group.
    Lanes work side by side, so these may add up to more than what went by on the wall.
    """

    worker: str
    transport: str
    looked_at: int
    claimed: int
    lag: float
    done: Tally
    took: dict[Stage, tuple[float, ...]]


#: Is told of every claim that found anything due.
Told = Callable[[Account], None]


def nobody(_account: Account) -> None:
    """Nobody is told."""


class Stopwatch:
    """Where the time of one claim goes. Its lanes share it."""

    def __init__(self) -> None:
        self._took: dict[Stage, list[float]] = {stage: [] for stage in Stage}

    @contextmanager
    def on(self, stage: Stage) -> Iterator[None]:
        """Time what the block does."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self._took[stage].append(time.perf_counter() - began)

    def took(self) -> dict[Stage, tuple[float, ...]]:
        """What was timed so far."""
        return {stage: tuple(times) for stage, times in self._took.items()}
