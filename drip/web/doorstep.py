"""What a connection may cost before anybody knows what it wants: so many bytes, and so many seconds.

uvicorn's quick parser takes headers of any size and waits for them for ever; a few strangers who send a byte a second,
or who ask for pictures and never read them, would hold memory and sockets of everybody else.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

#: The request line and the headers together. Browsers send 1 KB, proxies and their cookies a few more.
LONGEST_HEAD = 32 * 1024
#: The head of a request must be here within so long after the connection, or its first byte.
HEAD_SECONDS = 15.0
#: So must the whole of it; a form that somebody waits for has less (web/forms.py).
REQUEST_SECONDS = 30.0
#: An answer of which nothing is taken for so long is given up.
UNREAD_SECONDS = 30.0
#: Nobody takes longer than this over one request and its answer.
EXCHANGE_SECONDS = 600.0
#: How often a connection is looked at.
LOOK_SECONDS = 5.0

_REFUSED = (
    b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: %d\r\n"
    b"Cache-Control: no-store\r\nReferrer-Policy: no-referrer\r\nX-Content-Type-Options: nosniff\r\n"
    b"Connection: close\r\n\r\n%b"
)


class Doorstep(HttpToolsProtocol):
    """One connection, which is cut where it costs more than that."""

    transport: Any  # an asyncio.Transport, of which uvloop's are no subclass

    def connection_made(self, transport: Any) -> None:
        """Somebody has come."""
        super().connection_made(transport)
        self._head: int | None = 0
        self._whole = False
        self._since = self._read_at = self.loop.time()
        self._unread = 0
        self._look_later: asyncio.TimerHandle = self.loop.call_later(LOOK_SECONDS, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        """They have gone."""
        self._look_later.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Pass on what has come, unless it is a head that does not end."""
        super().data_received(data)
        if self._head is not None:
            self._head += len(data)
            if self._head > LONGEST_HEAD and not self.transport.is_closing():
                self.send_400_response("Too many headers.")

    def send_400_response(self, msg: str) -> None:
        """What is no request of HTTP is refused in a few words, which nobody keeps."""
        self.transport.write(_REFUSED % (len(msg), msg.encode("ascii")))
        self.transport.close()

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self._head, self._whole, self._since = 0, False, self.loop.time()

    def on_headers_complete(self) -> None:
        """Its head is here. Raises ValueError, which the parser makes a 400 of, where that is too long."""
        self._head = None
        if len(self.url) + sum(len(name) + len(value) for name, value in self.headers) > LONGEST_HEAD:
            raise ValueError("too many headers")
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """All of it is here."""
        self._whole = True
        super().on_message_complete()

    def _look(self) -> None:
        """Cut the connection where it has taken too long; look again later otherwise."""
        now, unread = self.loop.time(), self.transport.get_write_buffer_size()
        if unread == 0 or unread < self._unread:
            self._read_at = now
        self._unread = unread
        waited = now - self._since
        if (
            (self._head is not None and waited > HEAD_SECONDS and not self._answers())
            or (not self._whole and waited > REQUEST_SECONDS)
            or now - self._read_at > UNREAD_SECONDS
            or (waited > EXCHANGE_SECONDS and (unread > 0 or self._answers()))
        ):
            self.transport.abort()
            return
        self._look_later = self.loop.call_later(LOOK_SECONDS, self._look)

    def _answers(self) -> bool:
        """Whether an answer to an earlier request is still being made."""
        return self.cycle is not None and not self.cycle.response_complete
