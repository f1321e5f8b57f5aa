"""The way to an open connection: connect, EHLO, STARTTLS and AUTH by aiosmtplib, and why it failed, in words."""

from __future__ import annotations

import asyncio
import base64
import ipaddress
import re
import ssl
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal, cast

import aiosmtplib

from drip.errors import SenderTrouble
from drip.transports.smtp_conversation import Conversation
from drip.transports.smtp_replies import Reply, Stage, Verdict, judge

Tls = Literal["auto", "none", "starttls", "implicit"]

#: The port on which a server speaks TLS from the first byte (RFC 8314).
IMPLICIT_TLS_PORT = 465
#: In the order in which they are tried. Each password travels under TLS, to loopback, or by the operator's own word.
_AUTH_METHODS = ("plain", "login", "cram-md5")
#: "Unrecognized authentication type" (RFC 4954): another one may do.
_TRY_ANOTHER_METHOD = 504


class Unreachable(SenderTrouble):
    """The server cannot be used at the moment; nobody has failed, and trying later may help."""


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
            for secret in _spellings(self.username or "", self.password):
                words = words.replace(secret, "***")
        return words

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@lru_cache(maxsize=4)  # asked for each mail
def _spellings(user: str, password: str) -> tuple[str, ...]:
    """A password as it may stand in what was said at AUTH."""
    plain = f"\0{user}\0{password}".encode()
    return password, base64.b64encode(password.encode()).decode("ascii"), base64.b64encode(plain).decode("ascii")


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
        return Conversation(
            cast(asyncio.Transport, client.transport),
            timeout=server.timeout,
            pipelining=client.supports_extension("pipelining"),
            hide=server.hide,
            largest=_largest(client),
        )
    except BaseException as error:
        client.close()
        if isinstance(error, (aiosmtplib.SMTPException, OSError, ValueError)):
            raise _why_not(server, error) from None  # the chain could hold the password's own bytes
        raise


def _largest(client: aiosmtplib.SMTP) -> int:
    """The most bytes that the server takes; 0 where it does not say, or says nonsense."""
    said = client.esmtp_extensions.get("size", "").strip()
    return int(said) if re.fullmatch(r"[0-9]{1,18}", said) else 0


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
