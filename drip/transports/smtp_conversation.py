"""One connection to a mail server that stands ready, spoken to message by message.

aiosmtplib (see smtp_opening.py) reads one reply at a time and cannot say whether a lost connection had carried the
final dot. So once the connection is open, this takes it over. What the server says drives it: no task, no future and no
timer is made for a message. Where the server offers PIPELINING (RFC 2920), MAIL, RCPT and DATA leave together, and
those of the next message right behind the final dot of the one before.

What is known at any moment: until a message's own final dot has left, nobody can have taken it; from then on until the
reply it is in doubt. An envelope that was sent ahead is neither. Its content waits for a 354 of its own, and if it is
not to be sent any more, hanging up takes the DATA back: that message was never tried.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from enum import Enum, auto

from drip.transports.smtp_letter import Desk, Letter
from drip.transports.smtp_replies import Ending, Reply, Stage
from drip.transports.smtp_wire import Wire

#: How many times the usual patience a server gets between the final dot and its reply: to give up there is to risk a
#: mail sent twice (RFC 5321, section 4.5.3.2.6, asks for ten minutes).
_PATIENCE_AFTER_DOT = 5
#: Seconds to wait for the answer to QUIT.
_PATIENCE_AT_QUIT = 2.0
#: Bytes of a content behind which an envelope may be written. At a 354 the kernel's buffer is empty, and so much fits
#: into it; of more, a part could wait here, and where it was when the connection ended would not be known. It has to
#: be one write: a second one that fails would take the server's verdict on the content with it, unread.
_LARGEST_BEFORE_ANOTHER = 65_536


class _Awaits(Enum):
    """The reply that comes next."""

    NONE = auto()
    MAIL = auto()
    RCPT = auto()
    DATA = auto()
    VERDICT = auto()
    RSET = auto()
    QUIT = auto()


_STAGES = {_Awaits.MAIL: Stage.MAIL, _Awaits.RCPT: Stage.RCPT, _Awaits.DATA: Stage.DATA}


class Conversation(Wire):
    """A connection that stands ready, and whoever is on it. `used` counts the messages that ended here.

    `timeout` is seconds for each reply; `hide` takes secrets out of the server's words; `largest` is the most bytes
    that the server says it takes (RFC 1870), 0 where it names no limit.
    """

    def __init__(
        self,
        transport: asyncio.Transport,
        *,
        timeout: float,
        pipelining: bool,
        hide: Callable[[str], str],
        largest: int = 0,
    ) -> None:
        super().__init__(transport, timeout=timeout)
        self.largest = largest
        self.used = 0
        self.idle_since = self.loop.time()
        #: whose envelope or content is under way, and whose envelope was sent ahead meanwhile
        self.letter: Letter | None = None
        self.ahead: Letter | None = None
        self._pipelining = pipelining
        self._hide = hide
        self._desk: Desk | None = None
        self._awaits = _Awaits.NONE
        self._no: Ending | None = None  # what refused this envelope, while replies to the rest of it come
        self._was_ahead = False  # this letter
        self._took_last = False  # the server, the last letter here
        self._dot_left = False

    @property
    def pipelining(self) -> bool:
        """Whether the server takes several commands at once."""
        return self._pipelining

    def go(self, desk: Desk) -> None:
        """Deliver one letter after another, until the desk has none."""
        self._desk = desk
        self._next()

    def leave(self) -> None:
        """Say QUIT, and hang up when it is answered, or not soon."""
        self._awaits = _Awaits.QUIT
        self.wait(min(self.timeout, _PATIENCE_AT_QUIT))
        self.write(b"QUIT\r\n")

    def drop(self, why: str) -> None:
        """Hang up, and say nothing of the letter that is under way: nobody wants to know."""
        self.letter = None
        self.hang_up(why)

    # The envelope -----------------------------------------------------------------------------------------------------

    def _next(self) -> None:
        """Begin with the next letter."""
        if self.more:  # a word that nobody asked for is a goodbye
            self.hang_up("the server said more than it was asked")
            return
        assert self._desk is not None
        letter = self._desk.take(self)
        if letter is not None:
            self.letter, self._was_ahead, self._awaits = letter, False, _Awaits.MAIL
            self.wait(self.timeout)
            self.write(letter.envelope if self._pipelining else b"MAIL FROM:<%b>\r\n" % letter.mail_from)
        elif self.lost is None:
            self._awaits, self.idle_since = _Awaits.NONE, self.loop.time()
            self.rest()
            self._desk.rests(self)

    def replied(self, code: int, text: bytes) -> None:
        """Take the next step."""
        match self._awaits:
            case _Awaits.MAIL | _Awaits.RCPT | _Awaits.DATA:
                self._envelope_replied(code, text)
            case _Awaits.VERDICT:
                self._judged(code, text)
            case _Awaits.RSET if code // 100 == 2:
                self._next()
            case _:
                self.hang_up("the server said goodbye")

    def _envelope_replied(self, code: int, text: bytes) -> None:
        awaits = self._awaits
        at_data = awaits is _Awaits.DATA
        if self._no is None and (code != 354 if at_data else code // 100 != 2):
            reply = self._reply(code, text)
            self._no = Ending(stage=_STAGES[awaits], reply=reply, words=str(reply))
        if self._no is None and at_data:
            self._send_content()
        elif code == 421 or (at_data and code // 100 in (2, 3)):
            # It goes; or is out of step, or waits for a body that nobody shall get: only hanging up takes DATA back.
            self.hang_up("the server is not to be spoken to")
        elif self._no is not None and (at_data or not self._pipelining):
            self._end(self._no)
        else:
            self._awaits = _Awaits.RCPT if awaits is _Awaits.MAIL else _Awaits.DATA
            self.wait(self.timeout)
            if not self._pipelining:
                assert self.letter is not None
                self.write(b"DATA\r\n" if awaits is _Awaits.RCPT else b"RCPT TO:<%b>\r\n" % self.letter.rcpt_to)

    # The content ------------------------------------------------------------------------------------------------------

    def _send_content(self) -> None:
        """Send the content with its final dot, and the next envelope behind it if the desk gives one."""
        letter, desk = self.letter, self._desk
        assert letter is not None
        assert desk is not None
        if letter.batch.halted:  # meanwhile, by what others met
            letter.batch.give_back(letter)
            self.drop("nothing more is to be sent")
            return
        data = letter.dotted()
        if self._pipelining and self._took_last and len(data) <= _LARGEST_BEFORE_ANOTHER:
            self.ahead = desk.take_ahead(self)
            if self.lost is not None:
                return
        self._awaits, self._dot_left = _Awaits.VERDICT, False
        self.wait(self.timeout * _PATIENCE_AFTER_DOT)
        self.write(data if self.ahead is None else data + self.ahead.envelope)
        if self.alive and (self.ahead is not None or not self.paused):
            self.left()

    def left(self) -> None:
        """The final dot has left, or may have: from now on nobody knows, until the server says so."""
        if self._awaits is _Awaits.VERDICT and not self._dot_left:
            self._dot_left = True
            self.wait(self.timeout * _PATIENCE_AFTER_DOT)

    def _judged(self, code: int, text: bytes) -> None:
        """The server has said what becomes of the content."""
        reply = self._reply(code, text)
        self._end(Ending(stage=Stage.DATA, reply=reply, words=str(reply), accepted=code // 100 == 2))

    # The end ----------------------------------------------------------------------------------------------------------

    def _end(self, ending: Ending) -> None:
        """Tell how the letter ended, and go on with what the connection is still good for."""
        used_up = self._tell(ending)
        code, ahead = ending.reply.code if ending.reply else 0, self.ahead
        if code == 421 or (self._awaits is _Awaits.VERDICT and not self._dot_left):
            self.hang_up("the server is not to be spoken to")
        elif ahead is not None and ahead.batch.halted:
            self.hang_up("nothing more is to be sent")
        elif ahead is not None:
            self.letter, self.ahead, self._was_ahead, self._awaits = ahead, None, True, _Awaits.MAIL
            self.wait(self.timeout)
        elif ending.accepted:
            self._next()
        elif used_up:
            self.leave()
        else:
            self._awaits = _Awaits.RSET
            self.wait(self.timeout)
            self.write(b"RSET\r\n")

    def _tell(self, ending: Ending) -> bool:
        """Whether the connection was used up: then the letter goes back, to be tried on a fresh one without risk."""
        letter, self.letter, self._no = self.letter, None, None
        assert letter is not None
        assert self._desk is not None
        used_up = self.used > 0 and _was_used_up(ending)
        if used_up:
            letter.batch.give_back(letter, used_up_after=self.used if self._was_ahead else 0)
        else:
            letter.batch.end(letter, ending)
            self.used += 1
        self._took_last = ending.accepted
        self._desk.ended(letter)
        return used_up

    def hung_up(self, why: str) -> None:
        """Say what the end of the connection means for whoever was on it."""
        ahead, self.ahead = self.ahead, None
        if ahead is not None:
            ahead.batch.give_back(ahead)  # its content never left
        if self.letter is not None:
            self._tell(self._no or self._cut_off(why))
        if self._desk is not None:
            self._desk.rests(self)

    def _cut_off(self, why: str) -> Ending:
        if self._awaits is not _Awaits.VERDICT:
            stage = _STAGES[self._awaits]
            return Ending(stage=stage, reply=None, words=f"{why} (at {stage})")
        when = "after the final dot, before the reply" if self._dot_left else "before the final dot"
        return Ending(stage=Stage.DATA, reply=None, words=f"{why} ({when})", in_doubt=self._dot_left)

    def _reply(self, code: int, text: bytes) -> Reply:
        return Reply(code, self._hide(text.decode("utf-8", "replace")))


def _was_used_up(ending: Ending) -> bool:
    """Whether a kept connection had gone stale, or had its fill of mails."""
    return ending.stage is Stage.MAIL and (ending.reply is None or ending.reply.code // 100 == 4)
