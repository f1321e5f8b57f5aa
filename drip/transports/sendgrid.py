"""SendGrid's v3 API, over connections that stay open between calls.

The engine is synchronous; this transport runs an event loop in a thread of its own, in which up to `connections`
requests share the batches of all who call. What travels stands in sendgrid_json.py, how in sendgrid_posting.py, what an
answer means in sendgrid_answers.py, and who goes when in sendgrid_desk.py.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING

from drip.render.message import Message
from drip.transports import Result
from drip.transports.batch import Record
from drip.transports.event_loop import new_event_loop
from drip.transports.sendgrid_url import API, parse_sendgrid_url, read_key

if TYPE_CHECKING:  # httpx is wanted only by whoever sends
    from drip.transports.sendgrid_desk import Desk

__all__ = ["SendGrid", "parse_sendgrid_url"]

log = logging.getLogger("drip.deliver")


class SendGrid:
    """The transport that posts to SendGrid. `timeout` is seconds for each step of a request.

    `host` is where the API answers: an account of the EU has another one. In `sandbox` mode SendGrid checks each
    request and mails nothing. The key is shown nowhere.
    """

    def __init__(
        self,
        key: str | None,
        host: str = API,
        connections: int = 20,
        sandbox: bool = False,
        timeout: float = 60.0,
    ) -> None:
        #: What the breaker is kept under: another account's API has no trouble yet.
        self.name = f"sendgrid {host.partition('://')[2]}{' in sandbox mode' if sandbox else ''}"
        self.connections = self._most = connections
        self._key = read_key(key)
        self._host = host
        self._sandbox = sandbox
        self._timeout = timeout
        self._record = Record()
        self._desk: Desk | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._door = threading.Lock()  # at the thread's beginning and end

    def __repr__(self) -> str:
        return f"SendGrid(…, {self._host!r}, connections={self.connections}, sandbox={self._sandbox})"

    def send(self, messages: Sequence[Message]) -> Result:
        """Try each message once, in up to `connections` requests together with whoever else is sending."""
        if not messages:
            return Result(receipts=())
        result = Future[Result]()
        with self._door:
            loop, desk = self._started()
            from drip.transports.sendgrid_desk import Batch

            batch = Batch(messages, self._record, sandbox=self._sandbox)
            loop.call_soon_threadsafe(desk.add, batch, result)
        try:
            return result.result()
        finally:
            if not result.done():  # an interrupted caller leaves no message half way: it is cut off
                loop.call_soon_threadsafe(desk.drop, batch)

    def allow(self, connections: int) -> None:
        """Have no more than so many open: all are closed, and opened again as they are needed."""
        if min(connections, self._most) != self.connections:
            self.close()
            self.connections = min(connections, self._most)

    def close(self) -> None:
        """End all connections and the thread, once nobody sends. A later `send` starts again."""
        with self._door:
            if self._loop is None or self._thread is None or self._desk is None:
                return
            asyncio.run_coroutine_threadsafe(self._desk.close(), self._loop).result()
            asyncio.run_coroutine_threadsafe(self._loop.shutdown_default_executor(), self._loop).result()
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()
            self._loop = self._thread = self._desk = None

    def _started(self) -> tuple[asyncio.AbstractEventLoop, Desk]:
        if self._loop is None or self._desk is None:
            from drip.transports.sendgrid_desk import Desk
            from drip.transports.sendgrid_posting import Poster

            for name in ("httpx", "httpcore"):  # they have lines for each request
                logging.getLogger(name).setLevel(logging.WARNING)
            if self._sandbox:
                log.warning("sandbox mode: SendGrid checks each mail, and sends none")
            poster = Poster(self._key, self._host, timeout=self._timeout)
            self._desk = Desk(poster, self._record, most=self.connections, sandbox=self._sandbox)
            self._loop = new_event_loop()
            self._thread = threading.Thread(target=self._loop.run_forever, name="drip-sendgrid", daemon=True)
            self._thread.start()
        return self._loop, self._desk
