"""A batch on its way: who goes next, what became of whom, and when it is not about people any more."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from drip.render.message import Message
from drip.transports import Outcome, Receipt, Result
from drip.transports.smtp_conversation import Ending
from drip.transports.smtp_replies import Stage, Verdict, judge

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

    @property
    def ill(self) -> bool:
        """Whether the server loses connections: one alone then looks whether it is well again, and risks one mail."""
        return self.lost >= LOST_IN_A_ROW


class Batch:
    """What is left of a batch, and what became of the rest."""

    def __init__(self, messages: Sequence[Message], record: Record) -> None:
        self._messages = messages
        self._record = record
        self.waiting: deque[tuple[int, Message]] = deque(_domains_in_turn(messages))
        self.workers = 0
        self._receipts: dict[int, Receipt] = {}
        self._row: list[int] = []  # positions refused or put off by the server since the last accepted one
        self._refused_senders: dict[str, str] = {}
        self._trouble: str | None = None
        self._stopped = False

    @property
    def goes_on(self) -> bool:
        """Whether there is something left to try, and any use in trying it."""
        return bool(self.waiting) and not self._stopped and len(self._row) < REFUSED_IN_A_ROW

    def take(self) -> tuple[int, Message] | None:
        """Give the next message to try, or None. Who shares a sender that was refused is not tried, and goes behind."""
        while self.goes_on:
            position, message = self.waiting.popleft()
            words = self._refused_senders.get(message.mail_from)
            if words is None:
                return position, message
            self.settle(position, Outcome.UNTRIED, words, goes_behind=True)
        return None

    def give_back(self, position: int, message: Message) -> None:
        """Put a message back in front: nothing was tried for it."""
        self.waiting.appendleft((position, message))

    def stop(self, trouble: str) -> None:
        """Try nothing more; the first trouble is the one that is told."""
        self._trouble = self._trouble or trouble
        self._stopped = True

    def end(self, position: int, ending: Ending) -> None:
        """Write down how a message ended, and notice when it is not about messages any more."""
        record, delivery_id = self._record, self._messages[position].delivery_id
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
            self._row.clear()
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
            self._row.append(position)
            record.refused.add(delivery_id)

    def _met_trouble(self, position: int, ending: Ending) -> None:
        """The server refused us. At MAIL that may be about one course's sender: mails of others are still tried."""
        self.settle(position, Outcome.UNTRIED, ending.words, met_trouble=True)
        trouble = f"the mail server refused us at {ending.stage}: {ending.words}"
        if ending.stage is Stage.MAIL:
            self._refused_senders[self._messages[position].mail_from] = ending.words
            self._trouble = self._trouble or trouble
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
        if self._row and len(record.refused) >= REFUSED_IN_A_ROW:
            last = self._receipts[self._row[-1]].answer
            self.stop(f"{len(record.refused)} mails were refused in a row, the last: {last}")
            for position in self._row:
                receipt = self._receipts[position]
                if receipt.outcome is Outcome.REFUSED:
                    self._receipts[position] = replace(receipt, outcome=Outcome.UNTRIED, met_trouble=True)
                    record.doubted.setdefault(receipt.delivery_id, record.accepted)
        for position, message in self.waiting:
            words = self._refused_senders.get(message.mail_from)
            self.settle(position, Outcome.UNTRIED, words or "", goes_behind=words is not None)
        return Result(
            receipts=tuple(self._receipts[position] for position in range(len(self._messages))), trouble=self._trouble
        )


def _domains_in_turn(messages: Sequence[Message]) -> list[tuple[int, Message]]:
    """Deal the messages out domain by domain, so that one company's dead addresses make no long row."""
    rounds: dict[str, int] = {}
    keyed = []
    for position, message in enumerate(messages):
        domain = message.rcpt_to.rpartition("@")[2].lower()
        rounds[domain] = rounds.get(domain, -1) + 1
        keyed.append((rounds[domain], position, message))
    keyed.sort(key=lambda entry: entry[:2])
    return [(position, message) for _, position, message in keyed]
