"""SIGTERM and SIGINT at random moments, while a real mail server takes mail: nothing is lost, and nothing repeats."""

from __future__ import annotations

import random
import signal
import time
from pathlib import Path

import pytest
from academy import Academy
from crashing import LEARNERS, SLOW, TIPS, everyone_got, found, taken, wait_for
from judge import judge
from mail_server import mail_server

#: How often each kind of run is stopped before it may finish.
STOPS = 3


@pytest.fixture(scope="module")
def academy(tmp_path_factory: pytest.TempPathFactory) -> Academy:
    """A hundred learners and a course; nobody is enrolled yet."""
    return found(tmp_path_factory.mktemp("signals") / "academy")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
@pytest.mark.parametrize("way", ["--until-idle", "until stopped"])
def test_a_signal_finishes_what_is_under_way_and_sends_nothing_twice(
    academy: Academy, tmp_path: Path, way: str, number: signal.Signals
) -> None:
    """Again and again: exit 0, no row is left claimed or handed, all that was taken is marked; in the end everybody
    has everything, once."""
    seed = random.randrange(1_000_000)
    print(f"seed {seed}")
    dice = random.Random(seed)
    with mail_server(tmp_path / "smtp.jsonl", **SLOW) as server:
        here = academy.copy(tmp_path / "academy", DRIP_TRANSPORT=server.url)
        here.drip("enrol", "course-1", "--all")
        for _ in range(STOPS):
            with here.started("run", *([way] if way.startswith("--") else [])) as worker:
                # a group of fifty is finished after the signal: three stops leave a hundred of the 300 mails
                wait_for(server, taken(server) + dice.randint(1, 10), worker)
                time.sleep(dice.uniform(0, 0.02))
                worker.send_signal(number)
                assert worker.wait(60) == 0
            stopped = judge(server.log, here.database)
            print(f"  stopped after {stopped.mails} mails")
            assert stopped.mails < LEARNERS * TIPS, "it was stopped too late: the test has shown nothing"
            assert stopped.leases == 0
            assert set(stopped.unsettled) <= {"retry"}
            assert not stopped.unmarked
        here.drip("run", "--until-idle")
        verdict = judge(server.log, here.database)
        assert verdict.broken() == {}
        assert verdict.messages == LEARNERS * TIPS
        everyone_got(server)
