"""Fixtures for every test: a real mail server in a process of its own."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from mail_server import MailServer, mail_server

# these machines are shared: no test judges by the clock on the wall
SLOW_MACHINE = [HealthCheck.too_slow, HealthCheck.filter_too_much]
settings.register_profile("drip", deadline=None, suppress_health_check=SLOW_MACHINE)
settings.load_profile("drip")


@pytest.fixture(autouse=True)
def _say_goodbye() -> Iterator[None]:
    """Close the ways out that the stage opened."""
    yield
    if "stage" in sys.modules:
        opened = sys.modules["stage"].OPENED
        while opened:
            opened.pop().close()


@pytest.fixture
def start_smtp_server(tmp_path: Path) -> Iterator[Callable[..., MailServer]]:
    """Start mail servers with the options that tests/integration/smtp_server.py tells of; they end with the test."""
    numbers = count()
    with ExitStack() as running:

        def start(**options: Any) -> MailServer:
            return running.enter_context(mail_server(tmp_path / f"smtp-{next(numbers)}.jsonl", **options))

        yield start


@pytest.fixture
def smtp_server(start_smtp_server: Callable[..., MailServer]) -> MailServer:
    """A mail server that takes everything, as most do."""
    return start_smtp_server()
