"""The two rates of drip: rendering alone, and the whole path with the ledger on."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from scene import NOW, Scene

from drip.people import Facts
from drip.plan.model import Mail
from drip.render.message import Message, build_message
from drip.render.mime import to_bytes
from drip.schedule.advance import scope
from drip.store import enrolments


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """Rendering alone, on one core. Sizes are of one typical message, in bytes."""

    rate: float
    html: int
    text: int
    links: int
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """The whole path once: mails a second, milliseconds of CPU a mail over all workers, samples if asked for."""

    rate: float
    cpu: float
    spent: dict[str, int]


def render_alone(scene: Scene, seconds: float) -> Rendered:
    """Fill and write one message after another for everybody who is due, for so many seconds."""
    store = scene.store()
    sending = scene.sending(store)
    with store.read() as conn:
        people = enrolments.due(conn, now=NOW, limit=1000)
        plan = sending.library.plan(conn, people[0].enrolment.revision)
        mail = plan.steps[0]
        assert isinstance(mail, Mail)
        template = sending.library.template(conn, plan.revision, mail.id, plan.language, mail.variants[0].name)

    def message(number: int) -> Message:
        person = people[number % len(people)]
        return build_message(
            template,
            plan=plan,
            learner=person.learner,
            variables=scope(plan, person.learner, person.enrolment, Facts(), NOW),
            delivery_id=number + 1,  # every message has tokens of its own
            date=NOW,
            ring=sending.ring,
            base_url=sending.base_url,
        )

    one = message(0)  # compiles the template
    made, start = 0, time.perf_counter()
    while (spent := time.perf_counter() - start) < seconds:
        to_bytes(message(made))
        made += 1
    store.close()
    return Rendered(
        rate=made / spent,
        html=len(one.html.encode()),
        text=len(one.text.encode()),
        links=len(template.links),
        size=len(to_bytes(one)),
    )


def whole_path(scene: Scene, *, mails: int, workers: int, profile: bool = False) -> Run:
    """Send everybody's mail with so many workers, from a fresh database; the ledger must then say that all are sent."""
    database = scene.copy(f"run-{time.monotonic_ns()}.db")
    command = [sys.executable, str(Path(__file__).with_name("worker.py")), str(scene.folder), database, scene.transport]
    processes = [
        subprocess.Popen(
            [*command, *(["--profile"] if profile else [])], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(workers)
    ]
    for process in processes:
        _line(process)
    start = time.perf_counter()
    for process in processes:
        _say(process, "go\n")
    results = [json.loads(_line(process)) for process in processes]
    spent = time.perf_counter() - start
    for process in processes:
        process.communicate()
    _check(scene, database, mails)
    return Run(rate=mails / spent, cpu=sum(r["cpu"] for r in results) / mails * 1000, spent=results[0]["spent"])


def _say(process: subprocess.Popen[str], words: str) -> None:
    assert process.stdin is not None
    process.stdin.write(words)
    process.stdin.flush()


def _line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        sys.exit("bench: a worker ended early; its words stand above")
    return line


def _check(scene: Scene, database: str, mails: int) -> None:
    store = scene.store(database)
    with store.read() as conn:
        states = dict(conn.exec_driver_sql("SELECT state, count(*) FROM delivery GROUP BY state").tuples().all())
    store.close()
    if states != {"sent": mails}:
        sys.exit(f"bench: the ledger should say that {mails} mails are sent; it says {states}")
    for left in scene.folder.glob(f"{database}*"):
        left.unlink()
