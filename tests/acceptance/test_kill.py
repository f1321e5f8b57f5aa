"""Processes end in the middle, by kill -9, while a real mail server takes what they send."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from academy import Academy
from crashing import IN_DOUBT, SLOW, TIPS, everyone_got, found, handed_by, taken, wait_for
from judge import judge, read_log
from mail_server import MailServer, mail_server
from postgres import DURABLE, cluster

#: Fifty kills in all, in rounds that run side by side; in each, nearly all must meet rows that are handed.
ROUNDS, KILLS, MUST_MEET_HANDED = 5, 10, 8
#: What a killed worker held is taken back after a second.
IMPATIENT = {"DRIP_LEASE": "1", "DRIP_IN_DOUBT_AFTER": "0"}
#: A person decides on each of those alone: `drip settle EMAIL`.
FEW = 12
#: Mails that may go between two kills, and seconds on top: ten kills find something to do in 300 mails.
MAILS, SECONDS = 20, 0.02


@pytest.fixture(scope="module")
def academy(tmp_path_factory: pytest.TempPathFactory) -> Academy:
    """A hundred learners and a course; nobody is enrolled yet."""
    return found(tmp_path_factory.mktemp("kill") / "academy")


@pytest.mark.parametrize("number", range(1, ROUNDS + 1), ids="round {}".format)
def test_kill_dash_nine_loses_nothing_and_repeats_only_what_was_in_doubt(
    academy: Academy, tmp_path: Path, number: int
) -> None:
    """Killed ten times at random: everybody gets every tip, and a repeat is the same message, byte for byte.

    Only what a kill found handed may come twice, and that is at most connections + 50 rows a kill. A mail over which
    five workers died waits for a person: `drip settle --retry` lets it go.
    """
    with mail_server(tmp_path / "smtp.jsonl", **SLOW) as server:
        live_through_kills(academy.copy(tmp_path / "academy", DRIP_TRANSPORT=server.url, **IMPATIENT), server)


def test_kills_lose_nothing_on_postgresql_either(tmp_path: Path) -> None:
    """A round more over a database that keeps what it has committed: a lease frees what a killed worker held."""
    with cluster(*DURABLE) as database, database.running(), mail_server(tmp_path / "smtp.jsonl", **SLOW) as server:
        variables = {"DRIP_DATABASE_URL": database.url(database.create()), "DRIP_TRANSPORT": server.url, **IMPATIENT}
        live_through_kills(found(tmp_path / "academy", **variables), server)


def live_through_kills(here: Academy, server: MailServer) -> None:
    """Kill a worker at random, again and again, then let the rest go; everybody must have got every tip."""
    seed = random.randrange(1_000_000)
    print(f"seed {seed}")
    dice = random.Random(seed)
    kills = met = 0
    in_doubt: Counter[int] = Counter()
    here.drip("enrol", "course-1", "--all")
    while kills < KILLS or met < MUST_MEET_HANDED:
        with here.started("run", "--until-idle") as worker:
            wait_for(server, taken(server) + dice.randint(0, MAILS), worker)
            time.sleep(dice.uniform(0, SECONDS))
            assert worker.poll() is None, f"nothing was left after {kills} kills, of which {met} met handed rows"
            worker.kill()
            worker.wait()
        handed = handed_by(worker.pid, here)
        kills, met = kills + 1, met + bool(handed)
        print(f"  killed at message {taken(server)}: {len(handed)} handed")
        assert len(handed) <= IN_DOUBT
        in_doubt.update(handed)
    here.drip("run", "--until-idle")
    here.drip("settle", "--retry")
    here.drip("run", "--until-idle")
    verdict = judge(server.log, here.database)
    assert verdict.broken(repeats=in_doubt.total()) == {}
    assert all(times <= in_doubt[row] for row, times in verdict.repeated.items())
    everyone_got(server)


def test_where_doubt_is_held_nothing_comes_twice_and_a_person_decides(tmp_path: Path) -> None:
    """`DRIP_IN_DOUBT=hold`: what the kills left in doubt waits, `drip status` lists it with its course and step, and
    `drip settle` ends it: called sent where the server has it, sent where it has not. Nothing comes twice."""
    seed = random.randrange(1_000_000)
    print(f"seed {seed}")
    dice = random.Random(seed)
    with mail_server(tmp_path / "smtp.jsonl", **SLOW) as server:
        here = found(tmp_path / "academy", learners=FEW).copy(
            tmp_path / "copy",
            DRIP_TRANSPORT=f"{server.url}?connections=2",
            DRIP_LEASE="1",
            DRIP_IN_DOUBT_AFTER="0",
            DRIP_IN_DOUBT="hold",
        )
        here.drip("enrol", "course-1", "--all")
        handed: set[int] = set()
        while not handed:
            with here.started("run", "--until-idle") as worker:
                wait_for(server, taken(server) + dice.randint(1, 4), worker)
                worker.kill()
                worker.wait()
            handed |= set(handed_by(worker.pid, here))
        here.drip("run", "--until-idle")
        verdict = judge(server.log, here.database)
        assert verdict.repeated == {}
        assert verdict.unsettled == {}
        assert set(verdict.unmarked) <= handed, "only what is in doubt may have been taken without being marked"

        problems = here.told("status")["problems"]
        assert len(problems) == len(handed)
        assert {(problem["course"], problem["step"]) for problem in problems} == {("course-1", "tip-1")}
        assert all("before the answer came" in problem["problem"] for problem in problems)
        has_it = {message.rcpt_to for message in read_log(server.log) if message.row in handed}
        for email in has_it:
            here.drip("settle", email, "--sent")
        here.drip("settle", "--retry")
        here.drip("run", "--until-idle")
        assert here.told("status")["problems"] == []
        verdict = judge(server.log, here.database)
        assert verdict.broken() == {}
        assert verdict.messages == FEW * TIPS
        everyone_got(server, learners=FEW)


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
