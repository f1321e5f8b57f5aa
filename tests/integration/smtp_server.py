"""Mail servers for tests, each in a process of its own: `python smtp_server.py OPTIONS_AS_JSON`.

Prints its port, then serves on 127.0.0.1 until its standard input ends (so it never outlives the test run). Appends to
`log` a JSON line for each accepted message, out of its hands before the client hears 250:
`{"event": "message", "at", "mail_from", "rcpt_to", "data", "connection"}`. `port` is a free one unless it is given.

Two kinds:

- without `script`: aiosmtpd. Options: `user` and `password` (wanted before MAIL), `cert` and `key` (STARTTLS; with
  `require_starttls` it insists, with `implicit` TLS begins at once), `pipelining` (say so at EHLO; it reads its input
  line by line, so it can).
- with `script`: a peer that does what it is told. It also logs `open`, `close`, `line` and `body` events. The script is
  stage → list of actions; one is used up each time the stage is reached, on whatever connection, the last one for ever.
  Stages: `connect`, `EHLO`, `STARTTLS`, `AUTH`, `password` (what follows a 334), `MAIL`, `RCPT`, `DATA` (the command),
  `halfway` (after the first bytes of the body), `dot` (after the final one), `after` (when the reply to it is out),
  `RSET`, `QUIT`. `MAIL`, `RCPT` and `dot` may also be a dict of address → action, or list of actions. An action
  is a reply to send (`450 4.2.0 busy`; its lone surrogates are raw bytes), `ok`, `cut` (hang up), `hang` (never
  answer), `take and cut` (keep the message, and hang up before saying so), `ok after a no` (wait until somebody was
  refused, then say yes), or a reply followed by ` +cut`. `extensions` are said at EHLO. `always_354` takes DATA without
  recipients, `late` answers MAIL only when RCPT and DATA have come too, `late_dot` the dot of so manieth mail of a
  connection only when three lines have come behind it, `cut_at` hangs up on the first connection when so many bytes
  have come (with `reset`, by RST), `delay` is seconds before each reply, `stops_after` so many messages it takes no
  more: it answers 421 to the next MAIL, listens no longer, and ends with its last connection.

A peer reads more options from its standard input, a line of JSON each, and says `ok` when it has become that.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import ssl
import struct
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

OK = {
    "connect": "220 peer.example ESMTP",
    "STARTTLS": "220 2.0.0 Go ahead",
    "AUTH": "235 2.7.0 Authentication successful",
    "MAIL": "250 2.1.0 Ok",
    "RCPT": "250 2.1.5 Ok",
    "DATA": "354 End data with <CR><LF>.<CR><LF>",
    "dot": "250 2.0.0 Ok: queued",
    "RSET": "250 2.0.0 Ok",
    "QUIT": "221 2.0.0 Bye",
}


class Log:
    """Lines that outlive this process when `write` returns; the machine itself is not going to die."""

    def __init__(self, path: str) -> None:
        # unbuffered: a line is one write, so that whoever kills this process finds no half of one
        self._file = open(path, "ab", buffering=0)  # noqa: SIM115 # open as long as the process

    def write(self, event: str, **values: Any) -> None:
        line = {"event": event, "at": datetime.now(UTC).isoformat(), **values}
        self._file.write(json.dumps(line).encode("ascii") + b"\n")

    def message(self, mail_from: str, rcpt_to: list[str], data: bytes, connection: int) -> None:
        text = data.decode("utf-8", "surrogateescape")
        self.write("message", mail_from=mail_from, rcpt_to=rcpt_to, data=text, connection=connection)


def good_server(options: dict[str, Any], log: Log) -> Callable[[], asyncio.BaseProtocol]:
    """aiosmtpd, which takes every message."""
    from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

    class Handler:
        async def handle_EHLO(  # noqa: N802 # aiosmtpd's name
            self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
        ) -> list[str]:
            session.host_name = hostname
            return [*responses[:-1], "250-PIPELINING", responses[-1]] if options.get("pipelining") else responses

        async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 # the same
            assert isinstance(envelope.content, bytes)
            log.message(envelope.mail_from or "", envelope.rcpt_tos, envelope.content, session.peer[1])  # type: ignore[index] # a (host, port)
            return "250 2.0.0 Ok: queued"

    def authenticate(server: SMTP, session: Session, envelope: Envelope, mechanism: str, login: Any) -> AuthResult:
        wanted = LoginPassword(options["user"].encode(), options["password"].encode())
        return AuthResult(success=login == wanted, handled=False)

    keywords: dict[str, Any] = {"hostname": "good.example", "auth_require_tls": False}
    if options.get("cert") and not options.get("implicit"):
        keywords |= {"tls_context": tls(options), "require_starttls": options.get("require_starttls", False)}
    if options.get("user"):
        keywords |= {"authenticator": authenticate, "auth_required": True}
    return lambda: SMTP(Handler(), **keywords)


def tls(options: dict[str, Any]) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(options["cert"], options["key"])
    return context


class Incoming:
    """What a client says: lines, and contents up to their dot. What stands behind a dot is the next line (RFC 2920)."""

    def __init__(self, reader: asyncio.StreamReader, cut_at: int | None = None) -> None:
        self.reader = reader
        self.rest = b""
        self.left = cut_at

    async def more(self, most: int = 65_536) -> bool:
        data = await self.reader.read(most if self.left is None else min(most, self.left))
        if self.left is not None:
            self.left -= len(data)
            if not data:
                raise ConnectionError
        self.rest += data
        return bool(data)

    async def line(self) -> str:
        while b"\n" not in self.rest and await self.more():
            pass
        line, _, self.rest = self.rest.partition(b"\n")
        return line.decode("utf-8", "replace").rstrip("\r")

    async def content(self) -> bytes | None:
        """All of it, its final dot included; None if the client hangs up before."""
        looked = 0
        while (end := self.rest.find(b"\r\n.\r\n", looked)) < 0:
            looked = max(0, len(self.rest) - 4)
            if not await self.more():
                return None
        content, self.rest = self.rest[: end + 5], self.rest[end + 5 :]
        return content


class Peer:
    """A server that does what its script says."""

    def __init__(self, options: dict[str, Any], log: Log) -> None:
        self.log = log
        self.connections = 0
        self.taken = 0
        self.readers: dict[asyncio.StreamWriter, asyncio.StreamReader] = {}
        self.listening: asyncio.Server | None = None
        self.become(options)

    def become(self, options: dict[str, Any]) -> None:
        self.first = self.connections + 1  # of those that will see this
        self.script: dict[str, Any] = options["script"]
        self.extensions: list[str] = options.get("extensions", [])
        self.always_354: bool = options.get("always_354", False)
        self.late: bool = options.get("late", False)
        self.delay: float = options.get("delay", 0)
        self.late_dot: int = options.get("late_dot", 0)
        self.cut_at: int | None = options.get("cut_at")
        self.reset: bool = options.get("reset", False)
        self.refused = asyncio.Event()
        self.stops_after: int | None = options.get("stops_after")

    @property
    def stopped(self) -> bool:
        return self.stops_after is not None and self.taken >= self.stops_after

    def action(self, stage: str, argument: str = "") -> str:
        if self.stopped and stage in ("connect", "EHLO", "MAIL"):
            return "421 4.3.2 Shutting down +cut"
        actions = self.script.get(stage, ["ok"])
        if isinstance(actions, dict):
            actions = next((what for who, what in actions.items() if f"<{who}>" in argument), "ok")
        if isinstance(actions, list):
            actions = actions.pop(0) if len(actions) > 1 else actions[0]
        return str(actions)

    def keep(self, mail_from: str, rcpt_to: list[str], content: bytes, connection: int) -> None:
        self.log.message(mail_from, rcpt_to, content, connection)
        self.taken += 1
        if self.stopped and self.listening:
            self.listening.close()

    async def do(
        self,
        stage: str,
        writer: asyncio.StreamWriter,
        argument: str = "",
        yes: str = "",
        taken: Callable[[], None] | None = None,
    ) -> str:
        """Do the action of a stage; return the reply that was sent. Hanging up raises ConnectionError.

        `taken` is called before a reply that says yes, so that what the client was told is on the disk.
        """
        action = self.action(stage, argument)
        await asyncio.sleep(self.delay)
        if action == "hang":
            await self.readers[writer].read()  # until the client hangs up
            raise ConnectionError
        if action == "ok after a no":
            await self.refused.wait()
            await asyncio.sleep(0.1)  # until the client has heard it
            action = "ok"
        reply, plus, _ = action.partition(" +cut")
        if reply == "ok":
            reply = yes or OK.get(stage, "")
        if taken and (reply.startswith("2") or reply == "take and cut"):
            taken()
        if reply and reply not in ("cut", "take and cut"):
            writer.write(reply.replace("\n", "\r\n").encode("utf-8", "surrogateescape") + b"\r\n")
            await writer.drain()
        if reply.startswith("5"):
            self.refused.set()
        if plus or reply in ("cut", "take and cut"):
            raise ConnectionError
        return reply

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        connection = self.connections
        self.readers[writer] = reader
        self.log.write("open", connection=connection)
        try:
            cut_at = self.cut_at if connection == self.first else None
            await self.converse(Incoming(reader, cut_at), writer, connection)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self.log.write("close", connection=connection)
            del self.readers[writer]
            if self.reset:
                linger = struct.pack("ii", 1, 0)
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                writer.transport.abort()
            writer.close()
            if self.stopped and not self.readers:
                os._exit(0)

    async def line(self, incoming: Incoming, connection: int) -> str:
        line = await incoming.line()
        if line:
            self.log.write("line", connection=connection, line=line)
        return line

    async def converse(self, incoming: Incoming, writer: asyncio.StreamWriter, connection: int) -> None:
        await self.do("connect", writer)
        mail_from: str | None = None
        rcpt_to: list[str] = []
        early: list[str] = []
        dots = 0
        while line := early.pop(0) if early else await self.line(incoming, connection):
            verb = line[:4].upper() if line[:8].upper() != "STARTTLS" else "STARTTLS"
            if verb in ("EHLO", "HELO"):
                lines = ["peer.example", *(self.extensions if verb == "EHLO" else [])]
                await self.do("EHLO", writer, yes="\n".join(f"250-{text}" for text in lines) + "\n250 HELP")
            elif verb == "MAIL" and mail_from is not None:
                writer.write(b"503 5.5.1 Nested MAIL command\r\n")
            elif verb == "MAIL":
                if self.late:
                    early = [await self.line(incoming, connection) for _ in range(2)]
                if (await self.do("MAIL", writer, line)).startswith("2"):
                    mail_from, rcpt_to = line[10:].strip("<>"), []
            elif verb == "RCPT" and mail_from is None:
                writer.write(b"503 5.5.1 Need MAIL command\r\n")
            elif verb == "RCPT":
                if (await self.do("RCPT", writer, line)).startswith("2"):
                    rcpt_to.append(line[8:].strip("<>"))
            elif verb == "DATA" and not rcpt_to and not self.always_354:
                writer.write(b"554 5.5.1 No valid recipients\r\n")
            elif verb == "DATA":
                if (await self.do("DATA", writer)).startswith("354"):
                    if incoming.rest or await incoming.more(100):
                        self.log.write("body", connection=connection)
                    await self.do("halfway", writer)
                    data = await incoming.content()
                    if data is None:
                        return
                    content = data[:-3].replace(b"\r\n..", b"\r\n.")
                    content = content[1:] if content.startswith(b"..") else content
                    keep = partial(self.keep, mail_from or "", rcpt_to, content, connection)
                    dots += 1
                    if dots == self.late_dot:
                        early = [await self.line(incoming, connection) for _ in range(3)]
                    await self.do("dot", writer, f"<{rcpt_to[0]}>" if rcpt_to else "", taken=keep)
                    mail_from, rcpt_to = None, []
                    await self.do("after", writer)
            elif verb == "QUIT":
                await self.do("QUIT", writer)
                return
            elif verb in ("RSET", "AUTH", "STARTTLS"):
                mail_from, rcpt_to = None, []
                reply = await self.do(verb, writer, line)
                if verb == "AUTH" and reply.startswith("334"):
                    await self.line(incoming, connection)
                    await self.do("password", writer)
            else:
                writer.write(f"500 5.5.2 Unrecognized command {line}\r\n".encode())


async def main(options: dict[str, Any], peers: list[Peer]) -> None:
    log, port = Log(options["log"]), options.get("port", 0)
    if "script" in options:
        peers.append(Peer(options, log))
        server = peers[0].listening = await asyncio.start_server(peers[0].serve, "127.0.0.1", port)
    else:
        context = tls(options) if options.get("implicit") else None
        loop = asyncio.get_running_loop()
        server = await loop.create_server(good_server(options, log), "127.0.0.1", port, ssl=context)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.Event().wait()


def listen_to_the_test(peers: list[Peer]) -> None:
    """Become what it says; whoever started this holds the other end, and when that is gone, by whatever death, so is
    this one."""
    for line in sys.stdin:
        peers[0].become(json.loads(line))
        print("ok", flush=True)
    os._exit(0)


if __name__ == "__main__":
    told: list[Peer] = []
    threading.Thread(target=listen_to_the_test, args=[told], daemon=True).start()
    asyncio.run(main(json.loads(sys.argv[1]), told))
