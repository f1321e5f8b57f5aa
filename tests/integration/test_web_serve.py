"""Serving: from the first answer to the last, under signals and in the way of others."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from drip.errors import MachineError
from drip.web.serve import running, serve

SCRIPT = """
import asyncio, sys
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from drip.web.serve import serve

async def slow(request):
    print("asked", flush=True)
    await asyncio.sleep(1)
    return PlainTextResponse("done")

serve(Starlette(routes=[Route("/", slow)]), "127.0.0.1", 0, ready=lambda url: print(url, flush=True))
print("drained", flush=True)
"""


async def _hello(_request: Request) -> Response:
    return PlainTextResponse("hello")


@pytest.fixture
def app() -> Starlette:
    return Starlette(routes=[Route("/", _hello)])


@pytest.fixture
def program() -> Iterator[subprocess.Popen[str]]:
    """A program that serves until it is told to stop."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", SCRIPT], text=True, **pipes) as process:  # type: ignore[call-overload]
        yield process
        process.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_drains_and_ends_well(program: subprocess.Popen[str], number: signal.Signals) -> None:
    """What is in flight is answered, nothing is printed in anger, the exit code is 0, and no address is logged."""
    assert program.stdout
    url = program.stdout.readline().strip()
    got: list[str] = []
    asking = threading.Thread(target=lambda: got.append(httpx.get(url, timeout=20).text))
    asking.start()
    assert program.stdout.readline() == "asked\n"
    program.send_signal(number)
    asking.join()
    out, err = program.communicate(timeout=30)
    assert (got, out, err, program.returncode) == (["done"], "drained\n", "", 0)


def test_an_event_stops_it(app: Starlette) -> None:
    """For a program that has signals of its own, such as `drip up`."""
    stop, urls, ready = threading.Event(), [], threading.Event()

    def told(url: str) -> None:
        urls.append(url)
        ready.set()

    thread = threading.Thread(target=serve, args=(app, "127.0.0.1", 0), kwargs={"stop": stop, "ready": told})
    thread.start()
    assert ready.wait(20)
    assert httpx.get(urls[0]).text == "hello"
    stop.set()
    thread.join(20)
    assert not thread.is_alive()
    with pytest.raises(httpx.ConnectError):
        httpx.get(urls[0])


def test_a_port_in_use_is_said_plainly(app: Starlette) -> None:
    """What, where, and which options to write."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(MachineError, match=rf"cannot listen on 127\.0\.0\.1 port {port}.*\n.*--port"):
            serve(app, "127.0.0.1", port, stop=threading.Event())


@pytest.mark.parametrize("host", ["no.such.host.invalid", "203.0.113.7", "a" * 300, "::zz"])
def test_a_host_that_is_not_ours_is_said_plainly(app: Starlette, host: str) -> None:
    """No traceback for a slip of the keyboard."""
    with pytest.raises(MachineError, match="cannot listen on"):
        serve(app, host, 0, stop=threading.Event())


def test_two_run_beside_each_other_and_are_gone_afterwards(app: Starlette) -> None:
    """Each on a free port of its own."""
    with running(app) as one, running(app) as other:
        assert one != other
        assert (httpx.get(one).text, httpx.get(other).text) == ("hello", "hello")
    with pytest.raises(httpx.ConnectError):
        httpx.get(one)


def test_a_block_that_fails_takes_its_server_with_it(app: Starlette) -> None:
    """Nothing is left listening."""
    with pytest.raises(RuntimeError, match="a test fails"), running(app) as url:
        raise RuntimeError("a test fails")
    with pytest.raises(httpx.ConnectError):
        httpx.get(url)
