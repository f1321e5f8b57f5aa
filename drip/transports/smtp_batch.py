"""A batch on its way to a mail server: its messages as bytes, and what the server's replies mean for it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from drip.render.message import Message
from drip.render.mime import ascii_address
from drip.transports import Outcome, batch
from drip.transports.batch import LOST_IN_A_ROW, REFUSED_IN_A_ROW
from drip.transports.dkim import written
from drip.transports.dkim_keys import DkimKey
from drip.transports.smtp_letter import Letter
from drip.transports.smtp_replies import Ending, Stage, Verdict, judge

__all__ = ["LOST_IN_A_ROW", "REFUSED_IN_A_ROW", "Batch", "Record"]

_OUTCOMES = {
    Verdict.FINE: Outcome.RETRY,  # a yes where none was asked for: nothing is known to have been taken
    Verdict.LATER: Outcome.RETRY,
    Verdict.UNREACHABLE: Outcome.RETRY,
    Verdict.DEAD: Outcome.REFUSED,
    Verdict.REFUSED: Outcome.REFUSED,
}


@dataclass(slots=True)
class Record(batch.Record):
    """What the mail server has said, over all batches."""

    #: mails after which it ended a connection on which the next envelope had been sent ahead; 0: never seen
    fill: int = 0


class Batch(batch.Batch):
    """What is left of a batch, and what became of the rest. Each mail is signed with the keys that cover its From."""

    _record: Record

    def __init__(self, messages: Sequence[Message], record: Record, keys: Sequence[DkimKey] = ()) -> None:
        super().__init__(messages, record)
        self._keys = tuple(keys)
        self._order = tuple(self.waiting)
        self._written: dict[int, bytes] = {}  # what was signed ahead
        self._begun: set[int] = set()  # positions that were given out

    def sign_ahead(self) -> None:
        """Write and sign from the last on, in a thread that only waits else, until the one that sends is met.

        Both threads make progress, since signing lets go of the interpreter. A mail that cannot be written is left
        for `take`, which says so.
        """
        for position in reversed(self._order if self._keys else ()):
            if position in self._begun or self.stopped:
                return
            with suppress(ValueError):
                self._written[position] = written(self._messages[position], self._keys)

    def take(self, largest: int) -> Letter | None:
        """Give the next letter to try, or None. It must come back: by `end`, or by `give_back`.

        A mail that cannot be written is refused, and so is one with more bytes than the server takes (`largest`; 0: no
        limit).
        """
        while (position := self.next_position()) is not None:
            message = self._messages[position]
            try:
                self._begun.add(position)
                content = self._written.get(position) or written(message, self._keys)
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
        self.back_in_front(letter.position)
        self._record.fill = used_up_after or self._record.fill

    def end(self, letter: Letter, ending: Ending) -> None:
        """Write down how a message ended."""
        position, words = letter.position, ending.words
        if ending.reply is None:
            self.was_lost(position, words, in_doubt=ending.in_doubt)
            return
        if ending.accepted:
            self.was_taken(position, words)
            return
        verdict = judge(ending.stage, ending.reply)
        if verdict is Verdict.TROUBLE:
            trouble = f"the mail server refused us at {ending.stage}: {words}"
            self.met_trouble(position, words, trouble, of_its_sender=ending.stage is Stage.MAIL)
        else:
            dead, passes = verdict is Verdict.DEAD, ending.reply.greylisted
            self.was_refused(position, _OUTCOMES[verdict], words, dead=dead, passes=passes)
