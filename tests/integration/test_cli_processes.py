"""`drip` as programs meet it: processes with signals, ports, pipes and workers."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest
from terminal import Terminal

ADA = "ada@customer.example"
#: Seconds after which a process must be broken; no fact below depends on them.
PATIENCE = 60
#: What a process says that sent one mail, and that all went well with.
INFO = [["INFO", "worker_started"], ["INFO", "batch"], ["INFO", "worker_stopped"]]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Terminal:
    """A workspace in which Ada's first mail is due."""
    terminal = Terminal(folder=tmp_path, monkeypatch=monkeypatch, capsys=capsys).found()
    terminal.drip("publish", "hello")
    terminal.drip("learners", "add", ADA)
    terminal.drip("enrol", "hello", "--email", ADA)
    return terminal


def until(happened: Callable[[], object]) -> None:
    """Wait for it."""
    for _ in range(PATIENCE * 20):
        if happened():
            return
        time.sleep(0.05)
    raise AssertionError("it did not happen")


def mails(here: Terminal) -> list[Path]:
    return list((here.folder / "outbox").glob("*.eml"))


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=PATIENCE)
    return process.returncode, out, err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_run_sends_and_ends_well_on_a_signal(here: Terminal, number: signal.Signals) -> None:
    """`run` tells where it sends, sends what is due, ends with exit 0, and logs a line for each thing on stderr."""
    process = here.start("run")
    until(lambda: mails(here))
    until(lambda: here.json("status")["deliveries"] == {"sent": 1})
    process.send_signal(number)
    code, out, err = ended(process)
    assert code == 0
    assert [line.split()[1:3] for line in err.splitlines()] == INFO
    assert out.splitlines() == ["sending over outbox:./outbox; Ctrl-C stops"]


def test_nobody_is_told_twice(here: Terminal) -> None:
    """Where the log does not tell what goes well, sentences on stdout do, as to a person at a terminal."""
    process = here.start("run", DRIP_LOG_LEVEL="warning")
    until(lambda: here.json("status")["deliveries"] == {"sent": 1})
    process.terminate()
    code, out, err = ended(process)
    assert (code, err) == (0, "")
    assert out.splitlines() == ["sending over outbox:./outbox; Ctrl-C stops", "1 sent"]


def test_run_as_json_is_one_object_at_the_end(here: Terminal) -> None:
    """With --format json `run` prints one object: what it did until it was stopped; and so do its workers together."""
    process = here.start("run", "--format", "json")
    until(lambda: here.json("status")["deliveries"] == {"sent": 1})
    process.terminate()
    code, out, _ = ended(process)
    assert (code, json.loads(out)["sent"]) == (0, 1)
    here.drip("learners", "add", "bo@kund.example")
    here.drip("enrol", "hello", "--email", "bo@kund.example")
    code, out, err = ended(here.start("run", "--until-idle", "--workers", "2", "--format", "json"))
    assert (code, json.loads(out)["sent"], err) == (0, 1, "")


def test_up_answers_and_sends_and_drains(here: Terminal) -> None:
    """`up` on a free port says where it listens, answers, sends what is due, and ends well on SIGTERM."""
    process = here.start("up", "--port", "0", "--format", "json")
    assert process.stdout
    url = json.loads("".join(process.stdout.readline() for _ in range(3)))["url"]
    with urllib.request.urlopen(f"{url}/healthz", timeout=PATIENCE) as answer:
        assert answer.status == 200
    until(lambda: here.json("status")["deliveries"] == {"sent": 1})
    process.terminate()
    code, _, err = ended(process)
    assert code == 0
    assert [line.split()[1:3] for line in err.splitlines()] == INFO


@pytest.mark.parametrize("command", ["serve", "up"])
def test_a_taken_port_is_exit_3_and_nothing_is_sent(here: Terminal, command: str) -> None:
    """Where the port is taken, words say so, no line claims to listen, and no mail goes whose links nobody answers."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, out, err = ended(here.start(command, "--port", str(port)))
    assert code == 3
    assert f"cannot listen on 127.0.0.1 port {port}" in err
    assert "--port" in err
    assert "Traceback" not in err
    assert out == ""
    assert mails(here) == []


def test_a_reader_that_has_seen_enough_is_no_error(here: Terminal) -> None:
    """`drip schema | head -1` prints no complaint."""
    process = here.start("schema")
    assert process.stdout
    assert process.stderr
    process.stdout.readline()
    process.stdout.close()
    err = process.stderr.read()
    process.wait(PATIENCE)
    process.stderr.close()
    assert err == ""


def test_a_full_disk_behind_the_output_is_exit_3(here: Terminal) -> None:
    """Output that cannot be written is the machine's trouble, in words."""
    with open("/dev/full", "w") as full:
        command = [sys.executable, "-m", "drip", "status"]
        done = subprocess.run(command, cwd=here.folder, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 3
    assert "No space left" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_terminal_without_the_letters_still_gets_the_words(here: Terminal) -> None:
    """Where output is ASCII, text shows other letters and JSON says them with escapes."""
    here.drip("learners", "add", "asa@kund.example", "--first-name", "Åsa")
    ascii_only = {"PYTHONIOENCODING": "ascii"}
    code, out, _ = ended(here.start("learners", "list", **ascii_only))
    assert (code, "asa@kund.example" in out) == (0, True)
    code, out, _ = ended(here.start("learners", "list", "--format", "json", **ascii_only))
    assert [one["first_name"] for one in json.loads(out)] == [None, "Åsa"]


def test_a_folder_that_is_gone_is_said_in_words(tmp_path: Path) -> None:
    """A command in a folder that somebody has removed meanwhile says so."""
    script = 'mkdir gone && cd gone && rmdir ../gone && exec "$0" -m drip status'
    done = subprocess.run(
        ["sh", "-c", script, sys.executable], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert "working folder is gone" in done.stderr
