"""Batches of mails on their way to SendGrid: never more than so many requests at a time, whoever shares them.

All of this runs in the event loop's own thread.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import timedelta

from drip.render.message import Message
from drip.transports import Outcome, Result, batch
from drip.transports.batch import Record
from drip.transports.sendgrid_answers import LARGEST, MAY_BE_ITS_OWN, Answer, Verdict, judge, trouble_in_words
from drip.transports.sendgrid_json import body_of
from drip.transports.sendgrid_posting import Left, Lost, Poster

#: Seconds of a pause that SendGrid asks for which are waited for here; for more, the engine leaves it alone.
_WAITS = 5.0
#: Seconds that it gets where it asks for a pause and does not say how long.
_UNSAID = 1.0
#: So many pauses in a row, no mail taken between, are no matter of seconds.
_PAUSES_IN_A_ROW = 3


@dataclass(frozen=True, slots=True)
class Letter:
    """A message on its way out: its batch, its place there, and the body of its request."""

    batch: Batch
    position: int
    body: bytes


class Batch(batch.Batch):
    """What is left of a batch, and what became of the rest."""

    def __init__(self, messages: Sequence[Message], record: Record, *, sandbox: bool) -> None:
        super().__init__(messages, record)
        self._sandbox = sandbox

    def take(self) -> Letter | None:
        """Give the next letter to try, or None. What cannot be written, or is larger than it takes, is refused."""
        while (position := self.next_position()) is not None:
            try:
                body = body_of(self._messages[position], sandbox=self._sandbox)
            except ValueError as error:  # this message's own mistake; the others go on
                self.settle(position, Outcome.REFUSED, f"drip cannot write this mail: {error}")
                continue
            if len(body) > LARGEST:
                words = f"the mail has {len(body)} bytes, and SendGrid takes {LARGEST} at most"
                self.settle(position, Outcome.REFUSED, words)
                continue
            self.under_way += 1
            return Letter(self, position, body)
        return None


class Desk:
    """Up to `most` requests at a time. The first goes alone: a wrong key is tried once, not twenty times.

    So does one after a pause, after trouble, and to an API that loses connections: it risks one mail.
    """

    def __init__(self, poster: Poster, record: Record, *, most: int, sandbox: bool) -> None:
        self._poster = poster
        self._record = record
        self._most = most
        self._sandbox = sandbox
        self._batches: deque[tuple[Batch, Future[Result]]] = deque()
        self._posts: dict[asyncio.Task[None], Batch] = {}
        self._proven = False
        self._pause: asyncio.TimerHandle | None = None
        self._pauses = 0

    # From outside --------------------------------------------------------------------------------------------------

    def add(self, one: Batch, result: Future[Result]) -> None:
        """Take up a batch; `result` is set when all of it is decided."""
        self._batches.append((one, result))
        self._look()

    def drop(self, one: Batch, error: BaseException | None = None) -> None:
        """Forget a batch, whose caller is gone or shall be told of an `error`: what is half way is cut off."""
        for known, result in [pair for pair in self._batches if pair[0] is one]:
            self._batches.remove((known, result))
            if error is None:
                result.cancel()
            else:
                result.set_exception(error)
        one.stop("dropped")
        for task in [task for task, of in self._posts.items() if of is one]:
            task.cancel()
        self._look()

    async def close(self) -> None:
        """Once no batch is on its way, end all connections."""
        while self._batches:
            await asyncio.wait([asyncio.wrap_future(result) for _, result in self._batches])
        if self._posts:
            await asyncio.wait(list(self._posts))
        await self._poster.close()

    # Who goes when -------------------------------------------------------------------------------------------------

    def _look(self) -> None:
        """Hand over what is decided, and send off as many as may go."""
        self._hand_over()
        while self._pause is None and len(self._posts) < self._allowed and (letter := self._take()) is not None:
            task = asyncio.get_running_loop().create_task(self._carry(letter))
            self._posts[task] = letter.batch
            task.add_done_callback(self._carried)
        self._hand_over()  # a batch of which nothing can be sent is over without a request

    @property
    def _allowed(self) -> int:
        return self._most if self._proven and not self._record.ill else 1

    def _take(self) -> Letter | None:
        """Give the next letter, from the batches in turn."""
        for _ in range(len(self._batches)):
            one = self._batches[0][0]
            self._batches.rotate(-1)
            try:
                letter = one.take()
            except Exception as error:  # noqa: BLE001 # told to the caller of this batch; the others go on
                self.drop(one, error)
                return None
            if letter is not None:
                return letter
        return None

    async def _carry(self, letter: Letter) -> None:
        try:
            answer = await self._poster.post(letter.body)
        except Lost as lost:
            self._was_lost(letter, lost)
        else:
            self._answered(letter, answer)

    def _carried(self, task: asyncio.Task[None]) -> None:
        one = self._posts.pop(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.drop(one, error)
        self._look()

    # What an answer means for the batch, and for the others -----------------------------------------------------------

    def _answered(self, letter: Letter, answer: Answer) -> None:
        one, position, words = letter.batch, letter.position, answer.words
        verdict = judge(answer, sandbox=self._sandbox)
        match verdict:
            case Verdict.TAKEN:
                self._proven, self._pauses = True, 0
                one.was_taken(position, words)
            case Verdict.REFUSED:
                self._proven = True  # it has looked at the mail itself
                one.was_refused(position, Outcome.REFUSED, words)
            case Verdict.LATER:
                one.was_refused(position, Outcome.RETRY, words)
            case Verdict.UNKNOWN:
                one.was_lost(position, words, in_doubt=True)
            case Verdict.SENDER:
                self._proven = True
                one.met_trouble(position, words, f"SendGrid refused the sender: {words}", of_its_sender=True)
            case Verdict.TROUBLE if answer.status in MAY_BE_ITS_OWN:
                trouble = trouble_in_words(answer)
                one.met_trouble(position, words, trouble)  # goes behind: if others go, it is known whose it is
                self._stop(trouble)
            case Verdict.TROUBLE:
                one.back_in_front(position)
                self._stop(trouble_in_words(answer))
            case Verdict.SLOW_DOWN:
                one.back_in_front(position)
                self._slow_down(answer)

    def _was_lost(self, letter: Letter, lost: Lost) -> None:
        if lost.left is not Left.NOTHING:
            letter.batch.was_lost(letter.position, lost.words, in_doubt=lost.left is Left.ALL)
            return
        letter.batch.back_in_front(letter.position)
        self._record.lost += 1
        if self._record.ill or not self._proven:
            self._stop(lost.words)

    def _slow_down(self, answer: Answer) -> None:
        """Wait until SendGrid takes requests again: a few seconds here, more by leaving it alone altogether."""
        self._proven = False
        if self._pause is not None:  # of those that were under way when the first came back
            return
        self._pauses += 1
        seconds = _UNSAID if answer.again_in is None else answer.again_in
        if seconds > _WAITS or self._pauses > _PAUSES_IN_A_ROW:
            self._stop(f"SendGrid asks us to slow down: {answer.words}", timedelta(seconds=seconds))
        else:
            self._pause = asyncio.get_running_loop().call_later(seconds, self._go_on)

    def _go_on(self) -> None:
        self._pause = None
        self._look()

    def _stop(self, trouble: str, pause: timedelta | None = None) -> None:
        """The sender's own trouble is that of every batch."""
        self._proven, self._pauses = False, 0
        for one, _ in self._batches:
            one.stop(trouble, pause)

    def _hand_over(self) -> None:
        """Give the results of batches that are over. One that met trouble stops the others."""
        for one in [one for one, _ in self._batches if one.stopped]:
            self._stop(one.trouble or "", one.pause)
        while over := [pair for pair in self._batches if pair[0].over]:
            for one, result in over:
                self._batches.remove((one, result))
                result.set_result(one.result())
                if one.stopped:
                    self._stop(one.trouble or "", one.pause)
