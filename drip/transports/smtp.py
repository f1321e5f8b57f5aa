"""A mail server, over connections that stay open between calls.

The engine is synchronous; this transport runs an event loop in a thread of its own, in which up to `connections`
conversations share a batch. How a connection is opened stands in smtp_opening.py, how it is spoken on in
smtp_conversation.py, what a reply means in smtp_replies.py, and when to stop in smtp_batch.py.
"""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
import threading
from collections.abc import Coroutine, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from drip.errors import SenderTrouble
from drip.render.message import Message
from drip.render.mime import ascii_address, to_bytes
from drip.transports import Outcome, Result
from drip.transports.smtp_batch import Batch, Record
from drip.transports.smtp_conversation import Conversation, Ending
from drip.transports.smtp_opening import Server, Tls, Unreachable, open_conversation
from drip.transports.smtp_replies import Stage
from drip.transports.smtp_url import parse_smtp_url

__all__ = ["Smtp", "parse_smtp_url"]

#: Seconds after which an unused connection is not trusted any more; routers forget silent ones.
_IDLE_FOR = 60.0

T = TypeVar("T")


class Smtp:
    """The transport that speaks SMTP. `timeout` is seconds for each reply (five times that after the final dot).

    `tls`: `auto` takes STARTTLS where offered (TLS from the first byte on port 465), verifies the certificate except
    towards loopback, and sends no password in the clear except to loopback; `starttls` and `implicit` insist and
    always verify; `none` never encrypts. `ca_file` holds certificates to trust in place of the system's.
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
    ) -> None:
        #: What the breaker is kept under: another server has no trouble yet.
        self.name = f"smtp {host}:{port}"
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
        self._connections = connections
        self._context: ssl.SSLContext | None = None
        self._idle: list[Conversation] = []
        self._record = Record()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._turn = threading.Lock()

    def __repr__(self) -> str:
        return f"Smtp({self._server}, tls={self._server.tls!r}, connections={self._connections})"

    def send(self, messages: Sequence[Message]) -> Result:
        """Try each message once, over up to `connections` connections at a time."""
        if not messages:
            return Result(receipts=())
        with self._turn:
            return self._run(self._send(messages))

    def close(self) -> None:
        """Say QUIT on every open connection and end the thread. A later `send` starts again."""
        with self._turn:
            if self._loop is None or self._thread is None:
                return
            self._run(self._say_goodbye())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()
            self._loop = self._thread = None

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        """Do it in the transport's own thread. An interrupted caller leaves no message half way: it is cut off."""
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            self._thread = threading.Thread(target=self._loop.run_forever, name="drip-smtp", daemon=True)
            self._thread.start()
        done = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return done.result()
        except BaseException:
            done.cancel()
            raise

    async def _send(self, messages: Sequence[Message]) -> Result:
        batch = Batch(messages, self._record)
        await self._drop_stale()
        while batch.goes_on:
            # The first connection goes alone: a wrong password is tried once, not ten times.
            reached = asyncio.Event()
            workers = 1 if self._record.ill else min(self._connections, len(batch.waiting))
            batch.workers = workers
            async with asyncio.TaskGroup() as group:
                for number in range(workers):
                    group.create_task(self._work(batch, reached, first=number == 0))
        return batch.result()

    async def _work(self, batch: Batch, reached: asyncio.Event, *, first: bool) -> None:
        """Take one message after another until none is left, or there is no use in going on."""
        talk: Conversation | None = None
        try:
            if not first:
                await reached.wait()
            while (taken := batch.take()) is not None:
                position, message = taken
                try:
                    content = to_bytes(message)
                    mail_from = ascii_address(message.mail_from) if message.mail_from else ""
                    rcpt_to = ascii_address(message.rcpt_to)
                except ValueError as error:  # this message's own mistake; the others go on
                    batch.settle(position, Outcome.REFUSED, f"drip cannot write this mail: {error}")
                    continue
                try:
                    talk = talk or self._next_idle() or await self._open()
                except SenderTrouble as trouble:
                    batch.give_back(position, message)
                    # A server may allow fewer connections than we would like: whoever has one goes on.
                    if not isinstance(trouble, Unreachable) or not reached.is_set() or batch.workers == 1:
                        batch.stop(str(trouble))
                    return
                reached.set()
                if not talk.takes(content):
                    words = f"the mail has {len(content)} bytes, and the server takes {talk.largest} at most"
                    batch.settle(position, Outcome.REFUSED, words)
                    continue
                reused = talk.used > 0
                ending = await talk.deliver(mail_from, rcpt_to, content)
                if reused and _was_used_up(ending):
                    batch.give_back(position, message)
                    if talk.alive:
                        await talk.quit()
                else:
                    batch.end(position, ending)
                if not talk.alive:
                    talk.abort()
                    talk = None
        except BaseException:
            if talk is not None:
                talk.abort()  # it may be in the middle of a message
                talk = None
            raise
        finally:
            batch.workers -= 1
            reached.set()
            if talk is not None:
                self._idle.append(talk)

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

    def _next_idle(self) -> Conversation | None:
        while self._idle:
            talk = self._idle.pop()
            if talk.alive:
                return talk
            talk.abort()
        return None

    async def _drop_stale(self) -> None:
        oldest = asyncio.get_running_loop().time() - _IDLE_FOR
        stale = [talk for talk in self._idle if talk.idle_since < oldest]
        self._idle = [talk for talk in self._idle if talk.idle_since >= oldest]
        await asyncio.gather(*(talk.quit() for talk in stale))

    async def _say_goodbye(self) -> None:
        idle, self._idle = self._idle, []
        await asyncio.gather(*(talk.quit() for talk in idle))
        await asyncio.get_running_loop().shutdown_default_executor()


def _was_used_up(ending: Ending) -> bool:
    """Whether a kept connection had gone stale, or had its fill of mails: then a fresh one is tried, without risk."""
    return ending.stage is Stage.MAIL and (ending.reply is None or ending.reply.code // 100 == 4)


def _own_name() -> str:
    """What to say at EHLO: this machine's full name, or the address literal that RFC 5321 allows in its place."""
    name = socket.getfqdn()
    return name if re.fullmatch(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+", name) else "[127.0.0.1]"
