"""Serving an app: until a signal, or inside another program for as long as a block lasts."""

from __future__ import annotations

import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import uvicorn
from starlette.types import ASGIApp

from drip.errors import MachineError
from drip.web.doorstep import Doorstep

#: How long requests in flight get to finish once it is to stop.
DRAIN_SECONDS = 10
#: How long a server gets to start before something must be wrong.
START_SECONDS = 30
#: How often it is looked whether the server has ended by itself.
_LOOK_SECONDS = 0.5


def serve(
    app: ASGIApp,
    host: str,
    port: int,
    *,
    stop: threading.Event | None = None,
    ready: Callable[[str], None] | None = None,
) -> None:
    """Serve until `stop` is set; what is in flight is finished. `ready` is told the base URL once it answers.

    Without `stop` it ends at SIGTERM or SIGINT, and returns as usual (call it from the main thread then). Raises
    MachineError where it cannot listen. No request is logged: its address holds a token.
    """
    listener = _listen(host, port)
    with listener, _signals(stop) as wanted, _serving(app, listener) as (url, thread):
        if ready is not None:
            ready(url)
        while not wanted.wait(_LOOK_SECONDS):
            if not thread.is_alive():
                raise MachineError(f"the web server at {url} has ended by itself; its log says why")


@contextmanager
def running(
    app: ASGIApp, host: str = "127.0.0.1", port: int = 0, *, options: str = "--host, --port", name: str = "drip-web"
) -> Iterator[str]:
    """The base URL of the app, on a free port of this machine if none is named, for as long as the block lasts.

    Raises MachineError where it cannot listen; `options` say where to write another place.
    """
    with _listen(host, port, options) as listener, _serving(app, listener, name) as (url, _):
        yield url


@contextmanager
def _serving(app: ASGIApp, listener: socket.socket, name: str = "drip-web") -> Iterator[tuple[str, threading.Thread]]:
    """(base URL, thread) of a server that answers; at the end it drains and is gone."""
    config = uvicorn.Config(
        app,
        http=Doorstep,
        log_config=None,
        access_log=False,
        lifespan="off",
        proxy_headers=False,  # who asked is read where a setting names the proxy (web/visits.py), and nowhere else
        server_header=False,
        timeout_graceful_shutdown=DRAIN_SECONDS,
    )
    server = uvicorn.Server(config)
    # in a thread of its own uvicorn leaves the signals alone: it would raise them again after it has drained
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name=name, daemon=True)
    thread.start()
    try:
        _wait_for(server, thread)
        yield _url(listener), thread
    finally:
        server.should_exit = True
        thread.join()


def _wait_for(server: uvicorn.Server, thread: threading.Thread) -> None:
    pause = threading.Event()
    for _ in range(int(START_SECONDS / 0.01)):
        if server.started:
            return
        if not thread.is_alive():
            break
        pause.wait(0.01)
    raise MachineError("the web server did not start; its log says why")


def _listen(host: str, port: int, options: str = "--host, --port") -> socket.socket:
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        listener = socket.create_server(address[:2], family=family)
    except (OSError, OverflowError, UnicodeError) as error:
        raise MachineError(f"cannot listen on {host} port {port}: {error}\n  choose others: {options}") from None
    # connections inherit it; without, a body waits 40 ms for the acknowledgement of its headers
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


@contextmanager
def _signals(stop: threading.Event | None) -> Iterator[threading.Event]:
    """The given event, or one that SIGTERM and SIGINT set."""
    if stop is not None:
        yield stop
        return
    event = threading.Event()

    def end(_number: int, _frame: FrameType | None) -> None:
        event.set()

    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield event
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
