"""Ask a web server again and again over connections that stay open, as fast as it answers. A process of its own.

    web_client.py PORT CONNECTIONS SECONDS [RATE] < paths

Each connection has one request under way at a time; with a RATE, all together ask no more often a second. Prints a
JSON object: how many were answered, requests a second, milliseconds (p50, p99, the longest), how many of each status,
and the CPU seconds that asking took.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from itertools import cycle

import uvloop

#: What a phone's mail app sends, in about as many words.
HEADERS = (
    "Host: learn.acme.example\r\nAccept: image/avif,image/webp,*/*;q=0.8\r\nAccept-Language: sv,en;q=0.7\r\n"
    "User-Agent: Mozilla/5.0 (iPhone; CPU iPhone OS 19_1 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148\r\n"
    "Accept-Encoding: gzip, deflate, br\r\n\r\n"
)


class Asking(asyncio.Protocol):
    """One connection: asks, reads the whole answer, asks again."""

    def __init__(
        self, requests: Iterator[bytes], until: float, every: float, took: list[float], statuses: Counter[str]
    ) -> None:
        self._requests, self._until, self._every, self._took, self._statuses = requests, until, every, took, statuses
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._read = b""

    def connection_made(self, transport: asyncio.WriteTransport) -> None:  # type: ignore[override]  (uvloop's own)
        """Begin."""
        self._transport = transport
        self._ask()

    def data_received(self, data: bytes) -> None:
        """Some of an answer; once all of it is there, the next request."""
        self._read = self._read + data if self._read else data
        end = self._read.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self._read[:end].lower()
        place = head.find(b"content-length: ")
        length = int(head[place + 16 :].split(b"\r\n", 1)[0]) if place >= 0 else 0
        if len(self._read) < end + 4 + length:
            return
        now = time.perf_counter()
        self._took.append(now - self._asked)
        self._statuses[head[9:12].decode()] += 1
        self._read = b""
        if now + self._every < self._until:
            if self._every:
                asyncio.get_running_loop().call_later(max(0.0, self._asked + self._every - now), self._ask)
            else:
                self._ask()
        else:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """The end, by us or by them."""
        if exc is not None or time.perf_counter() + self._every < self._until:
            self._statuses["lost"] += 1
        if not self.done.done():
            self.done.set_result(None)

    def _ask(self) -> None:
        self._asked = time.perf_counter()
        self._transport.write(next(self._requests))


async def ask(port: int, connections: int, seconds: float, rate: float, paths: list[str]) -> dict[str, object]:
    """Ask for so many seconds; the paths in turn, over all connections together. `rate` 0 is as fast as it goes."""
    requests = cycle([f"GET {path} HTTP/1.1\r\n{HEADERS}".encode() for path in paths])
    took: list[float] = []
    statuses: Counter[str] = Counter()
    loop, began, cpu = asyncio.get_running_loop(), time.perf_counter(), time.process_time()
    every = connections / rate if rate else 0.0

    def asking() -> Asking:
        return Asking(requests, began + seconds, every, took, statuses)

    askers = [(await loop.create_connection(asking, "127.0.0.1", port))[1] for _ in range(connections)]
    await asyncio.gather(*(asker.done for asker in askers))
    lasted = time.perf_counter() - began
    took.sort()
    return {
        "answered": len(took),
        "rate": len(took) / lasted,
        "p50": 1000 * took[len(took) // 2],
        "p99": 1000 * took[len(took) * 99 // 100],
        "longest": 1000 * took[-1],
        "statuses": dict(statuses),
        "cpu": time.process_time() - cpu,
    }


if __name__ == "__main__":
    port, connections, seconds, rate = (*(float(word) for word in sys.argv[1:]), 0.0)[:4]
    asked = ask(int(port), int(connections), seconds, rate, sys.stdin.read().split())
    print(json.dumps(uvloop.run(asked)))
