"""Fixtures for every test: a real mail server in a process of its own, and a real PostgreSQL."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings
from mail_server import MailServer, mail_server

if TYPE_CHECKING:  # tests that need neither a database nor a stage do not wait for them
    from postgres import Server

# these machines are shared: no test judges by the clock on the wall
SLOW_MACHINE = [HealthCheck.too_slow, HealthCheck.filter_too_much]
settings.register_profile("drip", deadline=None, suppress_health_check=SLOW_MACHINE)
settings.load_profile("drip")


@pytest.fixture(autouse=True)
def _say_goodbye() -> Iterator[None]:
    """Close the ways out and the stores that the stage opened."""
    yield
    _close_what_is_open()


@pytest.fixture(autouse=True)
def _log_as_before() -> Iterator[None]:
    """Undo what a command that was run in this process has asked of the log: its stderr is gone with its test."""
    root, ours = logging.getLogger(), logging.getLogger("drip")
    handlers, levels = list(root.handlers), (root.level, ours.level)
    yield
    for handler in [handler for handler in root.handlers if type(handler) is logging.StreamHandler]:
        if handler not in handlers:
            root.removeHandler(handler)
    root.setLevel(levels[0])
    ours.setLevel(levels[1])


def _close_what_is_open() -> None:
    if "stage" in sys.modules:
        opened = sys.modules["stage"].OPENED
        while opened:
            opened.pop().close()


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A PostgreSQL that all processes of this test run share."""
    import postgres

    folder = tmp_path_factory.getbasetemp()
    with postgres.shared(folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder) as server:
        yield server


@pytest.fixture
def empty_database(postgres_server: Server) -> Iterator[str]:
    """The address of a PostgreSQL database without tables."""
    name = postgres_server.create()
    yield postgres_server.url(name)
    postgres_server.drop(name)


@pytest.fixture
def postgres_database(postgres_server: Server) -> Iterator[str]:
    """The address of a PostgreSQL database with drip's tables."""
    name = postgres_server.migrated()
    yield postgres_server.url(name)
    postgres_server.drop(name)


@pytest.fixture(params=["sqlite", "postgresql"])
def each_database(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Run a test on SQLite and on PostgreSQL: every stage that it sets up stands on that. Gives its name."""
    if request.param == "postgresql":
        import stage

        server: Server = request.getfixturevalue("postgres_server")
        made: dict[Path, str] = {}

        def database_of(folder: Path) -> str:
            if folder not in made:
                made[folder] = server.migrated()
            return server.url(made[folder])

        monkeypatch.setattr(stage, "database_of", database_of)
        yield request.param
        _close_what_is_open()
        for name in made.values():
            server.drop(name)
    else:
        yield request.param


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
