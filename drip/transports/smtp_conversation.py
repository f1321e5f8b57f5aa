"""One connection to a mail server that stands ready, spoken to message by message.

aiosmtplib (see smtp_opening.py) reads one reply at a time and cannot say whether a lost connection had carried the
final dot. So once the connection is open, this protocol takes it over: it sends MAIL, RCPT and DATA in one go where the
server offers PIPELINING (RFC 2920), and it knows at every moment what has left.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from drip.transports.smtp_replies import Reply, Stage

#: How many times the usual patience a server gets between the final dot and its reply: to give up there is to risk a
#: mail sent twice (RFC 5321, section 4.5.3.2.6, asks for ten minutes).
_PATIENCE_AFTER_DOT = 5
#: Seconds to wait for the answer to QUIT.
_PATIENCE_AT_QUIT = 2.0
#: Bytes of a reply that are read before the server is taken for broken.
_LONGEST_REPLY = 65_536


class Lost(Exception):
    """The connection ended, or the server fell silent, before a reply came."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How one message ended. `reply` is None where the connection was lost: `in_doubt` if the final dot had left."""

    stage: Stage
    reply: Reply | None
    words: str
    accepted: bool = False
    in_doubt: bool = False


class Conversation(asyncio.Protocol):
    """A connection that stands ready. One message at a time; `used` counts them.

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
        self.largest = largest
        self._loop = asyncio.get_running_loop()
        self._transport = transport
        self._timeout = timeout
        self._pipelining = pipelining
        self._hide = hide
        self._buffer = bytearray()
        self._lines: list[str] = []
        self._code = 0
        self._replies: deque[Reply] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._closed = self._loop.create_future()
        self._lost: str | None = None
        self._paused = False
        self.used = 0
        self.idle_since = self._loop.time()
        # Whatever the kernel has not taken pauses the writing: that is how the dot is known not to have left.
        transport.set_write_buffer_limits(high=1, low=0)
        transport.set_protocol(self)

    @property
    def alive(self) -> bool:
        """Whether the next message may be tried here. A word that nobody asked for is a goodbye."""
        return self._lost is None and not self._transport.is_closing() and not self._replies

    def takes(self, content: bytes) -> bool:
        """Whether the server takes a mail of this size."""
        return not self.largest or len(content) <= self.largest

    async def deliver(self, mail_from: str, rcpt_to: str, content: bytes) -> Ending:
        """Hand over one message and say how it ended. Never raises for what the server does."""
        self.used += 1
        ending = await self._envelope(mail_from, rcpt_to)
        if ending is None:
            ending = await self._content(content)
        if ending.reply is None or ending.reply.code == 421:
            self.abort()
        elif not ending.accepted and self.alive:
            await self._reset()
        self.idle_since = self._loop.time()
        return ending

    async def quit(self) -> None:
        """Say goodbye and close, without waiting long for an answer."""
        if self.alive:
            try:
                self._write(b"QUIT\r\n")
                await self._reply(min(self._timeout, _PATIENCE_AT_QUIT))
            except Lost:
                pass
        self.abort()
        await asyncio.wait([self._closed], timeout=_PATIENCE_AT_QUIT)

    def abort(self) -> None:
        """Close at once."""
        self._transport.abort()

    async def _envelope(self, mail_from: str, rcpt_to: str) -> Ending | None:
        """Say who and to whom, and ask to send the content. None: the server is waiting for it."""
        group = (
            (Stage.MAIL, b"MAIL FROM:<%b>\r\n" % mail_from.encode("ascii")),
            (Stage.RCPT, b"RCPT TO:<%b>\r\n" % rcpt_to.encode("ascii")),
            (Stage.DATA, b"DATA\r\n"),
        )
        no: Ending | None = None
        stage = Stage.MAIL
        try:
            if self._pipelining:
                self._write(b"".join(command for _, command in group))
            for stage, command in group:
                if not self._pipelining:
                    self._write(command)
                reply = await self._reply(self._timeout)
                expected = reply.code == 354 if stage is Stage.DATA else reply.code // 100 == 2
                if no is None and not expected:
                    no = Ending(stage=stage, reply=reply, words=str(reply))
                if reply.code == 421 or (no is not None and not self._pipelining):
                    break
                if no is not None and reply.code == 354:
                    # The server waits for a body that nobody shall get: only hanging up takes DATA back.
                    self.abort()
        except Lost as lost:
            return no or Ending(stage=stage, reply=None, words=f"{lost} (at {stage})")
        return no

    async def _content(self, content: bytes) -> Ending:
        """Send the content and its final dot, and wait for the verdict."""
        stuffed = content.replace(b"\r\n.", b"\r\n..")
        if stuffed.startswith(b"."):
            stuffed = b"." + stuffed
        in_doubt = False
        try:
            self._write(stuffed + (b".\r\n" if stuffed.endswith(b"\r\n") else b"\r\n.\r\n"))
            await self._until_written()
            in_doubt = True
            reply = await self._reply(self._timeout * _PATIENCE_AFTER_DOT)
        except Lost as lost:
            when = "after the final dot, before the reply" if in_doubt else "before the final dot"
            return Ending(stage=Stage.DATA, reply=None, words=f"{lost} ({when})", in_doubt=in_doubt)
        return Ending(stage=Stage.DATA, reply=reply, words=str(reply), accepted=reply.code // 100 == 2)

    async def _reset(self) -> None:
        try:
            self._write(b"RSET\r\n")
            reply = await self._reply(self._timeout)
        except Lost:
            return
        if reply.code // 100 != 2:
            self.abort()

    def _write(self, data: bytes) -> None:
        if self._lost is not None or self._transport.is_closing():
            raise Lost(self._lost or "the connection was closed")
        self._transport.write(data)
        if self._transport.is_closing():
            raise Lost("the connection was closed")

    async def _until_written(self) -> None:
        """Wait until the kernel has taken every byte, or the server has said something meanwhile."""
        if not self._paused:
            return
        try:
            async with asyncio.timeout(self._timeout * _PATIENCE_AFTER_DOT):
                while self._paused and not self._replies:
                    await self._something()
        except TimeoutError:
            self.abort()
            raise Lost("the server stopped reading") from None

    async def _reply(self, seconds: float) -> Reply:
        if not self._replies:  # pipelined, the second and third have mostly come with the first
            try:
                async with asyncio.timeout(seconds):
                    while not self._replies:
                        await self._something()
            except TimeoutError:
                self.abort()
                raise Lost(f"no answer within {seconds:g} s") from None
        return self._replies.popleft()

    async def _something(self) -> None:
        if self._lost is not None:
            raise Lost(self._lost)
        self._waiter = self._loop.create_future()
        await self._waiter

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def data_received(self, data: bytes) -> None:
        """Cut what came into replies; the lines of one share a code."""
        self._buffer += data
        while (end := self._buffer.find(b"\n")) >= 0:
            line = bytes(self._buffer[:end]).rstrip(b"\r")
            del self._buffer[: end + 1]
            if not line[:3].isdigit():
                self._broken("the server does not speak SMTP")
                return
            code = int(line[:3])
            if self._lines and code != self._code:  # RFC 5321, section 4.2.1: nobody shall be failed by half of it
                self._broken("the server contradicts itself in one reply")
                return
            self._code = code
            self._lines.append(line[4:].decode("utf-8", "replace"))
            if line[3:4] != b"-":
                self._replies.append(Reply(code, self._hide("\n".join(self._lines))))
                self._lines.clear()
                self._wake()
        if len(self._buffer) + sum(map(len, self._lines)) > _LONGEST_REPLY:
            self._broken("the server's reply has no end")

    def _broken(self, why: str) -> None:
        self._lost = why
        self.abort()
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        """Remember why the connection ended, and let whoever waits know."""
        self._lost = self._lost or (f"the connection was lost: {exc}" if exc else "the server closed the connection")
        if not self._closed.done():
            self._closed.set_result(None)
        self._wake()

    def pause_writing(self) -> None:
        """The kernel has not taken everything yet."""
        self._paused = True

    def resume_writing(self) -> None:
        """The kernel has taken everything."""
        self._paused = False
        self._wake()
