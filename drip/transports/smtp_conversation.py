"""One connection to a mail server: opened by aiosmtplib (EHLO, STARTTLS, AUTH), then spoken to message by message.

aiosmtplib reads one reply at a time and cannot say whether a lost connection had carried the final dot. So once the
door is open, this protocol takes the transport over: it sends MAIL, RCPT and DATA in one go where the server offers
PIPELINING (RFC 2920), and it knows at every moment what has left.
"""

from __future__ import annotations

import asyncio
import base64
import ipaddress
import ssl
from collections import deque
from dataclasses import dataclass, field
from typing import Literal, cast

import aiosmtplib

from drip.errors import SenderTrouble
from drip.transports.smtp_replies import Reply, Stage, Verdict, judge

Tls = Literal["auto", "none", "starttls", "implicit"]

#: The port on which a server speaks TLS from the first byte (RFC 8314).
IMPLICIT_TLS_PORT = 465
#: How many times the usual patience a server gets between the final dot and its reply: to give up there is to risk a
#: mail sent twice (RFC 5321, section 4.5.3.2.6, asks for ten minutes).
_PATIENCE_AFTER_DOT = 5
#: Seconds to wait for the answer to QUIT.
_PATIENCE_AT_QUIT = 2.0
#: Bytes of a reply that are read before the server is taken for broken.
_LONGEST_REPLY = 65_536
#: In the order in which they are tried. Each password travels under TLS, to loopback, or by the operator's own word.
_AUTH_METHODS = ("plain", "login", "cram-md5")
#: "Unrecognized authentication type" (RFC 4954): another one may do.
_TRY_ANOTHER_METHOD = 504


class Unreachable(SenderTrouble):
    """The server cannot be used at the moment; nobody has failed, and trying later may help."""


