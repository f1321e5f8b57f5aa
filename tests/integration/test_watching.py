"""What an operator's machines see of `drip run`, `serve` and `up`: metrics, health and log lines of real processes."""

from __future__ import annotations

import email
import email.policy
import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from mail_server import MailServer
from postgres import QUICK, cluster
from prometheus_client.parser import text_string_to_metric_families
from terminal import SETTINGS, Terminal

#: Seconds after which a process must be broken; no fact below depends on them.
PATIENCE = 60
PEOPLE = 12
PASSWORD = "correct-horse-battery"
DRIP = [sys.executable, "-m", "drip"]
#: What a claim may come to.
STATES = ("sent", "retried", "failed", "held", "in_doubt")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Terminal:
    """A workspace in which a dozen first mails are due."""
    return filled(Terminal(folder=tmp_path, monkeypatch=monkeypatch, capsys=capsys))


def filled(terminal: Terminal, **variables: str) -> Terminal:
    terminal.found()
    people = "".join(f"person{n}@kund{n}.example,Person {n}\n" for n in range(PEOPLE))
    terminal.write("people.csv", f"email,first_name\n{people}")
    if "DRIP_DATABASE_URL" in variables:
        terminal.drip("db", "upgrade", **variables)
    terminal.drip("publish", "hello", **variables)
    terminal.drip("learners", "import", "people.csv", **variables)
    terminal.drip("enrol", "hello", "--all", **variables)
    return terminal


