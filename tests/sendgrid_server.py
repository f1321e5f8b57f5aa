"""A SendGrid for tests, in a process of its own: its v3 mail/send, held to the published rules (sendgrid_rules.py).

    python sendgrid_server.py OPTIONS_AS_JSON

Prints its port, then serves HTTP/1.1 on 127.0.0.1 until its standard input ends. Appends to `log` a JSON line for each
`open`, `close` and `request` (`status`, `errors`, `connection`), and for each mail that it takes a `message` as
tests/integration/smtp_server.py does: `data` has the headers that the judge of a run reads, and then the body of the
request. A line is on the disk before the client hears of it. The key is never written down.

Options: `key` is the one that it takes (any, unless given), `verified` the senders (all), `latency` the seconds before
each answer, `quick` that it looks at nothing and writes nothing down (for the bench). `script` is a list of actions;
one is used up by each request, the last one for ever; or a dict of recipient → action, or list of actions. An action is

- `ok`: check the request, and answer 202 (200 in sandbox mode) or 400;
- a number such as `503`: that answer, in the published shape; or a dict: `status`, `headers`, `message`, `field`,
  `body` (in place of the published shape), `reset` (seconds from now, said as X-RateLimit-Reset);
- `cut before`: hang up when the headers have come; `cut`: when all has come; `take and cut`: keep the mail before that;
- `hang before`: read no more; `hang`: never answer; `take and hang`: keep the mail, and never answer;
- `half`: take it, say 202 and a length, and hang up; `nonsense`: what is no HTTP; `endless`: an answer without an end;
- `ok, close`: take it, and hang up after the answer, which says so; `ok, hang up`: the same without saying so.

It reads more options from its standard input, a line of JSON each, and says `ok` when it has become that.
"""

from __future__ import annotations

import asyncio
import json
import os
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import formatdate
from pathlib import Path
from socket import SO_LINGER, SOL_SOCKET
from time import time
from typing import Any

from mail_server import MailServer
from sendgrid_rules import LARGEST, errors_in

WORDS = {
    401: "The provided authorization grant is invalid, expired, or revoked",
    403: "access forbidden",
    406: "Missing Accept header",
    413: "The JSON payload you have included in your request is too large.",
    415: "Unsupported Media Type",
    429: "too many requests",
    500: "Internal Server Error",
    503: "Service Unavailable",
}
UNVERIFIED = "The from address does not match a verified Sender Identity. Mail cannot be sent until this is resolved."
PHRASES = {200: "OK", 202: "Accepted", 400: "Bad Request", 401: "Unauthorized", 429: "Too Many Requests"}


