"""`drip run` beside a receiver, as processes: a kill in the middle of a post, and a course told while it goes out."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from webhook_receiver import Receiver, webhook_receiver

COURSE = """\
title: One tip
sender: {name: Acme Academy, email: learn@acme.example}
timing: {every: 1 hour}
steps:
  - {tip: only, subject: Only, body: Body.}
"""

#: Five people are enrolled, mailed and have finished.
EVENTS = 15


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with webhook_receiver() as receiver:
        yield receiver


class Workspace:
    """A folder with a course, and drip run in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.env = {name: value for name, value in os.environ.items() if not name.startswith("DRIP_")}
        self.env |= {"DRIP_SECRET_KEY": "a secret that is long enough for tests"}
        self.env |= {"DRIP_LEASE": "1", "DRIP_IN_DOUBT_AFTER": "0"}  # the kill may meet mails in the air too
        (folder / "campaigns").mkdir()
        (folder / "campaigns" / "one.yaml").write_text(COURSE, "utf-8")
        self.drip("publish", "campaigns/one.yaml")
        for n in range(5):
            self.drip("learners", "add", f"learner{n}@customer.example")

    def drip(self, *words: str, code: int = 0) -> Any:
        command = [sys.executable, "-m", "drip", *words, "--format", "json"]
        done = subprocess.run(command, cwd=self.folder, env=self.env, capture_output=True, text=True, check=False)
        assert done.returncode == code, f"{words}\n{done.stdout}\n{done.stderr}"
        return json.loads(done.stdout) if done.stdout else None

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "drip", *words]
        return subprocess.Popen(command, cwd=self.folder, env=self.env, stdout=subprocess.DEVNULL)


def test_a_kill_in_the_middle_of_a_post_loses_nothing(tmp_path: Path, receiver: Receiver) -> None:
    """`kill -9` while the receiver has posts and has not answered: the next process sends them again, with the same
    webhook-id, and everything else once."""
    here = Workspace(tmp_path)
    here.drip("webhook", "add", "crm", receiver.url)
    secret = here.drip("webhook", "secret", "crm")["secret"]
    receiver.script = [200, "hold"]
    here.drip("enrol", "one", "--all")
    worker = here.start("run")
    receiver.wait_for(3)
    worker.kill()
    worker.wait()
    in_the_air = [got.id for got in receiver.got]
    receiver.script = [200]
    receiver.release()
    worker = here.start("run")
    receiver.wait_for(len(in_the_air) + EVENTS)
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(60) == 0
    log = here.drip("webhook", "log", "crm")
    assert [line["state"] for line in log] == ["sent"] * EVENTS
    assert {line["id"] for line in log} == {got.id for got in receiver.got}
    assert all(got.verified(secret)["type"] in ("enrolled", "sent", "finished") for got in receiver.got)
    seen = [got.id for got in receiver.got]
    assert {one for one in seen if seen.count(one) > 1} <= set(in_the_air)
    assert set(in_the_air[1:]) <= {one for one in seen if seen.count(one) == 2}


def test_until_idle_tells_what_it_has_sent_before_it_ends(tmp_path: Path, receiver: Receiver) -> None:
    """One run: enrolled and sent have both arrived when it has ended. A receiver that is down does not hold it up."""
    here = Workspace(tmp_path)
    here.drip("webhook", "add", "crm", receiver.url, "--events", "enrolled,sent")
    here.drip("enrol", "one", "--all")
    here.drip("run", "--until-idle")
    assert sorted(got.type for got in receiver.got) == ["enrolled"] * 5 + ["sent"] * 5
    receiver.down()
    here.drip("webhook", "test", "crm", code=1)
    here.drip("webhook", "replay", "crm", "--since", "2020-01-01T00:00Z")
    here.drip("run", "--until-idle")
    receiver.up()
    assert here.drip("webhook", "list")[0]["waiting"] == 10
    assert here.drip("webhook", "test", "crm")["taken"]
