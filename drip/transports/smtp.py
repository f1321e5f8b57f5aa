"""A mail server, over connections that stay open between calls.

The engine is synchronous; this transport runs an event loop in a thread of its own, in which up to `connections`
conversations share the batches of all who call. How a connection is opened stands in smtp_opening.py, what is said on
it in smtp_conversation.py and smtp_wire.py, what a reply means in smtp_replies.py, when to stop in smtp_batch.py, and
who goes with whom in smtp_connections.py.
"""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import replace

from drip.errors import SenderTrouble
from drip.render.message import Message
from drip.transports import Result
from drip.transports.dkim_keys import DkimKey
from drip.transports.event_loop import new_event_loop
from drip.transports.smtp_batch import Batch, Record
from drip.transports.smtp_connections import Connections
from drip.transports.smtp_conversation import Conversation
from drip.transports.smtp_opening import Server, Tls, open_conversation
from drip.transports.smtp_url import parse_smtp_url

__all__ = ["Smtp", "parse_smtp_url"]


class Smtp:
    """The transport that speaks SMTP. `timeout` is seconds for each reply (five times that after the final dot).

    `tls`: `auto` takes STARTTLS where offered (TLS from the first byte on port 465), verifies the certificate except
    towards loopback, and sends no password in the clear except to loopback; `starttls` and `implicit` insist and
    always verify; `none` never encrypts. `ca_file` holds certificates to trust in place of the system's.
    `keys` sign the mails whose From they cover.
    """

    def __init__(
        self,
        host: str,
        port: int,
        username: str | None = None,
        password: str | None = None,
        tls: Tls = "auto",
        connections: int = 10,
        timeout: float = 60.0,
        ca_file: str | None = None,
        local_hostname: str | None = None,
        keys: Sequence[DkimKey] = (),
    ) -> None:
        #: What the breaker is kept under: another server has no trouble yet.
        self.name = f"smtp {host}:{port}"
        self.connections = self._most = connections
        self._server = Server(
            host=host,
            port=port,
            username=username,
            password=password,
            tls=tls,
            timeout=timeout,
            ca_file=ca_file,
            local_hostname=local_hostname,
        )
        self._context: ssl.SSLContext | None = None
        self._keys = tuple(keys)
        self._record = Record()
        self._talks: Connections | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._door = threading.Lock()  # at the thread's beginning and end

    def __repr__(self) -> str:
        return f"Smtp({self._server}, tls={self._server.tls!r}, connections={self.connections})"

    def send(self, messages: Sequence[Message]) -> Result:
        """Try each message once, over up to `connections` connections together with whoever else is sending."""
        if not messages:
            return Result(receipts=())
        batch, result = Batch(messages, self._record, self._keys), Future[Result]()
        with self._door:
            loop, talks = self._started()
            loop.call_soon_threadsafe(talks.add, batch, result)
        try:
            batch.sign_ahead()
            return result.result()
        finally:
            if not result.done():  # an interrupted caller leaves no message half way: it is cut off
                loop.call_soon_threadsafe(talks.drop, batch)

    def allow(self, connections: int) -> None:
        """Have no more than so many open; those that are idle and above it say QUIT before this returns."""
        with self._door:
            self.connections = min(connections, self._most)
            if self._loop is not None and self._talks is not None:
                asyncio.run_coroutine_threadsafe(self._talks.allow(self.connections), self._loop).result()

    def close(self) -> None:
        """Say QUIT on every open connection and end the thread, once nobody sends. A later `send` starts again."""
        with self._door:
            if self._loop is None or self._thread is None or self._talks is None:
                return
            asyncio.run_coroutine_threadsafe(_say_goodbye(self._talks), self._loop).result()
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()
            self._loop = self._thread = self._talks = None

    def _started(self) -> tuple[asyncio.AbstractEventLoop, Connections]:
        if self._loop is None or self._talks is None:
            self._loop = new_event_loop()
            self._talks = Connections(self.connections, self._record, self._open)
            self._thread = threading.Thread(target=self._loop.run_forever, name="drip-smtp", daemon=True)
            self._thread.start()
        return self._loop, self._talks

    async def _open(self) -> Conversation:
        if self._server.local_hostname is None:
            name = await asyncio.get_running_loop().run_in_executor(None, _own_name)
            self._server = replace(self._server, local_hostname=name)
        if self._context is None and self._server.tls != "none":
            try:
                self._context = self._server.tls_context()
            except OSError as error:
                raise SenderTrouble(f"the certificates in {self._server.ca_file} cannot be read: {error}") from None
        return await open_conversation(self._server, self._context)


async def _say_goodbye(talks: Connections) -> None:
    await talks.close()
    await asyncio.get_running_loop().shutdown_default_executor()


def _own_name() -> str:
    """What to say at EHLO: this machine's full name, or the address literal that RFC 5321 allows in its place."""
    name = socket.getfqdn()
    return name if re.fullmatch(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+", name) else "[127.0.0.1]"