class Lost(Exception):
    """The connection ended, or the server fell silent, before a reply came."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """Where the mail server is and how to speak to it. `timeout` is seconds for each reply."""

    host: str
    port: int
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: Tls = "auto"
    timeout: float = 60.0
    ca_file: str | None = None
    local_hostname: str | None = None

    @property
    def implicit(self) -> bool:
        """Whether TLS begins with the first byte; `auto` knows port 465 for it."""
        return self.tls == "implicit" or (self.tls == "auto" and self.port == IMPLICIT_TLS_PORT)

    @property
    def loopback(self) -> bool:
        """Whether the host is this machine by its very name; what a name resolves to is not trusted."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host.lower() == "localhost"

    def tls_context(self) -> ssl.SSLContext:
        """What certificates are held against. Raises OSError where `ca_file` cannot be read."""
        context = ssl.create_default_context(cafile=self.ca_file)
        if self.tls == "auto" and self.loopback and not self.ca_file:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context

    def hide(self, words: str) -> str:
        """Take the password out of words that the server may have echoed."""
        if self.password:
            user, password = (self.username or "").encode(), self.password.encode()
            for secret in (password, base64.b64encode(password), base64.b64encode(b"\0" + user + b"\0" + password)):
                words = words.replace(secret.decode("utf-8"), "***")
        return words

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How one message ended. `reply` is None where the connection was lost: `in_doubt` if the final dot had left."""

    stage: Stage
    reply: Reply | None
    words: str
    accepted: bool = False
    in_doubt: bool = False


async def open_conversation(server: Server, context: ssl.SSLContext | None) -> Conversation:
    """Connect, greet, begin TLS and log in. Raises Unreachable (not now) or SenderTrouble (not like this)."""
    client = aiosmtplib.SMTP(
        hostname=server.host,
        port=server.port,
        local_hostname=server.local_hostname,
        timeout=server.timeout,
        use_tls=server.implicit,
        start_tls={"auto": None, "none": False, "starttls": True, "implicit": False}[server.tls]
        if not server.implicit
        else False,
        tls_context=context,
    )
    try:
        await client.connect()
        await _greet(client)
        if server.username is not None:
            await _log_in(client, server)
        return Conversation(cast(asyncio.Transport, client.transport), server, client.supports_extension("pipelining"))
    except BaseException as error:
        client.close()
        if isinstance(error, (aiosmtplib.SMTPException, OSError, ValueError)):
            raise _why_not(server, error) from None  # the chain could hold the password's own bytes
        raise


async def _greet(client: aiosmtplib.SMTP) -> None:
    if client.is_ehlo_or_helo_needed:
        try:
            await client.ehlo()
        except aiosmtplib.SMTPHeloError as error:
            if error.code // 100 != 5 or not client.is_connected:
                raise
            await client.helo()  # a server from before 1995


async def _log_in(client: aiosmtplib.SMTP, server: Server) -> None:
    username, password = server.username or "", server.password or ""
    encrypted = client.get_transport_info("sslcontext") is not None
    if not encrypted and server.tls != "none" and not server.loopback:
        raise SenderTrouble(f"{server} offers no STARTTLS, and a password is not sent in the clear")
    offered = [method for method in _AUTH_METHODS if method in client.server_auth_methods]
    if not offered:
        raise SenderTrouble(f"{server} offers no way to log in that drip knows ({', '.join(_AUTH_METHODS)})")
    for method in offered:
        try:
            if method == "plain":
                await client.auth_plain(username, password)
            elif method == "login":
                await client.auth_login(username, password)
            else:
                await client.auth_crammd5(username, password)
            return
        except aiosmtplib.SMTPAuthenticationError as error:
            # One refusal is the answer: more tries with the same password only lock the account.
            if error.code != _TRY_ANOTHER_METHOD or method == offered[-1]:
                raise


def _why_not(server: Server, error: BaseException) -> SenderTrouble:
    """Say in words why there is no conversation, and whether trying again may help."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return SenderTrouble(f"the certificate of {server} cannot be trusted: {cause.verify_message}")
        if isinstance(cause, ssl.SSLError):
            return SenderTrouble(f"{server} does not speak TLS as asked (tls={server.tls}): {cause.reason or cause}")
        cause = cause.__cause__
    if isinstance(error, aiosmtplib.SMTPResponseException):
        stage = Stage.STARTTLS
        for kind, its_stage in (
            (aiosmtplib.SMTPConnectResponseError, Stage.CONNECT),
            (aiosmtplib.SMTPHeloError, Stage.EHLO),
            (aiosmtplib.SMTPAuthenticationError, Stage.AUTH),
        ):
            if isinstance(error, kind):
                stage = its_stage
        reply = Reply(error.code, server.hide(error.message))
        if judge(stage, reply) is Verdict.TROUBLE:
            return SenderTrouble(f"{server} refused us at {stage}: {reply}")
        return Unreachable(f"{server} takes no mail for now, at {stage}: {reply}")
    words = server.hide(str(error))
    if isinstance(error, (OSError, aiosmtplib.SMTPConnectError, aiosmtplib.SMTPServerDisconnected, TimeoutError)):
        return Unreachable(f"{server} cannot be reached for now: {words}")
    return SenderTrouble(f"{server} cannot be used: {words}")


class Conversation(asyncio.Protocol):
    """A door that stands open. One message at a time; `used` counts them."""

    def __init__(self, transport: asyncio.Transport, server: Server, pipelining: bool) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport = transport
        self._server = server
        self._pipelining = pipelining
        self._buffer = bytearray()
        self._lines: list[str] = []
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
                await self._reply(min(self._server.timeout, _PATIENCE_AT_QUIT))
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
                reply = await self._reply(self._server.timeout)
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
            reply = await self._reply(self._server.timeout * _PATIENCE_AFTER_DOT)
        except Lost as lost:
            when = "after the final dot, before the reply" if in_doubt else "before the final dot"
            return Ending(stage=Stage.DATA, reply=None, words=f"{lost} ({when})", in_doubt=in_doubt)
        return Ending(stage=Stage.DATA, reply=reply, words=str(reply), accepted=reply.code // 100 == 2)

    async def _reset(self) -> None:
        try:
            self._write(b"RSET\r\n")
            reply = await self._reply(self._server.timeout)
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
        try:
            async with asyncio.timeout(self._server.timeout * _PATIENCE_AFTER_DOT):
                while self._paused and not self._replies:
                    await self._something()
        except TimeoutError:
            self.abort()
            raise Lost("the server stopped reading") from None

    async def _reply(self, seconds: float) -> Reply:
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
            self._lines.append(line[4:].decode("utf-8", "replace"))
            if line[3:4] != b"-":
                self._replies.append(Reply(int(line[:3]), self._server.hide("\n".join(self._lines))))
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
