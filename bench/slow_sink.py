"""A mail server that is far away: `python bench/slow_sink.py MILLISECONDS` says its port, and takes everything.

Each reply leaves so long after its command came, as over a line with that round trip. Commands that come together
(PIPELINING, which it offers) are answered together. One process serves hundreds of connections: waiting costs nothing.
"""

from __future__ import annotations

import asyncio
import sys

_MOST_WAITING = 512
_END = b"\r\n.\r\n"
_OFFERS = b"250-slow-sink\r\n250-PIPELINING\r\n250 8BITMIME\r\n"
_REPLIES = {b"EHLO": _OFFERS, b"DATA": b"354 Go on\r\n", b"QUIT": b"221 Bye\r\n"}
_OK = b"250 2.0.0 Ok\r\n"


class _Conversation(asyncio.Protocol):
    """One connection: commands until DATA, then a message until its final dot."""

    def __init__(self, delay: float) -> None:
        self._delay = delay
        self._came = bytearray()
        self._in_message = False
        self._seen = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._say(b"220 slow-sink ESMTP\r\n")

    def data_received(self, data: bytes) -> None:
        self._came += data
        while self._take_message() if self._in_message else self._take_command():
            pass

    def _take_command(self) -> bool:
        line, ended, rest = self._came.partition(b"\r\n")
        if not ended:
            return False
        self._came, self._seen = rest, 0
        verb = bytes(line[:4]).upper()
        self._in_message = verb == b"DATA"
        self._say(_REPLIES.get(verb, _OK), last=verb == b"QUIT")
        return True

    def _take_message(self) -> bool:
        end = self._came.find(_END, max(0, self._seen - len(_END)))
        if end < 0:
            self._seen = len(self._came)
            return False
        del self._came[: end + len(_END)]
        self._in_message = False
        self._say(_OK)
        return True

    def _say(self, words: bytes, *, last: bool = False) -> None:
        asyncio.get_running_loop().call_later(self._delay, self._write, words, last)

    def _write(self, words: bytes, last: bool) -> None:
        if not self._transport.is_closing():
            self._transport.write(words)
            if last:
                self._transport.close()


async def _serve(delay: float) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Conversation(delay), "127.0.0.1", 0, backlog=_MOST_WAITING)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(float(sys.argv[1]) / 1000))
