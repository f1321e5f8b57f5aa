"""Many processes drain one long queue, on either database, while some are added, asked to stop, or killed."""

from __future__ import annotations

import os
import re
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from academy import Academy, found_academy
from crashing import IN_DOUBT
from judge import judge
from mail_sink import MailSink, mail_sink

LEARNERS = 20_000
#: Longer than any worker is kept from the processor on a busy machine: only the dead lose their rows.
LEASE = "15"
COURSE = """\
title: One tip
timing: {every: 0 minutes, between: "00:00-24:00", days: daily}
steps:
  - {tip: first, subject: The first tip, body: "Dear {{ learner.first_name }}, press *Save*."}
"""
#: Small mails: it is about the queue.
LAYOUT = '<mjml><mj-body><mj-raw>{{ body }}<a href="{{ unsubscribe.url }}">Leave</a></mj-raw></mj-body></mjml>\n'


@pytest.fixture
def sink(tmp_path: Path) -> Iterator[MailSink]:
    with mail_sink(tmp_path / "sink") as sink:
        yield sink


def found(folder: Path, sink: MailSink, learners: int, *, lease: str = LEASE, **variables: str) -> Academy:
    """Everybody is enrolled, and everything is due."""
    people = "".join(f"learner{n}@customer.example,Åsa {n}\n" for n in range(learners))
    academy = found_academy(
        folder,
        {"course": COURSE},
        f"email,first_name\n{people}",
        layouts={"tip": LAYOUT},
        DRIP_TRANSPORT=sink.url,
        DRIP_LEASE=lease,
        DRIP_IN_DOUBT_AFTER="0",
        **variables,
    )
    academy.drip("enrol", "course", "--all")
    return academy


def asked(academy: Academy, query: str) -> list[tuple[Any, ...]]:
    """What the ledger answers."""
    if isinstance(academy.database, str):
        with psycopg.connect(academy.database) as there:
            return there.execute(query).fetchall()  # type: ignore[arg-type]
    with closing(sqlite3.connect(academy.database, timeout=30)) as there:
        return there.execute(query).fetchall()


def sent(academy: Academy) -> int:
    return int(asked(academy, "SELECT count(*) FROM delivery WHERE state = 'sent'")[0][0])


def held_by(academy: Academy, worker: subprocess.Popen[str], *states: str) -> set[int]:
    """The ledger rows in these states whose lease names the process."""
    rows = asked(academy, "SELECT id, state, leased_by FROM delivery WHERE leased_by IS NOT NULL")
    return {id_ for id_, state, by in rows if state in states and f"-{worker.pid}-" in by}


def wait_until(academy: Academy, mails: int, crew: list[subprocess.Popen[str]]) -> None:
    while sent(academy) < mails:
        assert any(worker.poll() is None for worker in crew), "all have ended too soon: the test has shown nothing"
        time.sleep(0.02)


def killed_at_work(academy: Academy, crew: list[subprocess.Popen[str]]) -> set[int]:
    """Kill one of the crew that has rows handed; the rows that nobody can know the fate of.

    It is held still before it is looked at again: between a look and a kill it could mark all that it had handed.
    """
    while True:
        for worker in crew:
            if worker.poll() is None and held_by(academy, worker, "handed"):
                worker.send_signal(signal.SIGSTOP)
                time.sleep(0.1)  # what it had said to the database before is done by then
                if not held_by(academy, worker, "handed"):
                    worker.send_signal(signal.SIGCONT)
                    continue
                worker.kill()
                worker.wait()
                crew.remove(worker)
                return held_by(academy, worker, "handed")
        assert any(worker.poll() is None for worker in crew), "nobody was met at work: the test has shown nothing"


