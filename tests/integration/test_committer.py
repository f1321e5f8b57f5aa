"""Group commit: what is answered is durable, what cannot be taken is refused, and nobody waits for ever."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from sqlalchemy import event
from web_workspace import NOW, Workspace, make_workspace

from drip.engine.touches import Outcome, Touch
from drip.engine.visit import Visit
from drip.errors import DripError, NotFound, StoreError
from drip.store import Store
from drip.track.token import Purpose
from drip.web.committer import Committer, Full
from drip.web.serve import running

#: A web side over an existing database, in a process of its own.
SCRIPT = """
import sys
from datetime import UTC, datetime
from drip.engine.record import Recorder
from drip.store import Store
from drip.track.token import Ring
from drip.web.app import build_app
from drip.web.serve import serve

app = build_app(
    recorder=Recorder(Store(sys.argv[1]), suppression_key=b"a key of the tests"),
    ring=Ring.of(["a secret of the tests"]),
    clock=lambda: datetime(2026, 11, 24, 14, 0, tzinfo=UTC),
)
serve(app, "127.0.0.1", 0, ready=lambda url: print(url, flush=True))
"""
PATIENCE = 60


def touch(number: int = 1) -> Touch:
    visit = Visit(at=NOW, source_id=f"t{number}", method="GET", user_agent="")
    return Touch(delivery_id=number, visit=visit)


@contextmanager
def web_side(workspace: Workspace) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    command = [sys.executable, "-c", SCRIPT, f"sqlite:///{workspace.store.file}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            yield process.stdout.readline().strip(), process
        finally:
            process.kill()


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return make_workspace(tmp_path)


class Gate:
    """Records in groups, but only while the gate is open."""

    def __init__(self) -> None:
        self.open, self.groups = threading.Event(), list[int]()

    def record(self, touched: Sequence[Touch]) -> list[Outcome]:
        self.groups.append(len(touched))
        assert self.open.wait(PATIENCE)
        return [f"{one.delivery_id}" for one in touched]


def test_what_waits_together_is_written_together() -> None:
    """While one group is written the next collects: each gets its own outcome, in few transactions."""
    gate = Gate()

    async def ask() -> list[str]:
        committer = Committer(gate.record, batch=50)
        asked = [asyncio.ensure_future(committer.recorded(touch(n))) for n in range(120)]
        await asyncio.sleep(0)
        gate.open.set()
        return await asyncio.gather(*asked)

    assert asyncio.run(ask()) == [str(n) for n in range(120)]
    assert sum(gate.groups) == 120
    assert len(gate.groups) <= 5
    assert max(gate.groups) <= 50


def test_a_full_queue_refuses_at_once() -> None:
    """Whoever comes when too many wait is told so, and those who wait are answered all the same."""
    gate = Gate()

    async def ask() -> list[str | BaseException]:
        committer = Committer(gate.record, batch=1, most=3)
        asked = [asyncio.ensure_future(committer.recorded(touch(n))) for n in range(9)]
        await asyncio.sleep(0.2)
        gate.open.set()
        return list(await asyncio.gather(*asked, return_exceptions=True))

    answers = asyncio.run(ask())
    refused = [answer for answer in answers if isinstance(answer, Full)]
    assert 5 <= len(refused) <= 6, answers
    assert answers[:3] == ["0", "1", "2"]


def test_trouble_is_told_to_all_who_waited_and_goes_by() -> None:
    """A database that fails fails those who asked then; the next are recorded."""
    troubles: list[Exception] = [StoreError("the disk is full"), RuntimeError("a mistake of ours")]

    def record(touched: Sequence[Touch]) -> list[Outcome]:
        if troubles:
            raise troubles.pop(0)
        return [NotFound("gone") if one.delivery_id == 2 else "" for one in touched]

    async def ask() -> list[str]:
        committer, said = Committer(record), []
        for number in (1, 1, 1, 2):
            try:
                said.append(await committer.recorded(touch(number)))
            except DripError as error:
                said.append(type(error).__name__)
        return said

    assert asyncio.run(ask()) == ["StoreError", "MachineError", "", "NotFound"]


def test_who_hangs_up_is_recorded_and_holds_up_nobody() -> None:
    """A request that is gone before its group is written."""
    gate = Gate()

    async def ask() -> str:
        committer = Committer(gate.record)
        impatient = asyncio.ensure_future(committer.recorded(touch(1)))
        await asyncio.sleep(0.05)
        impatient.cancel()
        patient = asyncio.ensure_future(committer.recorded(touch(2)))
        gate.open.set()
        return await patient

    assert asyncio.run(ask()) == "2"


def test_a_kill_loses_nothing_that_was_answered(workspace: Workspace) -> None:
    """kill -9 in the middle of a burst: every pixel that was answered stands in the database."""
    path, answered = workspace.path(Purpose.OPEN), 0
    with web_side(workspace) as (url, process):
        pool = httpx.Limits(max_connections=20)

        async def burst() -> int:
            async with httpx.AsyncClient(base_url=url, limits=pool, timeout=PATIENCE) as client:

                async def one(number: int) -> bool:
                    if number == 150:
                        process.kill()
                    try:
                        return (await client.get(path)).status_code == 200
                    except httpx.HTTPError:
                        return False

                return sum(await asyncio.gather(*(one(number) for number in range(300))))

        answered = asyncio.run(burst())
    assert answered <= len(workspace.evidence()) <= 300


def test_sigterm_answers_what_is_in_flight(workspace: Workspace) -> None:
    """A signal while requests wait: each gets its pixel, each is recorded once, and the process ends well."""
    path = workspace.path(Purpose.OPEN)
    with web_side(workspace) as (url, process):

        async def burst() -> list[int]:
            async with httpx.AsyncClient(base_url=url, timeout=PATIENCE) as client:
                assert (await client.get(path)).status_code == 200
                asked = [asyncio.ensure_future(client.get(path)) for _ in range(30)]
                await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
                process.send_signal(signal.SIGTERM)
                done = await asyncio.gather(*asked, return_exceptions=True)
                return [answer.status_code for answer in done if isinstance(answer, httpx.Response)]

        statuses = asyncio.run(burst())
        assert process.wait(PATIENCE) == 0
        assert process.stderr
        assert process.stderr.read() == ""
    assert set(statuses) == {200}
    assert len(workspace.evidence()) == len(statuses) + 1


def test_two_web_sides_share_one_database(workspace: Workspace) -> None:
    """Bursts at two processes at once: all is answered, and counted exactly once."""
    path, link = workspace.path(Purpose.OPEN), workspace.path(Purpose.CLICK)

    async def burst(urls: Sequence[str]) -> list[int]:
        async with httpx.AsyncClient(timeout=PATIENCE) as client:
            asked = [client.get(f"{url}{one}") for _ in range(40) for url in urls for one in (path, link)]
            return [answer.status_code for answer in await asyncio.gather(*asked)]

    with web_side(workspace) as (one, _), web_side(workspace) as (other, _):
        statuses = asyncio.run(burst([one, other]))
    assert sorted(set(statuses)) == [200, 302]
    assert sorted(workspace.kinds()) == ["click"] * 80 + ["open"] * 80


def test_a_busy_database_is_waited_for(workspace: Workspace) -> None:
    """Another program holds the pen for a while: the pixel is answered after that, and recorded."""
    other = Store(f"sqlite:///{workspace.store.file}")
    with web_side(workspace) as (url, _), httpx.Client(base_url=url, timeout=PATIENCE) as client:
        with other.write():
            answers: list[int] = []
            asking = threading.Thread(
                target=lambda: answers.append(client.get(workspace.path(Purpose.OPEN)).status_code)
            )
            asking.start()
            asking.join(0.3)
            assert answers == []
            assert workspace.evidence() == []
        asking.join(PATIENCE)
    other.close()
    assert answers == [200]
    assert workspace.kinds() == ["open"]


def test_a_full_disk_is_told_and_goes_by(workspace: Workspace) -> None:
    """Nothing is answered that could not be written: a 503 that says when to come again, until there is room."""
    engine, path = workspace.store.engine, workspace.path(Purpose.OPEN)

    def full(connection: sqlite3.Connection, _record: object) -> None:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count={pages}")

    def room(connection: sqlite3.Connection, _record: object) -> None:
        connection.execute("PRAGMA max_page_count=1000000")

    with running(workspace.app()) as url, httpx.Client(base_url=url, timeout=PATIENCE) as client:
        engine.dispose()
        event.listen(engine, "connect", full)
        statuses = []
        while 503 not in statuses:
            assert len(statuses) < 500
            answer = client.get(path)
            statuses.append(answer.status_code)
        assert answer.headers["retry-after"] == "60"
        assert len(workspace.evidence()) == statuses.count(200)
        event.remove(engine, "connect", full)
        event.listen(engine, "connect", room)
        engine.dispose()
        assert client.get(path).status_code == 200
    assert len(workspace.evidence()) == statuses.count(200) + 1
