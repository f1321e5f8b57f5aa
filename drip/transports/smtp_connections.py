"""The connections to one mail server: never more than so many, whatever the number of batches that share them.

A connection belongs to no batch. Whenever it has delivered a letter, it takes the next one from the batches in turn, so
that two of them go on side by side. All of this runs in the event loop's own thread.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from concurrent.futures import Future

from drip.errors import SenderTrouble
from drip.transports import Result
from drip.transports.smtp_batch import Batch, Record
from drip.transports.smtp_conversation import Conversation
from drip.transports.smtp_letter import Letter
from drip.transports.smtp_opening import Unreachable

#: Seconds after which an unused connection is not trusted any more; routers forget silent ones.
_IDLE_FOR = 60.0
#: Seconds that connections get to say goodbye in.
_GOODBYE = 2.0


class Connections:
    """Up to `most` connections, which `open_one` opens (it raises SenderTrouble), and the batches on their way."""

    def __init__(self, most: int, record: Record, open_one: Callable[[], Awaitable[Conversation]]) -> None:
        self._most = most
        self._allowed = most  # fewer where the server turned one away
        self._record = record
        self._open_one = open_one
        self._batches: deque[tuple[Batch, Future[Result]]] = deque()
        self._idle: list[Conversation] = []
        self._busy: set[Conversation] = set()
        self._leaving: set[Conversation] = set()
        self._opening: set[asyncio.Task[None]] = set()
        self._looking = False
        self._closing = False

    # From outside --------------------------------------------------------------------------------------------------

    def add(self, batch: Batch, result: Future[Result]) -> None:
        """Take up a batch; `result` is set when all of it is decided."""
        oldest = asyncio.get_running_loop().time() - _IDLE_FOR
        for talk in [talk for talk in self._idle if talk.idle_since < oldest]:
            self._send_away(talk)
        self._allowed = self._most
        self._batches.append((batch, result))
        self._look()

    def drop(self, batch: Batch, error: BaseException | None = None) -> None:
        """Forget a batch, whose caller is gone or shall be told of an `error`: what is half way is cut off."""
        for known, result in [pair for pair in self._batches if pair[0] is batch]:
            self._batches.remove((known, result))
            if error is None:
                result.cancel()
            else:
                result.set_exception(error)
        batch.stop("dropped")  # an envelope of it that was sent ahead behind another's content gets no content
        for talk in [talk for talk in self._busy if talk.letter is not None and talk.letter.batch is batch]:
            talk.drop("the caller is gone")
        self._look()

    async def allow(self, most: int) -> None:
        """Keep no more than `most`: those above that are idle say QUIT, and are closed when this returns."""
        self._most = self._allowed = most
        for talk in self._idle[: max(0, self._count - len(self._leaving) - most)]:
            self._send_away(talk)
        await self._left_behind(self._leaving)

    async def close(self) -> None:
        """Once no batch is on its way, say QUIT on every connection, and hang up on those that take long."""
        while self._batches:
            await asyncio.wait([asyncio.wrap_future(result) for _, result in self._batches])
        self._closing = True
        for task in (opening := list(self._opening)):
            task.cancel()
        await asyncio.gather(*opening, return_exceptions=True)
        for talk in list(self._idle):
            self._send_away(talk)
        await self._left_behind(self._busy, self._leaving)

    async def _left_behind(self, *kinds: set[Conversation]) -> None:
        """Wait for these to end, and hang up on those that take long."""
        if all_of_them := [talk.closed for kind in kinds for talk in kind]:
            await asyncio.wait(all_of_them, timeout=_GOODBYE)
        if left := [talk for kind in kinds for talk in kind]:
            for talk in left:
                talk.drop("closed")
            await asyncio.wait([talk.closed for talk in left], timeout=_GOODBYE)

    # From the conversations ----------------------------------------------------------------------------------------

    def take(self, talk: Conversation) -> Letter | None:
        """Give the next letter, from the batches in turn."""
        for _ in range(len(self._batches)):
            batch = self._batches[0][0]
            self._batches.rotate(-1)
            try:
                letter = batch.take(talk.largest)
            except Exception as error:  # noqa: BLE001 # told to the caller of this batch; the others go on
                self.drop(batch, error)
                return None
            if letter is not None:
                return letter
        return None

    def take_ahead(self, talk: Conversation) -> Letter | None:
        """Give one, unless a connection of its own will have it sooner, or the server is likely to end this one."""
        room = self._count < self._allowed
        return None if room or self._record.fill == talk.used + 1 else self.take(talk)

    def ended(self, letter: Letter) -> None:
        """See whether that was the last letter of its batch, or trouble for all."""
        if letter.batch.stopped or letter.batch.over:
            self._look()

    def rests(self, talk: Conversation) -> None:
        """Give it something to do, or keep it for later."""
        if talk.alive:
            self._busy.discard(talk)
            self._idle.append(talk)
            if self._closing or self._count - len(self._leaving) > self._most:
                self._send_away(talk)
        else:
            self._busy.discard(talk)
            self._leaving.discard(talk)
            if talk in self._idle:
                self._idle.remove(talk)
        self._look()

    # Who goes where ------------------------------------------------------------------------------------------------

    @property
    def _count(self) -> int:
        return len(self._idle) + len(self._busy) + len(self._leaving) + len(self._opening)

    def _look(self) -> None:
        """Hand over what is decided, and see to it that every letter that waits has somebody to go with."""
        if self._looking:
            return
        self._looking = True
        try:
            self._hand_over()
            while self._idle and self._waiting():
                if self._record.ill and self._busy:
                    break
                talk = self._idle.pop()
                self._busy.add(talk)
                talk.go(self)
                self._hand_over()
            for _ in range(self._worth_opening()):
                task = asyncio.get_running_loop().create_task(self._open())
                self._opening.add(task)
        finally:
            self._looking = False

    def _waiting(self) -> int:
        return sum(len(batch.waiting) for batch, _ in self._batches if batch.goes_on)

    def _worth_opening(self) -> int:
        """How many connections to open. The first goes alone: a wrong password is tried once, not ten times.

        So does one to a server that loses them: it risks one mail.
        """
        more = min(self._waiting() - len(self._opening), self._allowed - self._count)
        if self._record.ill or not (self._busy or self._idle):
            more = min(more, 1 - len(self._busy) - len(self._opening))
        return 0 if self._closing else more

    async def _open(self) -> None:
        try:
            talk = await self._open_one()
        except SenderTrouble as trouble:
            self._opened(None)
            # A server may allow fewer connections than we would like: whoever has one goes on.
            if isinstance(trouble, Unreachable) and (self._busy or self._idle or self._opening):
                self._allowed = max(1, self._count)
            else:
                self._stop(str(trouble))
        except asyncio.CancelledError:
            self._opened(None)
            raise
        except Exception as error:  # noqa: BLE001 # told to whoever waits for it
            self._opened(None)
            for batch, _ in list(self._batches):
                self.drop(batch, error)
        else:
            self._opened(talk)
        self._look()

    def _opened(self, talk: Conversation | None) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._opening.discard(task)
        if talk is not None:
            self._idle.append(talk)

    def _send_away(self, talk: Conversation) -> None:
        self._idle.remove(talk)
        self._leaving.add(talk)
        talk.leave()

    def _stop(self, trouble: str) -> None:
        """The sender's own trouble is that of every batch."""
        for batch, _ in self._batches:
            batch.stop(trouble)

    def _hand_over(self) -> None:
        """Give the results of batches that are over. One that met trouble stops the others."""
        for pair in [pair for pair in self._batches if pair[0].stopped]:
            self._stop(pair[0].trouble or "")
        while over := [pair for pair in self._batches if pair[0].over]:
            for batch, result in over:
                self._batches.remove((batch, result))
                told = batch.result()
                result.set_result(told)
                if batch.stopped:
                    self._stop(batch.trouble or "")
