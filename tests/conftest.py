"""Fixtures for every test: a real mail server in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

SMTP_SERVER = Path(__file__).parent / "integration" / "smtp_server.py"


@dataclass(frozen=True, kw_only=True)
class MailServer:
    """A mail server under test. `url` is what DRIP_TRANSPORT takes."""

    port: int
    log: Path

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


@pytest.fixture
def start_smtp_server(tmp_path: Path) -> Iterator[Callable[..., MailServer]]:
    """Start mail servers with the options that tests/integration/smtp_server.py tells of; they end with the test."""
    running: list[subprocess.Popen[str]] = []

    def start(**options: Any) -> MailServer:
        log = tmp_path / f"smtp-{len(running)}.jsonl"
        process = subprocess.Popen(
            [sys.executable, str(SMTP_SERVER), json.dumps({"log": str(log), **options})],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        running.append(process)
        assert process.stdout
        return MailServer(port=int(process.stdout.readline()), log=log)

    yield start
    for process in running:
        process.kill()
        process.communicate()


@pytest.fixture
def smtp_server(start_smtp_server: Callable[..., MailServer]) -> MailServer:
    """A mail server that takes everything, as most do."""
    return start_smtp_server()