@contextmanager
def started(here: Terminal, *words: str, **variables: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A process that goes on, and where its metrics are; it ends with the block."""
    log = here.folder / "log"
    with log.open("w") as stderr:
        own = {name: value for name, value in os.environ.items() if not name.startswith("DRIP_")}
        process = subprocess.Popen(
            [*DRIP, *words, "--metrics", "0"],
            cwd=here.folder,
            env={**own, **variables},
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            start_new_session=True,
        )
        try:
            assert process.stdout
            said = process.stdout.readline()
            assert said.startswith("metrics on http://127.0.0.1:"), said + log.read_text()
            yield process, said.split()[-1].removesuffix("/metrics")
        finally:
            process.terminate()
            try:
                process.communicate(timeout=PATIENCE)
            finally:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)
                    process.communicate()


def fetch(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
            return answer.status, answer.read().decode(errors="replace")
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def refusal(url: str) -> Any:
    """What /readyz says while it is 503."""
    code, said = fetch(f"{url}/readyz")
    return json.loads(said) if code == 503 else None


def numbers(url: str) -> dict[str, float]:
    """`name{label="value"}` → value, of everything that stands there, as Prometheus reads it."""
    code, text = fetch(f"{url}/metrics")
    assert code == 200
    found = {}
    for family in text_string_to_metric_families(text):
        assert family.documentation, family.name
        for sample in family.samples:
            labels = ",".join(f'{key}="{value}"' for key, value in sorted(sample.labels.items()))
            found[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return found


def all_told(url: str) -> dict[str, float] | None:
    """The numbers, once what claims came to is as many mails as there are people, and each claim is wholly counted."""
    found = numbers(url)
    ended = sum(found[f"drip_deliveries_{state}_total"] for state in STATES)
    timed = found['drip_stage_seconds_count{stage="claim"}']
    return found if ended >= PEOPLE and timed == found["drip_batches_total"] else None


def until(happened: Callable[[], Any]) -> Any:
    """Wait for it, and give what it was."""
    for _ in range(PATIENCE * 20):
        if found := happened():
            return found
        time.sleep(0.05)
    raise AssertionError("it did not happen")


def log_of(here: Terminal) -> str:
    return (here.folder / "log").read_text("utf-8")


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> dict[str, str]:
    """The variables that put a workspace on each database."""
    if request.param == "sqlite":
        return {}
    return {"DRIP_DATABASE_URL": request.getfixturevalue("empty_database")}


def test_counts_are_those_of_the_ledger(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    start_smtp_server: Callable[..., MailServer],
    database: dict[str, str],
) -> None:
    """After a run with faults each counter is what the ledger holds, and the log's lines add up to the same."""
    server = start_smtp_server(
        script={
            "RCPT": {
                "person1@kund1.example": "550 5.1.1 <person1@kund1.example>: no such user",
                "person2@kund2.example": "451 4.7.1 <person2@kund2.example>: greylisted",
            }
        }
    )
    here = filled(Terminal(folder=tmp_path, monkeypatch=monkeypatch, capsys=capsys), **database)
    with started(here, "run", **database, DRIP_TRANSPORT=server.url) as (_, url):
        found = until(lambda: all_told(url))
        ledger = here.json("status", **database)["deliveries"]
        ended = {"sent": "sent", "retry": "retried", "failed": "failed", "held": "held", "in_doubt": "in_doubt"}
        counted = {state: found[f"drip_deliveries_{name}_total"] for state, name in ended.items()}
        assert ({state: number for state, number in counted.items() if number}) == ledger
        assert ledger == {"failed": 1, "retry": 1, "sent": PEOPLE - 2}
        assert found["drip_deliveries_claimed_total"] == PEOPLE
        assert found["drip_database_up"] == 1
        for stage in ("render", "send", "mark"):
            assert found[f'drip_stage_seconds_count{{stage="{stage}"}}'] >= 1
        later = until(lambda: now if (now := numbers(url)).get('drip_ledger_rows{state="retry"}') else None)
        assert later["drip_breaker_open"] == 0
        assert later["drip_due_lag_seconds"] == 0
        until(lambda: numbers(url).get("drip_workers_alive") == 1)  # what is asked of the database is kept a while
    lines = [dict(re.findall(r"(\w+)=(\S+)", line)) for line in log_of(here).splitlines() if " INFO batch " in line]
    added_up = Counter({key: sum(int(line[key]) for line in lines) for key in ("sent", "retried", "failed", "claimed")})
    assert added_up == Counter(sent=PEOPLE - 2, retried=1, failed=1, claimed=PEOPLE)
    assert {"lag_s", "claim_ms", "render_ms", "send_ms", "mark_ms", "worker", "transport"} <= lines[0].keys()


def test_a_log_names_nobody(here: Terminal, start_smtp_server: Callable[..., MailServer]) -> None:
    """A whole run's log, with faults that quote people, holds no address, no password, no secret and no token."""
    server = start_smtp_server(
        script={
            "RCPT": {
                "person1@kund1.example": "550 5.1.1 <person1@kund1.example>: no such user",
                "person3@kund3.example": "550 5.7.1 person3@kund3.example is not welcome\x1b[2J",
                "person4@kund4.example": "451 4.7.1 person4@kund4.example later",
            }
        },
        extensions=["AUTH PLAIN"],
    )
    url = server.url.replace("smtp://", f"smtp://postman:{PASSWORD}@")
    variables = {"DRIP_TRANSPORT": url, "DRIP_LOG": "json", "DRIP_LOG_LEVEL": "debug"}
    with started(here, "run", **variables):
        until(lambda: sum(here.json("status")["deliveries"].values()) >= PEOPLE)
        until(lambda: "breaker_open" in log_of(here))
    log = log_of(here)
    events = [json.loads(line) for line in log.splitlines()]
    assert {"worker_started", "batch", "worker_stopped"} <= {event.get("event") for event in events}
    for event in events:
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", event["ts"])
    assert not [n for n in range(PEOPLE) if f"person{n}@" in log]
    assert "long enough for tests" not in log
    assert PASSWORD not in log
    assert "breaker_open" in log
    assert "learn@acme.example" not in log
    assert not re.search(r"[A-Za-z0-9_-]{40,}", log), "that may be a token"


@pytest.mark.parametrize("command", ["run", "serve", "up"])
def test_each_process_answers_its_operator(here: Terminal, command: str) -> None:
    """`run`, `serve` and `up` answer /healthz, /readyz and /metrics at the place that --metrics names, nothing else."""
    words = [command] if command == "run" else [command, "--port", "0"]
    with started(here, *words) as (process, url):
        assert fetch(f"{url}/healthz") == (200, '{"status":"ok"}')
        assert fetch(f"{url}/readyz") == (200, '{"status":"ok"}')
        assert "drip_due_lag_seconds" in numbers(url)
        assert fetch(f"{url}/c/token")[0] == 404
        if command != "run":
            assert process.stdout
            web = re.findall(r"listening on (http://[0-9.:]+)", process.stdout.readline())[0]
            assert fetch(f"{web}/healthz") == (200, '{"status":"ok"}')
            assert fetch(f"{web}/readyz") == (200, '{"status":"ok"}')
            assert fetch(f"{web}/metrics")[0] == 404, "the web side is everybody's"
            assert fetch(f"{web}/made-up-{os.getpid()}")[0] == 404
            found = numbers(url)
            assert found['drip_request_seconds_count{kind="health",status="2xx"}'] == 2
            assert found['drip_request_seconds_count{kind="other",status="4xx"}'] == 2
            assert str(os.getpid()) not in " ".join(name for name in found if name.startswith("drip_request"))
        process.terminate()
        assert process.wait(PATIENCE) == 0


def test_links_are_counted_by_what_they_bring(here: Terminal) -> None:
    """An open that is new is counted once by its kind, a replay of nothing new is a request all the same."""
    here.drip("run", "--until-idle")
    mail = next((here.folder / "outbox").glob("*.eml")).read_text()
    body = email.message_from_string(mail, policy=email.policy.default).get_body(("html",))
    assert body
    html = body.get_content()
    pixel = re.findall(r"/o/[\w.-]+\.gif", html)[0]
    with started(here, "serve", "--port", "0") as (process, url):
        assert process.stdout
        web = re.findall(r"listening on (http://[0-9.:]+)", process.stdout.readline())[0]
        assert fetch(web + pixel)[0] == 200
        assert fetch(web + "/o/forged.gif")[0] == 404
        found = numbers(url)
        assert found['drip_evidence_total{kind="open"}'] == 1
        assert found['drip_request_seconds_count{kind="open",status="2xx"}'] == 1
        assert found['drip_request_seconds_count{kind="open",status="4xx"}'] == 1


def test_workers_share_one_place_also_after_one_died(
    here: Terminal, start_smtp_server: Callable[..., MailServer]
) -> None:
    """Two workers have one place for their numbers; what a killed one did stays counted, beside its heir."""
    server = start_smtp_server()
    with started(here, "run", "--workers", "2", DRIP_TRANSPORT=server.url) as (_, url):
        until(lambda: numbers(url)["drip_deliveries_sent_total"] == PEOPLE)
        until(lambda: numbers(url)["drip_workers_alive"] == 2)
        killed = [int(number) for number in re.findall(r"worker_started .*process=(\d+)", log_of(here))]
        assert len(killed) == 2
        for process in killed:
            os.kill(process, signal.SIGKILL)
        until(lambda: numbers(url)["drip_worker_restarts_total"] == 2)
        until(lambda: log_of(here).count("worker_started") == 4)  # the heirs have put up their handlers by then
        assert numbers(url)["drip_deliveries_sent_total"] == PEOPLE
        here.drip("learners", "add", "late@kund.example")
        here.drip("enrol", "hello", "--email", "late@kund.example")
        until(lambda: numbers(url)["drip_deliveries_sent_total"] == PEOPLE + 1)
    assert here.json("status")["deliveries"] == {"sent": PEOPLE + 1}
    log = log_of(here)
    assert log.count("worker_died") == 2
    assert log.count("worker_restarted") == 2
    assert log.count("worker_stopped") == 2


def test_not_ready_says_why_without_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """While PostgreSQL is stopped /readyz is 503 with the reason, and /metrics says so; back again, both are well."""
    with cluster(*QUICK) as server, ExitStack() as at_work:
        up = at_work.enter_context(ExitStack())
        up.enter_context(server.running())
        variables = {"DRIP_DATABASE_URL": server.url(server.create())}
        here = filled(Terminal(folder=tmp_path, monkeypatch=monkeypatch, capsys=capsys), **variables)
        process, url = at_work.enter_context(started(here, "up", "--port", "0", **variables))
        assert process.stdout
        web = re.findall(r"listening on (http://[0-9.:]+)", process.stdout.readline())[0]
        until(lambda: fetch(f"{url}/readyz")[0] == 200)
        up.close()
        said = until(lambda: refusal(url))
        assert said["status"] == "not ready"
        assert "the database postgresql://drip@" in said["reason"]
        assert until(lambda: refusal(web))["reason"] == "the database fails", "where it stands is not for everybody"
        assert fetch(f"{url}/healthz")[0] == 200
        found = until(lambda: now if (now := numbers(url))["drip_database_up"] == 0 else None)
        assert "drip_due" not in found
        assert "drip_deliveries_sent_total" in found
        up.enter_context(server.running())
        until(lambda: fetch(f"{url}/readyz")[0] == 200)
        until(lambda: numbers(url)["drip_database_up"] == 1)


def test_an_older_database_is_not_ready(here: Terminal) -> None:
    """A database that somebody moved to other tables is not ready, and the reason says what to type."""
    with started(here, "serve", "--port", "0") as (process, url):
        assert process.stdout
        web = re.findall(r"listening on (http://[0-9.:]+)", process.stdout.readline())[0]
        with sqlite3.connect(here.folder / "drip.db") as conn:
            conn.execute("UPDATE alembic_version SET version_num = '0001'")
        conn.close()
        assert "drip db upgrade" in until(lambda: refusal(web))["reason"]
        assert "drip db upgrade" in fetch(f"{url}/readyz")[1]


def test_a_taken_place_is_told(here: Terminal) -> None:
    """Where --metrics cannot listen, or names no place, nothing starts, and words say what to write."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        said = here.drip("run", "--until-idle", "--metrics", str(taken.getsockname()[1]), code=3)
    assert "--metrics HOST:PORT" in said.err
    for wrong in ("nowhere", "1:2:3", "99999", "host:", "::1"):
        assert "--metrics" in here.drip("run", "--until-idle", "--metrics", wrong, code=2).err
    assert not (here.folder / "outbox").exists()


def test_settings_of_the_log_are_checked(here: Terminal) -> None:
    """A form or a level that is none is refused in words; both may stand in drip.toml."""
    assert "text, json" in here.drip("run", "--until-idle", code=1, DRIP_LOG="xml").err
    assert "warning" in here.drip("run", "--until-idle", code=1, DRIP_LOG_LEVEL="loud").err
    here.write("drip.toml", 'log = "json"\nlog_level = "info"\n' + SETTINGS)
    said = here.drip("run", "--until-idle")
    assert f"{PEOPLE} sent" in said.out
    assert [json.loads(line)["event"] for line in said.err.splitlines()] == [
        "worker_started",
        "batch",
        "worker_stopped",
    ]