class SendGridServer(MailServer):
    """A SendGrid under test."""

    @property
    def host(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """What DRIP_TRANSPORT takes."""
        return f"sendgrid:?host={self.host}"

    def requests(self) -> list[dict[str, Any]]:
        return self.events("request")

    def bodies(self) -> list[dict[str, Any]]:
        """What was taken, as SendGrid read it."""
        return [json.loads(message["data"].partition("\n\n")[2]) for message in self.messages()]


@contextmanager
def sendgrid_server(log: Path, **options: Any) -> Iterator[SendGridServer]:
    """A SendGrid for as long as the block lasts."""
    process = subprocess.Popen(
        [sys.executable, __file__, json.dumps({"log": str(log), **options})],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout
        yield SendGridServer(port=int(process.stdout.readline()), log=log, process=process)
    finally:
        process.kill()
        process.communicate()


class Api:
    """What answers."""

    def __init__(self, options: dict[str, Any]) -> None:
        # unbuffered: a line is one write, so that whoever kills this process finds no half of one
        self._file = open(options["log"], "ab", buffering=0)  # noqa: SIM115 # open as long as the process
        self.connections = self.taken = 0
        self.become(options)

    def become(self, options: dict[str, Any]) -> None:
        self.key: str | None = options.get("key")
        self.verified: list[str] | None = options.get("verified")
        self.latency: float = options.get("latency", 0)
        self.quick: bool = options.get("quick", False)
        self.script: Any = options.get("script", ["ok"])

    def write(self, event: str, **values: Any) -> None:
        if not self.quick:
            line = {"event": event, "at": datetime.now(UTC).isoformat(), **values}
            self._file.write(json.dumps(line).encode("ascii") + b"\n")

    def action(self, body: Any) -> Any:
        actions = self.script
        if isinstance(actions, dict):
            actions = actions.get(_recipient(body), "ok")
        if isinstance(actions, list):
            actions = actions.pop(0) if len(actions) > 1 else actions[0]
        return actions

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        number = self.connections
        self.write("open", connection=number)
        try:
            while await self.request(reader, writer, number):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self.write("close", connection=number)
            writer.close()

    async def request(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> bool:
        """One request and its answer; whether the connection goes on."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
        if not isinstance(self.script, dict) and self.script[0] in ("cut before", "hang before"):
            if self.action(None) == "hang before":
                await asyncio.Event().wait()
            writer.get_extra_info("socket").setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
            return False
        content = await reader.readexactly(int(headers["content-length"]))
        if self.latency:
            await asyncio.sleep(self.latency)
        if self.quick:
            writer.write(_written(202, {"X-Message-Id": "quick"}, b""))
            return True
        return await self.answer(reader, writer, number, head[0], headers, content)

    async def answer(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        number: int,
        line: str,
        headers: dict[str, str],
        content: bytes,
    ) -> bool:
        try:
            body = json.loads(content)
        except ValueError:
            body = None
        action = self.action(body)
        status, errors = self.judged(line, headers, content, body)
        more: dict[str, str] = {}
        plain: bytes | None = None
        if isinstance(action, int):
            action = {"status": action}
        if isinstance(action, dict):
            status = action["status"]
            errors = [{"message": action.get("message", WORDS.get(status, "")), "field": action.get("field")}]
            more = dict(action.get("headers", {}))
            if "reset" in action:
                more["X-RateLimit-Remaining"] = "0"
                more["X-RateLimit-Reset"] = str(int(time()) + action["reset"])
            plain = action["body"].encode("utf-8", "surrogateescape") if "body" in action else None
        elif action in ("cut", "hang", "nonsense", "endless"):
            status = 0
        self.write("request", connection=number, status=status, errors=errors, line=line, bytes=len(content))
        if status == 202:
            self.keep(body, content, number)
            more["X-Message-Id"] = f"fake-{self.taken}"
        if action in ("cut", "take and cut"):
            return False
        if action in ("hang", "take and hang"):
            await reader.read()  # until the client hangs up
            return False
        if action == "nonsense":
            writer.write(b"250 Ok, and what is HTTP?\r\n")
            return False
        if action == "half":
            writer.write(b"HTTP/1.1 202 Accepted\r\nContent-Length: 100\r\n\r\nhalf")
            return False
        if action == "endless":
            writer.write(b"HTTP/1.1 500 Oh\r\n\r\n")
            while True:
                writer.write(b"x" * 65_536)
                await writer.drain()
        if action == "ok, close":
            more["Connection"] = "close"
        if plain is None:
            plain = b"" if status < 300 else json.dumps({"errors": errors}).encode()
        writer.write(_written(status, more, plain))
        await writer.drain()
        return action not in ("ok, close", "ok, hang up")

    def judged(self, line: str, headers: dict[str, str], content: bytes, body: Any) -> tuple[int, list[dict[str, Any]]]:
        """The status of a request by the published rules, and its errors."""

        def no(status: int) -> tuple[int, list[dict[str, Any]]]:
            return status, [{"message": WORDS[status], "field": None, "help": None}]

        if line != "POST /v3/mail/send HTTP/1.1":
            return 404, [{"message": "not found", "field": None}]
        if self.key is not None and headers.get("authorization") != f"Bearer {self.key}":
            return no(401)
        if "application/json" not in headers.get("accept", ""):
            return no(406)
        if headers.get("content-type") != "application/json":
            return no(415)
        if len(content) > LARGEST:
            return no(413)
        if errors := errors_in(body):
            return 400, errors
        if self.verified is not None and body["from"]["email"] not in self.verified:
            return 403, [{"message": UNVERIFIED, "field": "from", "help": None}]
        return (200 if body.get("mail_settings", {}).get("sandbox_mode", {}).get("enable") else 202), []

    def keep(self, body: Any, content: bytes, number: int) -> None:
        self.taken += 1
        shown = {"Subject": body["subject"], **body.get("headers", {})}
        data = "".join(f"{name}: {value}\n" for name, value in shown.items()) + "\n" + content.decode()
        recipients = [to["email"] for one in body["personalizations"] for to in one["to"]]
        self.write("message", mail_from=body["from"]["email"], rcpt_to=recipients, data=data, connection=number)


def _recipient(body: Any) -> str:
    try:
        return str(body["personalizations"][0]["to"][0]["email"])
    except (TypeError, LookupError):
        return ""


def _written(status: int, headers: dict[str, str], content: bytes) -> bytes:
    lines = [f"HTTP/1.1 {status} {PHRASES.get(status, 'Answer')}", "Server: nginx", f"Date: {formatdate(usegmt=True)}"]
    lines += [f"Content-Length: {len(content)}", "Content-Type: application/json"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + content


async def main(options: dict[str, Any], apis: list[Api]) -> None:
    apis.append(Api(options))
    server = await asyncio.start_server(apis[0].serve, "127.0.0.1", options.get("port", 0), limit=1 << 20, backlog=512)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.Event().wait()


def listen_to_the_test(apis: list[Api]) -> None:
    """Become what it says; when whoever started this is gone, by whatever death, so is this one."""
    for line in sys.stdin:
        apis[0].become(json.loads(line))
        print("ok", flush=True)
    os._exit(0)


if __name__ == "__main__":
    told: list[Api] = []
    threading.Thread(target=listen_to_the_test, args=[told], daemon=True).start()
    asyncio.run(main(json.loads(sys.argv[1]), told))
