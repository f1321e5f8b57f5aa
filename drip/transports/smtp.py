"""A mail server, over connections that stay open between calls.

The engine is synchronous; this transport runs an event loop in a thread of its own, in which up to `connections`
conversations share a batch. What a reply means is decided in smtp_replies.py, how a server is spoken to in
smtp_conversation.py; here is who goes next, and when to stop.
"""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
import threading
from collections import deque
from collections.abc import Coroutine, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from drip.errors import SenderTrouble
from drip.render.message import Message
from drip.render.mime import ascii_address, to_bytes
from drip.transports import Outcome, Receipt, Result
from drip.transports.smtp_conversation import Conversation, Ending, Server, Tls, Unreachable, open_conversation
from drip.transports.smtp_replies import Stage, Verdict, judge
from drip.transports.smtp_url import parse_smtp_url

__all__ = ["Smtp", "parse_smtp_url"]

#: Refused in a row, none accepted between: that is no longer about people, it is about us.
REFUSED_IN_A_ROW = 10
#: Connections lost in a row: the server is ill; the rest of the batch would only wait for the same.
LOST_IN_A_ROW = 3
#: Seconds after which an unused connection is not trusted any more; routers forget silent ones.
_IDLE_FOR = 60.0

_OUTCOMES = {
    Verdict.FINE: Outcome.RETRY,  # a yes where none was asked for: nothing is known to have been taken
    Verdict.LATER: Outcome.RETRY,
    Verdict.UNREACHABLE: Outcome.RETRY,
    Verdict.DEAD: Outcome.REFUSED,
    Verdict.REFUSED: Outcome.REFUSED,
    Verdict.TROUBLE: Outcome.UNTRIED,
}

T = TypeVar("T")


class Smtp:
    """The transport that speaks SMTP. `timeout` is seconds for each reply (five times that after the final dot).

    `tls`: `auto` takes STARTTLS where offered (TLS from the first byte on port 465), verifies the certificate except
    towards loopback, and sends no password in the clear except to loopback; `starttls` and `implicit` insist and
    always verify; `none` never encrypts. `ca_file` holds certificates to trust in place of the system's.
    """

    name = "smtp"

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
        self._row = 0  # refused since the last accepted one, over all batches
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
        batch = _Batch(messages, self._row)
        await self._drop_stale()
        while batch.goes_on:
            # The first connection goes alone: a wrong password is tried once, not ten times.
            reached = asyncio.Event()
            workers = min(self._connections, len(batch.waiting))
            batch.workers = workers
            async with asyncio.TaskGroup() as group:
                for number in range(workers):
                    group.create_task(self._work(batch, reached, first=number == 0))
        self._row = batch.row_so_far
        return batch.result()

    async def _work(self, batch: _Batch, reached: asyncio.Event, *, first: bool) -> None:
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
                reused = talk.used > 0
                ending = await talk.deliver(mail_from, rcpt_to, content)
                if reused and _nothing_was_said(ending):
                    batch.give_back(position, message)
                else:
                    batch.end(position, ending)
                if not talk.alive:
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


def _nothing_was_said(ending: Ending) -> bool:
    """Whether a kept connection had gone stale: it ended at MAIL, so that trying again on a fresh one risks nothing."""
    return ending.stage is Stage.MAIL and (ending.reply is None or ending.reply.code == 421)


def _own_name() -> str:
    """What to say at EHLO: this machine's full name, or the address literal that RFC 5321 allows in its place."""
    name = socket.getfqdn()
    return name if re.fullmatch(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+", name) else "[127.0.0.1]"


class _Batch:
    """What is left of a batch, and what became of the rest."""

    def __init__(self, messages: Sequence[Message], row_before: int) -> None:
        self._messages = messages
        self.waiting: deque[tuple[int, Message]] = deque(_domains_in_turn(messages))
        self.workers = 0
        self._receipts: dict[int, Receipt] = {}
        self._row: list[int] = []  # positions refused by the server since the last accepted one
        self._row_before = row_before
        self._lost = 0
        self._trouble: str | None = None

    @property
    def goes_on(self) -> bool:
        """Whether there is something left to try, and any use in trying it."""
        return bool(self.waiting) and self._trouble is None and len(self._row) < REFUSED_IN_A_ROW

    @property
    def row_so_far(self) -> int:
        """How many were refused in a row, the batches before this one included."""
        return self._row_before + len(self._row)

    def take(self) -> tuple[int, Message] | None:
        """Give the next message to try, or None."""
        return self.waiting.popleft() if self.goes_on else None

    def give_back(self, position: int, message: Message) -> None:
        """Put a message back in front: nothing was tried for it."""
        self.waiting.appendleft((position, message))

    def stop(self, trouble: str) -> None:
        """Try nothing more; the first trouble is the one that is told."""
        self._trouble = self._trouble or trouble

    def end(self, position: int, ending: Ending) -> None:
        """Write down how a message ended, and notice when it is not about messages any more."""
        if ending.reply is None:
            self.settle(position, Outcome.IN_DOUBT if ending.in_doubt else Outcome.RETRY, ending.words)
            self._lost += 1
            if self._lost >= LOST_IN_A_ROW:
                self.stop(f"{self._lost} connections were lost in a row, the last: {ending.words}")
            return
        self._lost = 0
        if ending.accepted:
            self.settle(position, Outcome.SENT, ending.words)
            self._row.clear()
            self._row_before = 0
            return
        verdict = judge(ending.stage, ending.reply)
        self.settle(position, _OUTCOMES[verdict], ending.words, dead_address=verdict is Verdict.DEAD)
        if verdict is Verdict.TROUBLE:
            self.stop(f"the mail server refused us at {ending.stage}: {ending.words}")
        elif _OUTCOMES[verdict] is Outcome.REFUSED:
            self._row.append(position)

    def settle(self, position: int, outcome: Outcome, answer: str, *, dead_address: bool = False) -> None:
        """Write the receipt of one message."""
        delivery_id = self._messages[position].delivery_id
        self._receipts[position] = Receipt(
            delivery_id=delivery_id, outcome=outcome, answer=answer, dead_address=dead_address
        )

    def result(self) -> Result:
        """Give a receipt for each message, in their order. A long row of refusals fails nobody: those are UNTRIED."""
        if self._row and self.row_so_far >= REFUSED_IN_A_ROW:
            last = self._receipts[self._row[-1]].answer
            self.stop(f"{self.row_so_far} mails were refused in a row, the last: {last}")
            for position in self._row:
                self.settle(position, Outcome.UNTRIED, self._receipts[position].answer)
        for position, _ in self.waiting:
            self.settle(position, Outcome.UNTRIED, "")
        return Result(
            receipts=tuple(self._receipts[position] for position in range(len(self._messages))), trouble=self._trouble
        )


def _domains_in_turn(messages: Sequence[Message]) -> list[tuple[int, Message]]:
    """Deal the messages out domain by domain, so that one company's dead addresses make no long row."""
    rounds: dict[str, int] = {}
    keyed = []
    for position, message in enumerate(messages):
        domain = message.rcpt_to.rpartition("@")[2].lower()
        rounds[domain] = rounds.get(domain, -1) + 1
        keyed.append((rounds[domain], position, message))
    keyed.sort(key=lambda entry: entry[:2])
    return [(position, message) for _, position, message in keyed]
