"""A receiver of webhooks for tests: a real HTTP server that can be down, slow and wrong in many ways, and back.

`script` is what it does with each post: one action is used up by each, the last one is for ever. An action is

- a number: that status; or a dict: `status`, `headers`, `body`;
- `hold`: say nothing until `release()`, and then 200; `close`: read it all, and hang up; `garbage`: what is no HTTP;
- `redirect`: 302 to `/elsewhere` of this very server; `endless`: 200, and a body without an end;
- `half`: a status line, and nothing more until `release()`; `trickle`: 200, and a byte now and then until `release()`.

It writes down every post, also those that it does not take, before anybody hears of it.
"""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks import Webhook

Action = int | str | dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Got:
    """One post as it came. `taken`: it was answered with 2xx."""

    path: str
    headers: dict[str, str]
    body: bytes
    taken: bool

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def told(self) -> dict[str, Any]:
        return dict(json.loads(self.body))

    @property
    def type(self) -> str:
        return str(self.told["type"])

    @property
    def email(self) -> str:
        return str(self.told["data"]["learner"]["email"])

    def verified(self, secret: str) -> dict[str, Any]:
        """What it says, once the library that receivers use has verified it."""
        return dict(Webhook(secret).verify(self.body, self.headers))


@dataclass
class Receiver:
    """The server, what it shall do, and what it has got."""

    script: list[Action] = field(default_factory=lambda: [200])
    got: list[Got] = field(default_factory=list)
    tls: ssl.SSLContext | None = None
    port: int = 0
    _held: threading.Event = field(default_factory=threading.Event)
    _door: threading.Condition = field(default_factory=threading.Condition)
    _server: ThreadingHTTPServer | None = None

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}/hook"

    @property
    def taken(self) -> list[Got]:
        with self._door:
            return [one for one in self.got if one.taken]

    def up(self) -> None:
        """Listen, at the port of before where there was one."""
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                receiver._answer(self)

            def log_message(self, *_args: Any) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            block_on_close = False

            def handle_error(self, *_args: Any) -> None:  # whoever posts may hang up, or not like our certificate
                pass

        self._server = Server(("127.0.0.1", self.port), Handler)
        if self.tls is not None:
            self._server.socket = self.tls.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def down(self) -> None:
        """Refuse connections."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def release(self) -> None:
        """Answer what is held, now and from now on."""
        self._held.set()

    def wait_for(self, number: int, *, taken: bool = False) -> None:
        """Wait until so many posts have come (have been taken)."""
        with self._door:
            done = self._door.wait_for(lambda: len([one for one in self.got if one.taken or not taken]) >= number, 60)
        assert done, f"only {len(self.got)} of {number} came"

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(length := int(handler.headers["content-length"]))
        if len(body) < length:  # whoever was posting it has been killed
            handler.close_connection = True
            return
        with self._door:
            action = self.script.pop(0) if len(self.script) > 1 else self.script[0]
            status = action if isinstance(action, int) else action.get("status") if isinstance(action, dict) else None
            takes = action in ("hold", "endless", "trickle") or (isinstance(status, int) and 200 <= status < 300)
            headers = {name.lower(): value for name, value in handler.headers.items()}
            self.got.append(Got(path=handler.path, headers=headers, body=body, taken=takes))
            self._door.notify_all()
        with suppress(OSError):
            self._act(handler, action)

    def _act(self, handler: BaseHTTPRequestHandler, action: Action) -> None:
        match action:
            case int():
                _say(handler, action)
            case dict():
                _say(handler, action["status"], action.get("headers", {}), action.get("body", b""))
            case "hold":
                self._held.wait(60)
                _say(handler, 200)
            case "redirect":
                _say(handler, 302, {"Location": "/elsewhere"})
            case "garbage":
                handler.wfile.write(b"\x00\xffthis is no HTTP\r\n\r\n")
                handler.close_connection = True
            case "half":
                handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
                handler.wfile.flush()
                self._held.wait(60)
                handler.close_connection = True
            case "endless":
                handler.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
                while not self._held.is_set():
                    handler.wfile.write(b"400\r\n" + b"x" * 1024 + b"\r\n")
            case "trickle":
                handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
                while not self._held.wait(0.05):
                    handler.wfile.write(b"x")
            case "close":
                handler.connection.shutdown(socket.SHUT_RDWR)
                handler.close_connection = True
            case _:
                raise AssertionError(action)


def _say(
    handler: BaseHTTPRequestHandler, status: int, headers: dict[str, str] | None = None, body: bytes = b""
) -> None:
    handler.send_response(status)
    for name, value in (headers or {}).items():
        handler.send_header(name, value)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def free_port() -> int:
    """A port that nobody has just now, for a receiver in a process of its own."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@contextmanager
def webhook_receiver(*script: Action, tls: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    """A receiver that is up, until the block ends."""
    receiver = Receiver(script=list(script) or [200], tls=tls)
    receiver.up()
    try:
        yield receiver
    finally:
        receiver.release()
        receiver.down()
