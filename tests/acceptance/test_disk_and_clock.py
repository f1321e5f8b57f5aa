"""The disk is full, and the clock jumps: what was taken is known or in doubt, never lost, and never sent on a whim."""

from __future__ import annotations

import random
import resource
import subprocess
import sys
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from academy import Academy
from crashing import SLOW, everyone_got, found, handed_by, taken, wait_for
from judge import judge, read_log
from mail_server import mail_server
from stage import PLAIN_COURSE, Clock, set_up

from drip.transports.smtp import Smtp

#: What the database and its log may grow by, in bytes, before the disk is full: from the first write to the last.
ROOM = (0, 50_000)
#: A page: no write reaches beyond it.
NOTHING, WITHOUT_END = 4096, resource.RLIM_INFINITY


@pytest.fixture(scope="module")
def academy(tmp_path_factory: pytest.TempPathFactory) -> Academy:
    """A hundred learners in a course, everything due."""
    academy = found(tmp_path_factory.mktemp("disk") / "academy")
    academy.drip("enrol", "course-1", "--all")
    return academy


@pytest.mark.parametrize("when", ["at some write", "while rows are handed"])
@pytest.mark.parametrize("number", [1, 2])
def test_a_full_disk_loses_nothing(academy: Academy, tmp_path: Path, when: str, number: int) -> None:
    """No file may grow any more, from a random point of a run on. drip says so in words; once there is room it, or the
    next run, goes on: everybody gets everything, and only what an ended process left in doubt may come twice."""
    seed = random.randrange(1_000_000)
    print(f"seed {seed}")
    dice = random.Random(seed)
    with mail_server(tmp_path / "smtp.jsonl", **SLOW) as server:
        here = academy.copy(tmp_path / "academy", DRIP_TRANSPORT=server.url, DRIP_LEASE="1", DRIP_IN_DOUBT_AFTER="0")
        room = here.database.stat().st_size + dice.randint(*ROOM) if when == "at some write" else WITHOUT_END
        process = subprocess.Popen(
            [sys.executable, "-c", _LIMITED.format(limit=room)],
            cwd=here.folder,
            env=here._environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert process.stdout
        if when == "while rows are handed":
            wait_for(server, dice.randint(1, 120), process)
            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (NOTHING, WITHOUT_END))
        said = process.stdout.readline()  # that it gives up, or that it cannot write down what has gone
        print(f"after {taken(server)} mails: {said}")
        assert "free some space" in said
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (WITHOUT_END, WITHOUT_END))
        rest, _ = process.communicate(timeout=60)
        assert "Traceback" not in rest
        assert process.returncode == (3 if said.startswith("drip:") else 0)
        in_doubt = handed_by(process.pid, here)
        here.drip("run", "--until-idle")
        verdict = judge(server.log, here.database)
        assert verdict.broken(repeats=len(in_doubt)) == {}
        assert set(verdict.repeated) <= set(in_doubt)
        everyone_got(server)


#: `drip run`, in whose hands no file becomes longer than so many bytes. The limit may be lifted from outside.
_LIMITED = """
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, resource.RLIM_INFINITY))
sys.argv = ["drip", "run", "--until-idle"]
from drip.cli import main
main()
"""


@dataclass
class JumpyClock(Clock):
    """A clock that somebody sets an hour back or forward at any moment, also in the middle of a tick."""

    dice: random.Random = field(default_factory=random.Random)
    jumps: int = 0

    def __call__(self) -> datetime:
        if self.dice.random() < 0.2:
            self.jumps += 1
            return self.now + self.dice.choice((-1, 1)) * timedelta(hours=1)
        return self.now


def test_a_clock_that_jumps_repeats_and_loses_nothing(tmp_path: Path) -> None:
    """An hour back or forward at any look: a mail may come an hour early, and each comes once, in its order."""
    seed = random.randrange(1_000_000)
    print(f"seed {seed}")
    clock = JumpyClock(dice=random.Random(seed))
    with mail_server(tmp_path / "smtp.jsonl", script={"RCPT": ["450 4.2.0 Busy", "ok", "ok"] * 30}) as server:
        smtp = Smtp("127.0.0.1", server.port, timeout=20, connections=2)
        stage = set_up(tmp_path, clock=clock, transport=smtp)
        stage.publish(PLAIN_COURSE)
        stage.people(20)
        for _ in range(150):
            clock.turn(minutes=10)
            stage.deliver()
        smtp.close()
        assert clock.jumps > 50
        verdict = judge(server.log, tmp_path / "drip.db")
        assert verdict.broken() == {}
        assert verdict.messages == 20 * 6
        assert len({(message.rcpt_to, message.subject) for message in read_log(server.log)}) == 20 * 6
