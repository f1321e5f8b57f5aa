"""Several real `drip run` processes under one pace; the judge is the mail server's own log."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path

import pytest
from academy import Academy, found_academy
from mail_server import MailServer

COURSE = """\
title: One tip
timing: {every: 0 minutes, between: "00:00-24:00", days: daily}
steps:
  - {tip: first, subject: The first tip, body: "Dear {{ learner.first_name }}, press *Save*."}
"""
#: Mails a second, and how many of them a tenth of a second lets through.
RATE, TENTH = 40, 4
WORKERS = 3


def found(folder: Path, server: MailServer, people: int, pace: str, **variables: str) -> Academy:
    """Everybody is enrolled, everything is due, and drip.toml says `pace`."""
    rows = "".join(f"learner{n}@customer.example,Åsa {n}\n" for n in range(people))
    url = f"{server.url}?tls=none&connections=10"
    academy = found_academy(
        folder, {"course": COURSE}, f"email,first_name\n{rows}", DRIP_TRANSPORT=url, DRIP_LEASE="5", **variables
    )
    settings = academy.folder / "drip.toml"
    settings.write_text(f"{settings.read_text('utf-8')}\n[pace]\n{pace}\n", "utf-8")
    academy.drip("enrol", "course", "--all")
    return academy


def went(server: MailServer) -> list[float]:
    return sorted(datetime.fromisoformat(message["at"]).timestamp() for message in server.messages())


def most_in_a_second(times: list[float]) -> int:
    return max((sum(first <= at < first + 1 for at in times) for first in times), default=0)


def most_open(server: MailServer) -> int:
    now = most = 0
    for event in server.events("open", "close"):
        now += 1 if event["event"] == "open" else -1
        most = max(most, now)
    return most


def wait_for(server: MailServer, mails: int, crew: list[subprocess.Popen[str]]) -> None:
    while len(server.messages()) < mails:
        assert any(worker.poll() is None for worker in crew), "all have ended too soon: the test has shown nothing"
        time.sleep(0.05)


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_processes_keep_one_pace(
    database: str, tmp_path: Path, start_smtp_server: Callable[..., MailServer], request: pytest.FixtureRequest
) -> None:
    """Three workers, one of them stopped and another started half way: no second has more than the limit, with a tenth
    for each worker whose network was held up; never more than four connections are open; everything goes once.
    """
    variables = {"DRIP_DATABASE_URL": request.getfixturevalue("empty_database")} if database == "postgresql" else {}
    server = start_smtp_server(script={}, delay=0.001)
    academy = found(tmp_path / "academy", server, 240, f'rate = "{RATE}/s"\nconnections = 4', **variables)
    with ExitStack() as running:
        crew = [running.enter_context(academy.started("run", "--until-idle")) for _ in range(WORKERS)]
        wait_for(server, 60, crew)
        crew[0].send_signal(signal.SIGTERM)
        assert crew[0].wait(60) == 0
        crew.append(running.enter_context(academy.started("run", "--until-idle")))
        for worker in crew[1:]:
            worker.communicate(timeout=120)
            assert worker.returncode == 0
    times = went(server)
    assert len({tuple(message["rcpt_to"]) for message in server.messages()}) == len(times) == 240
    assert most_in_a_second(times) <= RATE + WORKERS * TENTH
    assert most_open(server) <= 4


def test_more_processes_than_connections(tmp_path: Path, start_smtp_server: Callable[..., MailServer]) -> None:
    """`--workers 3` with one connection: one works, two wait for their turn, and the server never sees two at once."""
    server = start_smtp_server(script={}, delay=0.001)
    academy = found(tmp_path / "academy", server, 100, "connections = 1")
    academy.drip("run", "--workers", "3", "--until-idle")
    assert len(server.messages()) == 100
    assert most_open(server) == 1


def test_what_waits_is_told(tmp_path: Path, start_smtp_server: Callable[..., MailServer]) -> None:
    """A day's number is gone: the command ends, and says in words and in JSON how many wait for what, until when."""
    server = start_smtp_server(script={})
    academy = found(tmp_path / "academy", server, 30, 'warm_up = [20, 50]\nrate = "100/s"')
    told = academy.drip("run", "--until-idle")
    assert "20 sent" in told
    assert "10 wait for the warm-up: 20 on day 1; the next go " in told
    found_again = json.loads(academy.drip("run", "--until-idle", "--format", "json"))
    assert found_again["sent"] == 0
    assert found_again["pace"]["due"] == 10
    assert found_again["pace"]["held_up_by"] == "the warm-up: 20 on day 1"
    warm_up = found_again["pace"]["warm_up"]
    assert (warm_up["day"], warm_up["of"], warm_up["most"], warm_up["used"]) == (1, 2, 20, 20)
    both = json.loads(academy.drip("run", "--workers", "2", "--until-idle", "--format", "json"))
    assert (both["sent"], both["pace"]["due"]) == (0, 10)


def test_it_says_so_where_the_clock_stands(tmp_path: Path, start_smtp_server: Callable[..., MailServer]) -> None:
    """`--now` stands still: what may go at that instant goes, and nobody waits."""
    server = start_smtp_server(script={})
    academy = found(tmp_path / "academy", server, 30, 'rate = "100/s"')
    told = academy.drip("run", "--until-idle", "--now", "2030-01-01T12:00Z", "--send-early")
    assert "10 sent" in told
    assert "20 wait for the pace: 100/s" in told
