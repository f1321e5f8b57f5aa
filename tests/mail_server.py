"""A real mail server for tests, in a process of its own, and what it wrote down."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SMTP_SERVER = Path(__file__).parent / "integration" / "smtp_server.py"


@dataclass(frozen=True, kw_only=True)
class MailServer:
    """A mail server under test. `url` is what DRIP_TRANSPORT takes."""

    port: int
    log: Path
    process: subprocess.Popen[str] = field(repr=False)

    def become(self, **options: Any) -> None:
        """From now on, do as these options say (a peer with a script)."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps(options) + "\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "ok\n"

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    def events(self, *kinds: str) -> list[dict[str, Any]]:
        """Everything that it wrote down, in its order."""
        lines = self.log.read_text("ascii").split("\n")[:-1] if self.log.exists() else []
        return [event for event in map(json.loads, lines) if not kinds or event["event"] in kinds]

    def messages(self) -> list[dict[str, Any]]:
        """Each accepted message: `at`, `mail_from`, `rcpt_to` (a list), `data` (its text)."""
        return self.events("message")


@contextmanager
def mail_server(log: Path, **options: Any) -> Iterator[MailServer]:
    """A mail server for as long as the block lasts; its options stand in tests/integration/smtp_server.py."""
    process = subprocess.Popen(
        [sys.executable, str(SMTP_SERVER), json.dumps({"log": str(log), **options})],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout
        yield MailServer(port=int(process.stdout.readline()), log=log, process=process)
    finally:
        process.kill()
        process.communicate()


@contextmanager
def reserved_port() -> Iterator[int]:
    """A port on which nobody listens: connections are refused, a mail server may take it, and nobody else will."""
    with socket.socket() as place:
        place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        place.bind(("127.0.0.1", 0))
        yield place.getsockname()[1]


def self_signed(folder: Path, name: str = "server") -> dict[str, str]:
    """`cert` and `key` for 127.0.0.1 and localhost, made now, and vouched for by nobody."""
    openssl = shutil.which("openssl")
    assert openssl is not None, "openssl makes the certificate: `make test` installs it, or apt-get install openssl"
    cert, key = str(folder / f"{name}.pem"), str(folder / f"{name}-key.pem")
    subprocess.run(
        [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
         "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost", "-out", cert,
         "-keyout", key],
        check=True,
        capture_output=True,
    )  # fmt: skip
    return {"cert": cert, "key": key}
