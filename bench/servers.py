"""The servers beside drip: postfix's smtp-sink and smtp-source, a mail server that is far away, and PostgreSQL."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "tests"))  # they know how to start a PostgreSQL

from postgres import DURABLE, Server, cluster

#: Where the tests' servers are.
TESTS = Path(__file__).parents[1] / "tests"
#: Debian keeps them here, which is on root's PATH only.
_SBIN = "/usr/sbin"
#: Seconds that the sink may take to listen.
_PATIENCE = 10.0
#: PostgreSQL's own default; the tests' servers take less.
_SHARED_BUFFERS = "shared_buffers=128MB"


def program(name: str) -> str:
    """Where a program of postfix is. Says what to type where it is missing."""
    found = shutil.which(name) or shutil.which(name, path=_SBIN)
    if found is None:
        sys.exit(f"bench: {name} is missing; it comes with postfix: apt-get install --no-install-recommends postfix")
    return found


@contextmanager
def sink() -> Iterator[int]:
    """A mail server that takes everything; gives its port on 127.0.0.1."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    # as root it wants to become somebody with fewer rights
    less = ["-u", "nobody"] if os.getuid() == 0 else []
    server = subprocess.Popen([program("smtp-sink"), *less, f"127.0.0.1:{port}", "1024"], stderr=subprocess.DEVNULL)
    try:
        _await(server, port)
        yield port
    finally:
        server.terminate()
        server.wait()


@contextmanager
def slow_sink(milliseconds: float) -> Iterator[int]:
    """A mail server whose replies take so long, in a process of its own; gives its port on 127.0.0.1."""
    command = [sys.executable, str(Path(__file__).with_name("slow_sink.py")), str(milliseconds)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout
            yield int(server.stdout.readline())
        finally:
            server.terminate()


def source_rate(port: int, *, mails: int, size: int, connections: int) -> float:
    """Mails a second that smtp-source sends over connections that it keeps, each of `size` bytes."""
    start = time.perf_counter()
    subprocess.run(
        [
            *(program("smtp-source"), "-d", "-s", str(connections), "-m", str(mails), "-l", str(size)),
            *("-f", "learn@acme.example", "-t", "learner@company.example", f"127.0.0.1:{port}"),
        ],
        check=True,
    )
    return mails / (time.perf_counter() - start)


@contextmanager
def postgresql() -> Iterator[tuple[Server, int]]:
    """A PostgreSQL that keeps what it has committed, and its process's id. Raises RuntimeError where there is none."""
    with cluster(*DURABLE, _SHARED_BUFFERS) as server, server.running() as process:
        yield server, process.pid


def _await(server: subprocess.Popen[bytes], port: int) -> None:
    until = time.monotonic() + _PATIENCE
    while time.monotonic() < until and server.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.02)
    sys.exit("bench: smtp-sink does not listen")
