"""What a tick costs where few are due out of many: claiming, the whole tick, one that finds nothing; and the memory."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from crowd import Crowd
from databases import Databases
from scene import LATER, Scene

#: So many tenths of a second a line is watched for.
_TENTHS = 100
#: So many ticks that find nothing are measured together: each takes a few milliseconds.
_IDLE_TICKS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Milliseconds: on the wall, and of this process's CPU (a database's server has its own)."""

    wall: float
    cpu: float


@dataclass(slots=True)
class Ticks:
    """What ticks cost over so many enrolments, a Cost a round, and the megabytes that `drip run` held for one."""

    people: int
    claim: list[Cost] = field(default_factory=list)
    paced: list[Cost] = field(default_factory=list)
    whole: list[Cost] = field(default_factory=list)
    idle: list[Cost] = field(default_factory=list)
    megabytes: float = 0.0


def ticks(
    scene: Scene, databases: Databases, *, sizes: Sequence[int], due: int, rounds: int, progress: Callable[[], object]
) -> list[Ticks]:
    """Measure over each number of enrolments in turn, round after round, `due` of them due each time.

    The scene has one person. `progress` is called after each crowd and each round.
    """
    found = [Ticks(people) for people in sizes]
    with ExitStack() as opened:
        crowds = []
        for people in sizes:
            address = databases.fresh()
            opened.callback(databases.drop, address)
            crowd = Crowd(scene, address, people=people, due=due)
            opened.callback(crowd.store.close)
            crowds.append((address, crowd))
            progress()
        for number in range(rounds + 1):
            for (_, crowd), told in zip(crowds, found, strict=True):
                claim = _cost(crowd.claim)
                crowd.rewind()
                paced = _cost(crowd.claim_paced)
                crowd.rewind()
                whole, idle = _cost(crowd.tick), _cost(crowd.idle_tick, times=_IDLE_TICKS)
                crowd.rewind()
                if number:  # the first round warms up
                    told.claim.append(claim)
                    told.paced.append(paced)
                    told.whole.append(whole)
                    told.idle.append(idle)
            progress()
        for (address, _), told in zip(crowds, found, strict=True):
            told.megabytes = _memory(scene, address, due)
    return found


@dataclass(frozen=True, slots=True)
class Line:
    """So many mails to one domain that is full. `shift`: the first look at each, in all; `tenth`: a tenth of a second
    afterwards, in which about one goes.
    """

    people: int
    shift: Cost
    tenth: Cost


def line(scene: Scene, databases: Databases, *, people: int) -> Line:
    """Measure what a long line costs."""
    address = databases.fresh()
    crowd = Crowd(scene, address, people=people, due=people)
    try:
        shift = _cost(crowd.line_up)
        crowd.clear_up()
        tenth = _cost(lambda: _went(crowd.let_through(_TENTHS)))
    finally:
        crowd.store.close()
        databases.drop(address)
    return Line(people, shift, Cost(wall=tenth.wall / _TENTHS, cpu=tenth.cpu / _TENTHS))


def _went(mails: int) -> None:
    assert _TENTHS * 0.8 <= mails <= _TENTHS, f"{mails} went in {_TENTHS} tenths of a second"


def _cost(work: Callable[[], None], times: int = 1) -> Cost:
    gc.collect()  # a full collection takes as long as a claim, and comes with every third or so
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(times):
        work()
    return Cost(
        wall=(time.perf_counter() - wall) * 1000 / times,
        cpu=(time.process_time() - cpu) * 1000 / times,
    )


def _memory(scene: Scene, database: str, due: int) -> float:
    """What `drip run --until-idle` holds at most while it sends to those who are due, over SMTP."""
    memory = [sys.executable, Path(__file__).with_name("memory.py")]
    run = subprocess.run(
        [*memory, "run", "--until-idle", "--now", LATER.isoformat(), "--send-early"],
        env=os.environ | {"DRIP_DATABASE_URL": database, "DRIP_TRANSPORT": scene.transport},
        cwd=scene.folder,
        capture_output=True,
        text=True,
        check=False,
    )
    if run.returncode or f"{due} sent" not in run.stdout:
        sys.exit(f"bench: drip run should have sent {due} mails:\n{run.stdout}{run.stderr}")
    return float(run.stderr.split()[-1])
