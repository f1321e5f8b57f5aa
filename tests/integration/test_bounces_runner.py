"""`drip run` and `drip up` look into the bounce mailbox by themselves, one worker at a time, while mails go on."""

from __future__ import annotations

import logging
import signal
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from came_back import LETTER, bounce
from stage import KEY, PLAIN_COURSE, SECRET, Stage, open_store, set_up
from terminal import SETTINGS, Terminal

from drip.engine.bounces import Listener
from drip.errors import MachineError
from drip.inbound.mailbox import Letter
from drip.inbound.maildir import Maildir, keep
from drip.runners.bounces import fetching
from drip.store import workers
from drip.track.token import Ring

RING = Ring.of([SECRET])
SOON = timedelta(milliseconds=10)


def eventually(happened: Callable[[], bool]) -> None:
    for _ in range(6000):
        if happened():
            return
        time.sleep(0.01)
    raise AssertionError("it did not happen")


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    """A learner has got their first mail."""
    stage = set_up(tmp_path)
    stage.publish(PLAIN_COURSE)
    stage.people(1)
    stage.deliver()
    stage.clock.turn(hours=0.5)
    return stage


def listener(stage: Stage) -> Listener:
    return Listener(store=open_store(stage.folder), ring=RING, suppression_key=KEY, clock=stage.clock)


class Broken:
    """A mailbox that does not answer, for so many times; then an empty one."""

    def __init__(self, error: Exception, times: int) -> None:
        self.error, self.times, self.looks = error, times, 0

    def waiting(self) -> Iterator[Letter]:
        self.looks += 1
        if self.looks <= self.times:
            raise self.error
        yield from ()

    def put_away(self, name: str, *, understood: bool) -> None:
        raise AssertionError(name)

    def close(self) -> None:
        pass


def test_it_looks_at_once_and_again(stage: Stage, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """What waits at the start is taken, and what comes later; the log has numbers and no addresses."""
    caplog.set_level(logging.INFO, "drip.run")
    keep(tmp_path / "box", LETTER)
    with fetching(listener(stage), Maildir(tmp_path / "box"), worker="me", every=SOON):
        eventually(lambda: "bounces_fetched" in caplog.text)
        keep(tmp_path / "box", bounce(RING, stage.rows()[0].id, "learner0@customer.example"))
        eventually(lambda: caplog.text.count("bounces_fetched") == 2)
    assert [record.fields for record in caplog.records] == [{"left_alone": 1}, {"bounces": 1}]  # type: ignore[attr-defined]
    assert stage.standing("learner0@customer.example").enrolment.state.value != "active"


@pytest.mark.parametrize("error", [MachineError("no answer"), ValueError("a mistake of ours")])
def test_what_goes_wrong_is_said_and_tried_again(
    stage: Stage, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    """A mailbox that does not answer, and even a mistake of ours, end nothing."""
    broken = Broken(error, times=2)
    with fetching(listener(stage), broken, worker="me", every=SOON):
        eventually(lambda: broken.looks > 3)
    assert caplog.text.count("bounces are not fetched") == 2


def test_only_the_oldest_worker_looks(stage: Stage) -> None:
    """Of two that live one fetches; when it has gone, the other does."""
    now = datetime.now(UTC)
    ages = {"old": now - timedelta(minutes=1), "young": now}
    rows = {
        name: workers.Worker(name=name, host="h", process=1, transport="outbox", started_at=at, seen_at=now)
        for name, at in ages.items()
    }
    with stage.store.write() as conn:
        for row in rows.values():
            workers.sign(conn, row)
    old, young = Broken(MachineError(""), 0), Broken(MachineError(""), 0)
    with (
        fetching(listener(stage), young, worker="young", every=SOON),
        fetching(listener(stage), old, worker="old", every=SOON),
    ):
        eventually(lambda: old.looks > 10)
        assert young.looks == 0
        with stage.store.write() as conn:
            workers.stop(conn, "old", now=now)
        eventually(lambda: young.looks > 3)


@pytest.mark.parametrize("command", [("run",), ("up", "--port", "0")])
def test_the_commands_that_go_on_fetch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: tuple[str, ...]
) -> None:
    """`drip run` and `drip up` take what waits in the mailbox of drip.toml, and end well on SIGTERM."""
    here = Terminal(folder=tmp_path, monkeypatch=monkeypatch, capsys=capsys).found()
    here.write("drip.toml", SETTINGS + '[bounces]\nmaildir = "box"\n')
    keep(here.folder / "box", LETTER)
    process = here.start(*command)
    try:
        eventually(lambda: len(list((here.folder / "box" / "cur").iterdir())) == 1)
    finally:
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert "bounces_fetched left_alone=1" in err
