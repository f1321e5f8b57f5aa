"""Processes end in the middle, by kill -9 or by SIGTERM, while a real mail server takes what they send."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from academy import Academy, found_academy
from judge import judge, read_ledger, read_log
from mail_server import MailServer, mail_server

#: More learners than may be in doubt at once, so that the bound can be broken.
LEARNERS, TIPS, ROUNDS = 100, 3, 5
#: Promise 3: in doubt after a kill are at most the connections (ten, unless the URL says otherwise) and a group of 50.
IN_DOUBT = 10 + 50


def course(number: int) -> str:
    """Tips that fall due one after the other without a gap, at any hour."""
    timing = '{every: 0 minutes, between: "00:00-24:00", days: daily}'
    lines = [f"title: Course {number}", f"timing: {timing}", "steps:"]
    for n in range(1, TIPS + 1):
        lines += [f"  - tip: tip-{n}", f"    subject: Tip {n} of course {number}"]
        lines += ["    body: 'Dear {{ learner.first_name }}, press *Save*.'"]
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def academy(tmp_path_factory: pytest.TempPathFactory) -> Academy:
    """The learners, and a course for each round; nobody is enrolled yet."""
    people = "".join(f"learner{n}@customer.example,Åsa {n}\n" for n in range(LEARNERS))
    return found_academy(
        tmp_path_factory.mktemp("kill") / "academy",
        {f"course-{number}": course(number) for number in range(1, ROUNDS + 1)},
        f"email,first_name\n{people}",
    )


def wait_for(server: MailServer, messages: int, process: subprocess.Popen[str]) -> None:
    """Wait until the server has taken so many messages, or the process has ended by itself."""
    while process.poll() is None and (not server.log.exists() or server.log.read_bytes().count(b"\n") < messages):
        time.sleep(0.002)


def handed_by(process: int, academy: Academy) -> list[int]:
    """The ledger rows that this process had handed, and not marked, when it ended."""
    rows, _ = read_ledger(academy.database)
    return [row.id for row in rows if row.state == "handed" and f"-{process}-" in str(row.leased_by)]


def everyone_got(server: MailServer, courses: int) -> None:
    """Each learner has each tip of so many courses, whatever came twice."""
    got = {(message.rcpt_to, message.subject) for message in read_log(server.log)}
    assert len({subject for _, subject in got}) == courses * TIPS
    per_learner = Counter(address for address, _ in got)
    assert per_learner == {f"learner{n}@customer.example": courses * TIPS for n in range(LEARNERS)}


def test_kill_dash_nine_loses_nothing_and_repeats_only_what_was_in_doubt(academy: Academy, tmp_path: Path) -> None:
    """Killed in the middle, five rounds, at random: everybody gets every tip, and a repeat is the same message.

    Only what a kill found handed may come twice, and that is at most connections + 50 rows a kill.
    """
    first_seed = random.randrange(1_000_000)
    in_doubt: Counter[int] = Counter()
    with mail_server(tmp_path / "smtp.jsonl") as server:
        here = academy.copy(tmp_path / "academy", DRIP_TRANSPORT=server.url, DRIP_LEASE="1", DRIP_IN_DOUBT_AFTER="0")
        for number in range(1, ROUNDS + 1):
            seed = first_seed + number
            print(f"round {number}: seed {seed}")
            dice = random.Random(seed)
            here.drip("enrol", f"course-{number}", "--all")
            for _ in range(dice.choice((1, 1, 2))):
                with here.started("run", "--until-idle") as worker:
                    wait_for(server, len(server.messages()) + dice.randint(1, LEARNERS * TIPS // 2), worker)
                    time.sleep(dice.choice((0, 0, 0.005, 0.02)))
                    worker.kill()
                    worker.wait()
                handed = handed_by(worker.pid, here)
                print(f"  killed at message {len(server.messages())}: {len(handed)} handed")
                assert len(handed) <= IN_DOUBT
                in_doubt.update(handed)
            here.drip("run", "--until-idle")
            verdict = judge(server.log, here.database)
            assert verdict.broken(repeats=in_doubt.total()) == {}
            assert all(times <= in_doubt[row] for row, times in verdict.repeated.items())
            everyone_got(server, courses=number)
        assert in_doubt, "no kill met a row that was handed: the test has shown nothing"


@pytest.mark.parametrize("way", ["--until-idle", "until stopped"])
def test_sigterm_finishes_what_is_under_way_and_sends_nothing_twice(academy: Academy, tmp_path: Path, way: str) -> None:
    """SIGTERM at random: exit 0, no row is left claimed or handed, and the next run sends the rest, once."""
    seed = random.randrange(1_000_000)
    print(f"seed {seed}")
    dice = random.Random(seed)
    with mail_server(tmp_path / "smtp.jsonl") as server:
        here = academy.copy(tmp_path / "academy", DRIP_TRANSPORT=server.url)
        here.drip("enrol", "course-1", "--all")
        with here.started("run", *([way] if way.startswith("--") else [])) as worker:
            wait_for(server, dice.randint(1, LEARNERS * (TIPS - 1)), worker)
            worker.send_signal(signal.SIGTERM)
            assert worker.wait(60) == 0
        stopped = judge(server.log, here.database)
        left = LEARNERS * TIPS - stopped.mails
        print(f"stopped after {stopped.mails} mails")
        assert left > 0, "it was stopped too late: the test has shown nothing"
        assert stopped.leases == 0
        assert set(stopped.unsettled) <= {"retry"}
        assert not stopped.unmarked
        here.drip("run", "--until-idle")
        assert judge(server.log, here.database).broken() == {}
        everyone_got(server, courses=1)


def test_the_judge_sees_what_is_wrong(academy: Academy, tmp_path: Path) -> None:
    """A judge that passes everything proves nothing: it calls out a repeat, a loss and a mail that nobody marked."""
    judge_program = [sys.executable, str(Path(__file__).with_name("judge.py"))]

    def judged(*allowed: str) -> tuple[int, str]:
        done = subprocess.run(
            [*judge_program, str(server.log), str(here.database), *allowed], capture_output=True, text=True, check=False
        )
        return done.returncode, done.stdout

    with mail_server(tmp_path / "smtp.jsonl") as server:
        here = academy.copy(tmp_path / "academy", DRIP_TRANSPORT=server.url)
        here.drip("enrol", "course-1", "--email", "learner7@customer.example")
        here.drip("run", "--until-idle")
        assert judged()[0] == 0
        lines = server.log.read_text("ascii").splitlines(keepends=True)
        assert len(lines) == TIPS
        for written, allowed, words in (
            ([*lines, lines[0]], (), '"repeated"'),
            ([*lines, lines[0].replace("Date: ", "Date:  ")], ("1",), '"unequal"'),
            (lines[1:], (), '"never_taken"'),
            ([lines[1], lines[0], *lines[2:]], (), '"out_of_order"'),
            ([lines[0].replace("learner7@", "learner8@"), *lines[1:]], (), '"astray"'),
        ):
            server.log.write_text("".join(written), "ascii")
            code, told = judged(*allowed)
            assert code == 1
            assert words in told.partition('"broken"')[2]
