"""Bytes on one connection: what leaves, what comes in as replies, and how long it is waited for.

One timer a connection, however many replies: it looks up now and then whether the patience has run out.
"""

from __future__ import annotations

import asyncio
import ssl
from abc import ABC, abstractmethod
from math import inf

#: Bytes of a reply that are read before the server is taken for broken.
_LONGEST_REPLY = 65_536


class Wire(asyncio.Protocol, ABC):
    """A connection that was opened by somebody else, and taken over. A conversation fills in the last three methods."""

    def __init__(self, transport: asyncio.Transport, *, timeout: float) -> None:
        self.timeout = timeout
        #: why the connection is of no use any more
        self.lost: str | None = None
        #: whether the kernel has not taken everything that was written
        self.paused = False
        #: whether something has already come behind the reply that is being looked at
        self.more = False
        self.loop = asyncio.get_running_loop()
        self.closed = self.loop.create_future()
        self._transport = transport
        self._rest = b""  # a line whose end has not come
        self._lines: list[bytes] = []  # of a reply whose last line has not come
        self._code = b""
        self._patience, self._until = timeout, inf
        self._timer: asyncio.TimerHandle | None = None
        self._looks_at = inf
        # Whatever the kernel has not taken pauses the writing: that is how the dot is known not to have left.
        transport.set_write_buffer_limits(high=1, low=0)
        transport.set_protocol(self)

    @property
    def alive(self) -> bool:
        """Whether anything can be said here."""
        return self.lost is None and not self._transport.is_closing()

    @property
    def secured(self) -> ssl.SSLObject | None:
        """What encrypts the connection; None in the clear."""
        inside: ssl.SSLObject | None = self._transport.get_extra_info("ssl_object")
        return inside

    def write(self, data: bytes) -> None:
        """Send bytes. That it failed is told by `hung_up`, soon."""
        if not self._transport.is_closing():
            self._transport.write(data)

    def wait(self, seconds: float) -> None:
        """Hang up unless the next reply comes within so many seconds, or `rest` is called."""
        self._patience = seconds
        self._until = self.loop.time() + seconds
        if self._until < self._looks_at:
            self._look_again(self._until)

    def rest(self) -> None:
        """Wait for nothing."""
        self._until = inf

    def hang_up(self, why: str) -> None:
        """Close at once; nothing more is read."""
        if self.lost is None:
            self.lost = why
            self._transport.abort()
            if self._timer is not None:
                self._timer.cancel()
            self.hung_up(why)

    def data_received(self, data: bytes) -> None:
        """Cut what came into replies; the lines of one share a code."""
        if self._rest:
            data = self._rest + data
        start = 0
        while (end := data.find(b"\n", start)) >= 0 and self.lost is None:
            line, start = data[start:end].rstrip(b"\r"), end + 1
            code = line[:3]
            if not code.isdigit():
                self.hang_up("the server does not speak SMTP")
            elif self._lines and code != self._code:  # RFC 5321, section 4.2.1: nobody shall be failed by half of it
                self.hang_up("the server contradicts itself in one reply")
            elif line[3:4] == b"-":
                self._code = code
                self._lines.append(line[4:])
            else:
                text = line[4:]
                if self._lines:
                    text = b"\n".join((*self._lines, text))
                    self._lines.clear()
                self.more = start < len(data)
                self.replied(int(code), text)
        self._rest = data[start:]
        if len(self._rest) + sum(map(len, self._lines)) > _LONGEST_REPLY:
            self.hang_up("the server's reply has no end")

    def eof_received(self) -> None:
        """Nothing more comes. What the kernel has not taken yet is not worth a try."""
        self.hang_up("the server closed the connection")

    def connection_lost(self, exc: Exception | None) -> None:
        """Remember why the connection ended."""
        self.hang_up(f"the connection was lost: {exc}" if exc else "the server closed the connection")
        if not self.closed.done():
            self.closed.set_result(None)

    def pause_writing(self) -> None:
        """The kernel has not taken everything yet."""
        self.paused = True

    def resume_writing(self) -> None:
        """The kernel has taken everything."""
        self.paused = False
        if self.lost is None:
            self.left()

    def _look_again(self, at: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._looks_at = at
        self._timer = self.loop.call_at(at, self._look)

    def _look(self) -> None:
        """Hang up if the patience has run out. A later deadline is never nearer than `timeout`, save that of QUIT."""
        self._timer, self._looks_at = None, inf
        now = self.loop.time()
        if now >= self._until:
            self.hang_up("the server stopped reading" if self.paused else f"no answer within {self._patience:g} s")
        elif self._until < inf:
            self._look_again(min(self._until, now + self.timeout))

    @abstractmethod
    def replied(self, code: int, text: bytes) -> None:
        """A whole reply has come; `text` is what followed its code, line by line."""

    @abstractmethod
    def left(self) -> None:
        """The kernel has taken what it had not taken at first."""

    @abstractmethod
    def hung_up(self, why: str) -> None:
        """Nothing more is said or heard, and `why`."""
