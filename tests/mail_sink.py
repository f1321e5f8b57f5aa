"""Postfix's smtp-sink: a mail server in C that takes everything quickly, and takes down what it took."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class MailSink:
    """A sink under test. `url` is what DRIP_TRANSPORT takes."""

    port: int
    log: Path

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"


@contextmanager
def mail_sink(log: Path) -> Iterator[MailSink]:
    """A sink for as long as the block lasts; `judge` reads its log. A message stands there once its end has come."""
    program = shutil.which("smtp-sink") or shutil.which("smtp-sink", path="/usr/sbin")
    if program is None:
        raise RuntimeError("there is no smtp-sink here: install postfix (Debian), as `make test` does")
    rights = ["-u", "root"] if os.geteuid() == 0 else []
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = subprocess.Popen([program, *rights, "-D", log, f"127.0.0.1:{port}", "1024"])
    try:
        while not _listens(port):
            assert process.poll() is None, "smtp-sink does not start"
            time.sleep(0.01)
        yield MailSink(port=port, log=log)
    finally:
        process.kill()
        process.wait()


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True
