"""A batch on its way: who goes next, what became of whom, and when it is not about people any more."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import replace

from drip.render.message import Message
from drip.transports import Outcome, Receipt, Result
from drip.transports.smtp_conversation import Ending
from drip.transports.smtp_replies import Stage, Verdict, judge

#: Refused in a row, none accepted between: that is no longer about people, it is about us.
REFUSED_IN_A_ROW = 10
#: Connections lost in a row: the server is ill; the rest of the batch would only wait for the same.
LOST_IN_A_ROW = 3

#: Stages at which a refusal is an answer to one message, not to the connection.
_ABOUT_A_MESSAGE = (Stage.RCPT, Stage.DATA)

_OUTCOMES = {
    Verdict.FINE: Outcome.RETRY,  # a yes where none was asked for: nothing is known to have been taken
    Verdict.LATER: Outcome.RETRY,
    Verdict.UNREACHABLE: Outcome.RETRY,
    Verdict.DEAD: Outcome.REFUSED,
    Verdict.REFUSED: Outcome.REFUSED,
    Verdict.TROUBLE: Outcome.UNTRIED,
}


class Batch:
    """What is left of a batch, and what became of the rest."""

    def __init__(self, messages: Sequence[Message], row_before: int) -> None:
        self._messages = messages
        self.waiting: deque[tuple[int, Message]] = deque(_domains_in_turn(messages))
        self.workers = 0
        self._receipts: dict[int, Receipt] = {}
        self._row: list[int] = []  # positions refused by the server since the last accepted one
        self._row_before = row_before
        self._lost = 0
        self._trouble: str | None = None

    @property
    def goes_on(self) -> bool:
        """Whether there is something left to try, and any use in trying it."""
        return bool(self.waiting) and self._trouble is None and len(self._row) < REFUSED_IN_A_ROW

    @property
    def row_so_far(self) -> int:
        """How many were refused in a row, the batches before this one included."""
        return self._row_before + len(self._row)

    def take(self) -> tuple[int, Message] | None:
        """Give the next message to try, or None."""
        return self.waiting.popleft() if self.goes_on else None

    def give_back(self, position: int, message: Message) -> None:
        """Put a message back in front: nothing was tried for it."""
        self.waiting.appendleft((position, message))

    def stop(self, trouble: str) -> None:
        """Try nothing more; the first trouble is the one that is told."""
        self._trouble = self._trouble or trouble

    def end(self, position: int, ending: Ending) -> None:
        """Write down how a message ended, and notice when it is not about messages any more."""
        if ending.reply is None:
            self.settle(position, Outcome.IN_DOUBT if ending.in_doubt else Outcome.RETRY, ending.words)
            self._lost += 1
            if self._lost >= LOST_IN_A_ROW:
                self.stop(f"{self._lost} connections were lost in a row, the last: {ending.words}")
            return
        self._lost = 0
        if ending.accepted:
            self.settle(position, Outcome.SENT, ending.words)
            self._row.clear()
            self._row_before = 0
            return
        verdict = judge(ending.stage, ending.reply)
        ours = verdict is Verdict.TROUBLE and ending.stage in _ABOUT_A_MESSAGE
        dead = verdict is Verdict.DEAD
        self.settle(position, _OUTCOMES[verdict], ending.words, dead_address=dead, met_trouble=ours)
        if verdict is Verdict.TROUBLE:
            self.stop(f"the mail server refused us at {ending.stage}: {ending.words}")
        elif _OUTCOMES[verdict] is Outcome.REFUSED:
            self._row.append(position)

    def settle(
        self, position: int, outcome: Outcome, answer: str, *, dead_address: bool = False, met_trouble: bool = False
    ) -> None:
        """Write the receipt of one message."""
        self._receipts[position] = Receipt(
            delivery_id=self._messages[position].delivery_id,
            outcome=outcome,
            answer=answer,
            dead_address=dead_address,
            met_trouble=met_trouble,
        )

    def result(self) -> Result:
        """Give a receipt for each message, in their order. A long row of refusals fails nobody: those are UNTRIED."""
        if self._row and self.row_so_far >= REFUSED_IN_A_ROW:
            last = self._receipts[self._row[-1]].answer
            self.stop(f"{self.row_so_far} mails were refused in a row, the last: {last}")
            for position in self._row:
                self._receipts[position] = replace(self._receipts[position], outcome=Outcome.UNTRIED, met_trouble=True)
        for position, _ in self.waiting:
            self.settle(position, Outcome.UNTRIED, "")
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
