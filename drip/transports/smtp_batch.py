"""A batch on its way: who goes next, what became of whom, and when it is not about people any more."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from drip.render.message import Message
from drip.render.mime import ascii_address, to_bytes
from drip.transports import Outcome, Receipt, Result
from drip.transports.smtp_letter import Letter
from drip.transports.smtp_replies import Ending, Stage, Verdict, judge

#: Refused or put off in a row, none accepted between: that is no longer about people, it is about us (a quota, a rate).
REFUSED_IN_A_ROW = 10
#: Connections lost in a row: the server is ill; the rest would only wait for the same.
LOST_IN_A_ROW = 3

_OUTCOMES = {
    Verdict.FINE: Outcome.RETRY,  # a yes where none was asked for: nothing is known to have been taken
    Verdict.LATER: Outcome.RETRY,
    Verdict.UNREACHABLE: Outcome.RETRY,
    Verdict.DEAD: Outcome.REFUSED,
    Verdict.REFUSED: Outcome.REFUSED,
    Verdict.TROUBLE: Outcome.UNTRIED,
}


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
    #: mails after which it ended a connection on which the next envelope had been sent ahead; 0: never seen
    fill: int = 0

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

    def take(self, largest: int) -> Letter | None:
        """Give the next letter to try, or None. It must come back: by `end`, or by `give_back`.

        A mail that cannot be written is refused, and so is one with more bytes than the server takes (`largest`; 0: no
        limit). Who shares a sender that was refused is not tried, and goes behind.
        """
        while self.goes_on:
            position = self.waiting.popleft()
            message = self._messages[position]
            if (words := self._refused_senders.get(message.mail_from)) is not None:
                self.settle(position, Outcome.UNTRIED, words, goes_behind=True)
                continue
            try:
                content = to_bytes(message)
                mail_from = ascii_address(message.mail_from) if message.mail_from else ""
                rcpt_to = ascii_address(message.rcpt_to)
            except ValueError as error:  # this message's own mistake; the others go on
                self.settle(position, Outcome.REFUSED, f"drip cannot write this mail: {error}")
                continue
            if largest and len(content) > largest:
                words = f"the mail has {len(content)} bytes, and the server takes {largest} at most"
                self.settle(position, Outcome.REFUSED, words)
                continue
            self.under_way += 1
            return Letter(self, position, mail_from.encode("ascii"), rcpt_to.encode("ascii"), content)
        return None

    def give_back(self, letter: Letter, *, used_up_after: int = 0) -> None:
        """Put a letter back in front: nothing was tried for it.

        `used_up_after`: the mails after which the server ended the connection, with this one's envelope sent ahead.
        """
        self.under_way -= 1
        self.waiting.appendleft(letter.position)
        self._record.fill = used_up_after or self._record.fill

    def stop(self, trouble: str) -> None:
        """Try nothing more; the first trouble is the one that is told."""
        self.trouble = self.trouble or trouble
        self.stopped = True

    def end(self, letter: Letter, ending: Ending) -> None:
        """Write down how a message ended, and notice when it is not about messages any more."""
        self.under_way -= 1
        position, record = letter.position, self._record
        delivery_id = self._messages[position].delivery_id
        if ending.reply is None:
            self.settle(position, Outcome.IN_DOUBT if ending.in_doubt else Outcome.RETRY, ending.words)
            record.lost += 1
            if record.ill:
                self.stop(f"{record.lost} connections were lost in a row, the last: {ending.words}")
            return
        record.lost = 0
        if ending.accepted:
            self.settle(position, Outcome.SENT, ending.words)
            record.accepted += 1
            record.refused.clear()
            return
        verdict = judge(ending.stage, ending.reply)
        if verdict is Verdict.TROUBLE:
            self._met_trouble(position, ending)
            return
        dead = verdict is Verdict.DEAD
        self.settle(position, _OUTCOMES[verdict], ending.words, dead_address=dead)
        if dead and record.accepted > record.doubted.get(delivery_id, record.accepted):
            del record.doubted[delivery_id]  # it was said before, and mail of others was taken since: it is believed
        elif not ending.reply.greylisted:  # that one says of itself that it is about this recipient, and passes
            self._begin_row_anew()
            self._row.append(position)
            record.refused.add(delivery_id)

    def _begin_row_anew(self) -> None:
        """Forget the row if the server has accepted a mail since, of whatever batch."""
        if self._row_began != self._record.accepted:
            self._row.clear()
            self._row_began = self._record.accepted

    def _met_trouble(self, position: int, ending: Ending) -> None:
        """The server refused us. At MAIL that may be about one course's sender: mails of others are still tried."""
        self.settle(position, Outcome.UNTRIED, ending.words, met_trouble=True)
        trouble = f"the mail server refused us at {ending.stage}: {ending.words}"
        if ending.stage is Stage.MAIL:
            self._refused_senders[self._messages[position].mail_from] = ending.words
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
            words = self._refused_senders.get(self._messages[position].mail_from)
            self.settle(position, Outcome.UNTRIED, words or "", goes_behind=words is not None)
        return Result(
            receipts=tuple(self._receipts[position] for position in range(len(self._messages))), trouble=self.trouble
        )


def _domains_in_turn(messages: Sequence[Message]) -> list[int]:
    """Deal the messages out domain by domain (positions), so that one company's dead addresses make no long row."""
    rounds: dict[str, int] = {}
    keyed = []
    for position, message in enumerate(messages):
        domain = message.rcpt_to.rpartition("@")[2].lower()
        rounds[domain] = rounds.get(domain, -1) + 1
        keyed.append((rounds[domain], position))
    return [position for _, position in sorted(keyed)]
