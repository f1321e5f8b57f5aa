"""Group commit: requests that wait at the same time are recorded in one transaction, and answered once it is on disk.

One thread takes all that waits, up to a number, records it, and hands every request its outcome. Nothing is answered
before it is durable; what is never answered may or may not have been recorded, as with any database.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence

from drip.engine.touches import Outcome, Touch
from drip.errors import DripError, MachineError

log = logging.getLogger("drip.web")

#: A transaction takes at most so many: one that is larger would keep others from the database for too long.
BATCH = 400
#: So many may wait. Who comes then is told to come again: a queue that grows for ever helps nobody.
MOST_WAITING = 4_000
#: Between two transactions the database is left to others for so long (workers look every half millisecond).
OTHERS_SECONDS = 0.002
#: A thread that has had nothing to do for so long ends; the next request starts another.
IDLE_SECONDS = 5.0

_Waiting = tuple[Touch, "asyncio.Future[Outcome]"]


class Full(MachineError):
    """More comes in than the database can take: come again in a moment."""


class Committer:
    """Collects touches from an event loop, and has `record` write them in groups."""

    def __init__(
        self, record: Callable[[Sequence[Touch]], list[Outcome]], *, batch: int = BATCH, most: int = MOST_WAITING
    ) -> None:
        self._record, self._batch, self._most = record, batch, most
        self._waiting: deque[_Waiting] = deque()
        self._door = threading.Condition()
        self._working = False

    @property
    def waiting(self) -> int:
        """How many wait for the next group."""
        return len(self._waiting)

    async def recorded(self, touch: Touch) -> str:
        """Where the touch leads ("" for a pixel), once it is durable. Raises what came of it instead, and Full."""
        loop = asyncio.get_running_loop()
        outcome: asyncio.Future[Outcome] = loop.create_future()
        with self._door:
            if len(self._waiting) >= self._most:
                raise Full("more opens and clicks come in than the database can take")
            self._waiting.append((touch, outcome))
            if not self._working:
                self._working = True
                threading.Thread(target=self._work, args=(loop,), name="drip-commit", daemon=True).start()
            elif len(self._waiting) == 1:
                self._door.notify()
        found = await outcome
        if isinstance(found, DripError):
            raise found
        return found

    def _work(self, loop: asyncio.AbstractEventLoop) -> None:
        while True:
            with self._door:
                if not self._waiting and not self._door.wait_for(lambda: bool(self._waiting), IDLE_SECONDS):
                    self._working = False
                    return
                taken = [self._waiting.popleft() for _ in range(min(self._batch, len(self._waiting)))]
            outcomes = self._outcomes([touch for touch, _ in taken])
            try:
                loop.call_soon_threadsafe(_answer, taken, outcomes)
            except RuntimeError:  # the loop is closed: nobody is left to be answered
                log.warning("%d requests were recorded and not answered: the web side has ended", len(taken))
            time.sleep(OTHERS_SECONDS)

    def _outcomes(self, touched: Sequence[Touch]) -> list[Outcome]:
        """What came of each; where the database itself is in trouble, that for all of them."""
        try:
            return self._record(touched)
        except DripError as error:
            log.error("%d opens and clicks are not recorded: %s", len(touched), error)
            return [error] * len(touched)
        except Exception as error:
            log.exception("%d opens and clicks are not recorded", len(touched))
            return [MachineError(f"not recorded: {type(error).__name__}")] * len(touched)


def _answer(taken: Sequence[_Waiting], outcomes: Sequence[Outcome]) -> None:
    """On the event loop: every request that still waits gets what came of it."""
    for (_, future), outcome in zip(taken, outcomes, strict=True):
        if not future.done():  # whoever asked may have hung up
            future.set_result(outcome)
