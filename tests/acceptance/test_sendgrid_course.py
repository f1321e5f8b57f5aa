"""A course lived over SendGrid by `drip run`: each tip once, a kill repeats nothing, and the key is seen nowhere."""

from __future__ import annotations

import os
import random
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from academy import Academy
from crashing import TIPS, everyone_got, found, handed_by, taken, wait_for
from judge import judge, read_log
from sendgrid_server import SendGridServer, sendgrid_server

FEW = 12
KEY = "SG.kept-to-itself.0123456789abcdef"
#: What would be enough to recognise it by, base64 included.
PIECES = re.compile(r"kept-to-itself|0123456789abcdef|a2VwdC10by1pdHNlbGY")
#: An answer that repeats the key.
ECHO = f"the key {KEY} is not one of ours"
ME = "me@customer.example"


@pytest.fixture(scope="module")
def academy(tmp_path_factory: pytest.TempPathFactory) -> Academy:
    """A dozen learners and a course; nobody is enrolled yet."""
    return found(tmp_path_factory.mktemp("sendgrid") / "academy", learners=FEW)


@pytest.fixture
def api(tmp_path: Path) -> Iterator[SendGridServer]:
    """A SendGrid that knows the key."""
    with sendgrid_server(tmp_path / "sendgrid.jsonl", key=KEY, latency=0.003) as server:
        yield server


def over(academy: Academy, folder: Path, api: SendGridServer, **variables: str) -> Academy:
    """The academy once more, with everybody enrolled, sending over SendGrid."""
    said = {"DRIP_TRANSPORT": f"{api.url}&connections=2", "DRIP_SENDGRID_API_KEY": KEY, **variables}
    here = academy.copy(folder, **said)
    here.drip("enrol", "course-1", "--all")
    return here


def test_everybody_gets_each_tip_once(academy: Academy, tmp_path: Path, api: SendGridServer) -> None:
    """`drip run` until idle: the judge finds each promise kept by SendGrid's own log, over two connections."""
    here = over(academy, tmp_path / "academy", api)
    assert f"{FEW * TIPS} sent" in here.drip("run", "--until-idle")
    verdict = judge(api.log, here.database)
    assert verdict.broken() == {}
    assert verdict.messages == FEW * TIPS
    everyone_got(api, learners=FEW)
    assert len(api.events("open")) <= 2
    assert {len(request["errors"]) for request in api.requests()} == {0}


def test_kills_repeat_nothing_and_a_person_decides(academy: Academy, tmp_path: Path, api: SendGridServer) -> None:
    """kill -9 in the middle, again and again, with nothing set: what is in doubt is held, and nothing comes twice.

    `drip settle` ends it: called sent where SendGrid has it, sent where it has not.
    """
    seed = random.randrange(1_000_000)
    print(f"seed {seed}")
    dice = random.Random(seed)
    here = over(academy, tmp_path / "academy", api, DRIP_LEASE="1", DRIP_IN_DOUBT_AFTER="0")
    handed: set[int] = set()
    kills = 0
    while not handed or kills < 3:
        with here.started("run", "--until-idle") as worker:
            wait_for(api, taken(api) + dice.randint(0, 4), worker)
            if worker.poll() is not None:
                break
            worker.kill()
            worker.wait()
        kills += 1
        handed |= set(handed_by(worker.pid, here))
    assert handed, "no kill met a mail on its way"
    here.drip("run", "--until-idle")
    verdict = judge(api.log, here.database)
    assert verdict.repeated == {}
    assert set(verdict.unmarked) <= handed, "only what is in doubt may have been taken without being marked"

    assert len(here.told("status")["problems"]) == len(handed)
    for email in {message.rcpt_to for message in read_log(api.log) if message.row in handed}:
        here.drip("settle", email, "--sent")
    here.drip("settle", "--retry")
    here.drip("run", "--until-idle")
    verdict = judge(api.log, here.database)
    assert verdict.broken() == {}
    assert verdict.messages == FEW * TIPS
    everyone_got(api, learners=FEW)


def test_sandbox_lets_a_course_run_and_mails_nobody(academy: Academy, tmp_path: Path, api: SendGridServer) -> None:
    """`sandbox=true`: SendGrid checks each request of a whole run, finds nothing wrong, and takes none."""
    here = over(academy, tmp_path / "academy", api, DRIP_TRANSPORT=f"{api.url}&sandbox=true")
    assert f"{FEW * TIPS} sent" in here.drip("run", "--until-idle")
    assert [request["status"] for request in api.requests()] == [200] * FEW * TIPS
    assert api.messages() == []


def holding_it(folder: Path) -> set[Path]:
    """Each file that holds a piece of the key."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path for path in files if PIECES.search(path.read_bytes().decode("latin-1"))}


def test_no_command_prints_the_key_and_no_file_keeps_it(academy: Academy, tmp_path: Path, api: SendGridServer) -> None:
    """Sent, refused by an answer that repeats the key, and wrongly set up: the key stands in no output, not in the
    database, and in no file but the one into which somebody wrote it."""
    here = over(academy, tmp_path / "academy", api, DRIP_SENDGRID_API_KEY="")
    secret = here.folder / "drip.local.toml"
    secret.write_text(f'{secret.read_text()}sendgrid_api_key = "{KEY}"\n')
    here = Academy(folder=here.folder, variables={"DRIP_TRANSPORT": api.url})
    said = [here.drip("send", "course-1", "tip-1", "--to", ME)]
    api.become(script=[{"status": 401, "message": ECHO}])
    said += [here.drip("send", "course-1", "tip-1", "--to", ME, exit_code=3)]
    said += [
        here.drip("run", "--until-idle", exit_code=3),
        here.drip("status"),
        here.drip("status", "--format", "json"),
    ]
    assert all("is not one of ours" in words for words in said[1:])

    api.become(script={"learner0@customer.example": {"status": 400, "message": ECHO, "field": "subject"}})
    with_variable = {"DRIP_TRANSPORT": api.url, "DRIP_SENDGRID_API_KEY": KEY}
    os.replace(secret, tmp_path / "kept.toml")
    secret.write_text('secret_key = "a secret that is long enough for tests"\n')
    later = over(academy, tmp_path / "later", api, **with_variable)
    said += [later.drip("run", "--until-idle"), later.drip("status"), later.drip("report", "course-1")]
    said += [later.drip("why", "learner0@customer.example", "course-1")]
    assert "is not one of ours" in said[-1]
    wrong = Academy(folder=later.folder, variables={**with_variable, "DRIP_TRANSPORT": f"sendgrid://{KEY}@x"})
    said += [
        wrong.drip("run", "--until-idle", exit_code=1),
        wrong.drip("send", "course-1", "tip-1", "--to", ME, exit_code=1),
    ]
    assert not PIECES.search("".join(said))
    assert holding_it(tmp_path) - {api.log} == {tmp_path / "kept.toml"}, (
        "the SendGrid of this test kept what it was told"
    )
