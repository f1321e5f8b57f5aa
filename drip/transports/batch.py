"""A batch on its way, whoever carries it: who goes next, what became of whom, when it is not about people any more."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from drip.render.message import Message
from drip.transports import Outcome, Receipt, Result

#: Refused or put off in a row, none accepted between: that is no longer about people, it is about us (a quota, a rate).
REFUSED_IN_A_ROW = 10
#: Connections lost in a row: the server is ill; the rest would only wait for the same.
LOST_IN_A_ROW = 3


@dataclass(slots=True)
class Record:
    """What the server has said, over all batches: the last word on whether it is to be believed."""

    #: mails that it took
    accepted: int = 0
    #: since it last took one: the deliveries refused or put off (each counts once, however often), connections lost
    refused: set[int] = field(default_factory=set)
    lost: int = 0
    #: delivery that it called dead in a long row, and was not believed → how many mails it had taken by then
    doubted: dict[int, int] = field(default_factory=dict)

    @property
    def ill(self) -> bool:
        """Whether the server loses connections: one alone then looks whether it is well again, and risks one mail."""
        return self.lost >= LOST_IN_A_ROW


class Batch:
    """What is left of a batch, and what became of the rest. Several may be on their way at once, with one record."""

    def __init__(self, messages: Sequence[Message], record: Record) -> None:
        self._messages = messages
        self._record = record
        self.waiting: deque[int] = deque(_domains_in_turn(messages))
        #: letters that were given out, and whose end is not known
        self.under_way = 0
        self._receipts: dict[int, Receipt] = {}
        self._row: list[int] = []  # positions refused or put off by the server since it last accepted a mail
        self._row_began = record.accepted
        self._refused_senders: dict[str, str] = {}
        self.trouble: str | None = None
        #: how long the server asks to be left alone
        self.pause: timedelta | None = None
        self.stopped = False

    @property
    def halted(self) -> bool:
        """Whether there is no use in trying anything more."""
        return self.stopped or (len(self._row) >= REFUSED_IN_A_ROW and self._row_began == self._record.accepted)

    @property
    def goes_on(self) -> bool:
        """Whether there is something left to try, and any use in trying it."""
        return bool(self.waiting) and not self.halted

    @property
    def over(self) -> bool:
        """Whether everything is decided that is going to be."""
        return not self.under_way and not self.goes_on

    def stop(self, trouble: str, pause: timedelta | None = None) -> None:
        """Try nothing more; the first trouble is the one that is told."""
        self.trouble, self.pause = self.trouble or trouble, self.pause or pause
        self.stopped = True

    def next_position(self) -> int | None:
        """Give the place of the next message to try. Who shares a sender that was refused is not, and goes behind."""
        while self.goes_on:
            position = self.waiting.popleft()
            words = self._refused_senders.get(_sender(self._messages[position]))
            if words is None:
                return position
            self.settle(position, Outcome.UNTRIED, words, goes_behind=True)
        return None

    def back_in_front(self, position: int) -> None:
        """Put a message back where it was: nothing was tried for it."""
        self.under_way -= 1
        self.waiting.appendleft(position)

    # How a message that was given out has ended ------------------------------------------------------------------

    def was_taken(self, position: int, words: str) -> None:
        """The server has it."""
        self._answered()
        self.settle(position, Outcome.SENT, words)
        self._record.accepted += 1
        self._record.refused.clear()

    def was_lost(self, position: int, words: str, *, in_doubt: bool) -> None:
        """The connection ended first. A few in a row stop the batch."""
        self.under_way -= 1
        self.settle(position, Outcome.IN_DOUBT if in_doubt else Outcome.RETRY, words)
        self._record.lost += 1
        if self._record.ill:
            self.stop(f"{self._record.lost} connections were lost in a row, the last: {words}")

    def was_refused(
        self, position: int, outcome: Outcome, words: str, *, dead: bool = False, passes: bool = False
    ) -> None:
        """The server said no (REFUSED), or not now (RETRY). Many in a row are not about the messages.

        `dead`: it calls the address so. `passes`: it says of itself that it is about this recipient, and no more.
        """
        self._answered()
        self.settle(position, outcome, words, dead_address=dead)
        record, delivery_id = self._record, self._messages[position].delivery_id
        if dead and record.accepted > record.doubted.get(delivery_id, record.accepted):
            del record.doubted[delivery_id]  # it was said before, and mail of others was taken since: it is believed
        elif not passes:
            self._begin_row_anew()
            self._row.append(position)
            record.refused.add(delivery_id)

    def met_trouble(self, position: int, words: str, trouble: str, *, of_its_sender: bool = False) -> None:
        """The server refused us. Where that may be about one course's sender, mails of others are still tried."""
        self._answered()
        self.settle(position, Outcome.UNTRIED, words, met_trouble=True)
        if of_its_sender:
            self._refused_senders[_sender(self._messages[position])] = words
            self.trouble = self.trouble or trouble
        else:
            self.stop(trouble)

    def settle(
        self,
        position: int,
        outcome: Outcome,
        answer: str,
        *,
        dead_address: bool = False,
        met_trouble: bool = False,
        goes_behind: bool = False,
    ) -> None:
        """Write the receipt of one message."""
        self._receipts[position] = Receipt(
            delivery_id=self._messages[position].delivery_id,
            outcome=outcome,
            answer=answer,
            dead_address=dead_address,
            met_trouble=met_trouble,
            goes_behind=goes_behind,
        )

    def result(self) -> Result:
        """Give a receipt for each message, in their order.

        A long row fails nobody: who was refused in it is UNTRIED and met trouble, who was put off is tried again.
        """
        record = self._record
        self._begin_row_anew()
        if self._row and len(record.refused) >= REFUSED_IN_A_ROW:
            last = self._receipts[self._row[-1]].answer
            self.stop(f"{len(record.refused)} mails were refused in a row, the last: {last}")
            for position in self._row:
                receipt = self._receipts[position]
                if receipt.outcome is Outcome.REFUSED:
                    self._receipts[position] = replace(receipt, outcome=Outcome.UNTRIED, met_trouble=True)
                    record.doubted.setdefault(receipt.delivery_id, record.accepted)
        for position in self.waiting:
            words = self._refused_senders.get(_sender(self._messages[position]))
            self.settle(position, Outcome.UNTRIED, words or "", goes_behind=words is not None)
        receipts = tuple(self._receipts[position] for position in range(len(self._messages)))
        return Result(receipts=receipts, trouble=self.trouble, pause=self.pause)

    def _answered(self) -> None:
        self.under_way -= 1
        self._record.lost = 0

    def _begin_row_anew(self) -> None:
        """Forget the row if the server has accepted a mail since, of whatever batch."""
        if self._row_began != self._record.accepted:
            self._row.clear()
            self._row_began = self._record.accepted


def _domains_in_turn(messages: Sequence[Message]) -> list[int]:
    """Deal the messages out domain by domain (positions), so that one company's dead addresses make no long row."""
    rounds: dict[str, int] = {}
    keyed = []
    for position, message in enumerate(messages):
        domain = message.rcpt_to.rpartition("@")[2].lower()
        rounds[domain] = rounds.get(domain, -1) + 1
        keyed.append((rounds[domain], position))
    return [position for _, position in sorted(keyed)]


def _sender(message: Message) -> str:
    """Who sends it, as one sender of several is refused: the envelope's own address may differ from mail to mail."""
    return next((value for name, value in message.headers if name == "From"), message.mail_from)