@pytest.mark.parametrize(("database", "workers"), [("postgresql", 8), ("sqlite", 4)])
def test_many_workers_drain_one_queue(
    database: str, workers: int, sink: MailSink, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """20,000 mails: each goes once, but for what two killed workers had handed; one asked to stop leaves nothing.

    Half of the crew starts; two of them are killed, as many as there are to be are added, and one is stopped.
    """
    variables = {"DRIP_DATABASE_URL": request.getfixturevalue("empty_database")} if database == "postgresql" else {}
    academy = found(tmp_path / "academy", sink, LEARNERS, **variables)
    began = time.monotonic()
    with ExitStack() as running:

        def start(number: int) -> list[subprocess.Popen[str]]:
            return [running.enter_context(academy.started("run", "--until-idle")) for _ in range(number)]

        crew = start(workers // 2)
        wait_until(academy, LEARNERS // 10, crew)
        in_doubt = [killed_at_work(academy, crew) for _ in range(2)]
        crew += start(workers - len(crew))
        wait_until(academy, LEARNERS // 3, crew)
        stopped = crew.pop()
        stopped.send_signal(signal.SIGTERM)
        told = [ended(stopped)]
        assert held_by(academy, stopped, "claimed", "handed") == set()
        crew += start(1)
        told += [ended(worker) for worker in crew]
    print(f"{database}: {time.monotonic() - began:.1f} s; in doubt: {[len(rows) for rows in in_doubt]}")
    assert all(0 < len(rows) <= IN_DOUBT for rows in in_doubt)
    doubtful = set.union(*in_doubt)
    verdict = judge(sink.log, academy.database)
    assert verdict.broken(repeats=len(doubtful)) == {}
    assert set(verdict.repeated) <= doubtful
    assert verdict.mails == LEARNERS
    assert sum(map(mails, told)) < LEARNERS, "the killed sent nothing"
    assert sum(mails(text) > 0 for text in told) >= workers - 1


def ended(worker: subprocess.Popen[str]) -> str:
    """What a process said; it must have ended well."""
    told, _ = worker.communicate(timeout=300)
    assert worker.returncode == 0
    return told


def mails(told: str) -> int:
    """How many mails a run says that it sent."""
    return sum(int(number.replace(",", "")) for number in re.findall(r"([\d,]+) sent", told))


def test_a_worker_that_dies_is_started_again(sink: MailSink, tmp_path: Path) -> None:
    """`--workers 3`: one is killed, another takes its place, and it is said; everything goes, and SIGTERM ends all."""
    academy = found(tmp_path / "academy", sink, 2_000, lease="2")
    log = tmp_path / "log"
    with log.open("w") as stderr, academy.started("run", "--workers", "3", stderr=stderr) as parent:
        first = wait_for(lambda: children(parent.pid), lambda found: len(found) == 3)
        while not asked(academy, f"SELECT id FROM delivery WHERE leased_by LIKE '%-{min(first)}-%'"):
            time.sleep(0.005)
        os.kill(min(first), signal.SIGKILL)
        now = wait_for(lambda: children(parent.pid), lambda found: len(found - first) == 1)
        assert min(first) not in now
        wait_for(lambda: sent(academy), lambda number: number == 2_000)
        parent.send_signal(signal.SIGTERM)
        assert parent.wait(60) == 0
        assert not any(Path(f"/proc/{worker}").exists() for worker in now)
    assert re.search(rf"worker \d \(process {min(first)}\) was ended by SIGKILL; started again in 1 s", log.read_text())
    assert "Traceback" not in log.read_text()


def test_a_mistake_is_not_started_again(sink: MailSink, tmp_path: Path) -> None:
    """What a person got wrong ends in the same way each time: all workers end, with its exit code, and say it."""
    academy = found(tmp_path / "academy", sink, 1)
    academy = Academy(folder=academy.folder, variables={**academy.variables, "DRIP_TRANSPORT": "pigeon:"})
    told = academy.drip("run", "--workers", "2", exit_code=1)
    assert told.count("pigeon") == 2
    assert "again" not in told


def wait_for(look: Callable[[], Any], enough: Callable[[Any], bool]) -> Any:
    while not enough(found := look()):
        time.sleep(0.01)
    return found


def children(process: int) -> set[int]:
    """The processes that this one has started, and that run."""
    return {int(pid) for pid in Path(f"/proc/{process}/task/{process}/children").read_text().split()}
