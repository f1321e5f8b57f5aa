"""The two rates of drip: rendering alone, and the whole path with the ledger on."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from databases import Databases
from samples import sampling
from scene import NOW, Scene

from drip.engine.sending import Sending
from drip.people import Facts
from drip.plan.model import Mail
from drip.render.message import Message, Template, build_message
from drip.render.mime import to_bytes
from drip.schedule.advance import scope
from drip.store import Store, turns

#: So many people take turns where rendering alone is measured.
_PEOPLE = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """Rendering alone, on one core. Sizes are of one typical message, in bytes."""

    rate: float
    html: int
    text: int
    links: int
    size: int
    spent: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """The whole path once: mails a second, milliseconds of CPU a mail over all workers, and in the database's server
    (None: not known, or there is none), the most megabytes that a worker held, and samples if asked for.
    """

    rate: float
    cpu: float
    server_cpu: float | None = None
    megabytes: float | None = None
    spent: dict[str, int] = field(default_factory=dict)


def render_alone(scene: Scene, seconds: float, *, profile: bool = False) -> Rendered:
    """Fill and write one message after another for everybody who is due, for so many seconds."""
    store = scene.store()
    template, message = _maker(store, scene.sending(store), _PEOPLE)
    one = message(0)  # compiles the template
    made, start = 0, time.perf_counter()
    with sampling() if profile else nullcontext({}) as spent:
        while (took := time.perf_counter() - start) < seconds:
            to_bytes(message(made))
            made += 1
    store.close()
    return Rendered(
        rate=made / took,
        html=len(one.html.encode()),
        text=len(one.text.encode()),
        links=len(template.links),
        size=len(to_bytes(one)),
        spent=spent,
    )


def messages(scene: Scene, number: int) -> list[Message]:
    """What drip would send to so many people, each with a name, tokens and an address of their own."""
    store = scene.store()
    _, message = _maker(store, scene.sending(store), number)
    made = [message(n) for n in range(number)]
    store.close()
    return made


def _maker(store: Store, sending: Sending, most: int) -> tuple[Template, Callable[[int], Message]]:
    """The template, and a function from a delivery's number to its message: so many people take turns."""
    with store.read() as conn:
        people = turns.due(conn, now=NOW, limit=most)
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

    return template, message


def whole_path(
    scene: Scene,
    databases: Databases,
    *,
    mails: int,
    workers: int,
    connections: int,
    seconds: float = 0,
    profile: bool = False,
) -> Run:
    """Send everybody's mail with so many workers, from a fresh database; the ledger must then say that all are sent.

    With `seconds` they stop after that time. The ledger must say then that what was handed is sent.
    """
    database = databases.fresh()
    command = [
        *(sys.executable, str(Path(__file__).with_name("worker.py"))),
        *(str(scene.folder), database, f"{scene.transport}&connections={connections}", "--seconds", str(seconds)),
        *(["--profile"] if profile else []),
    ]
    processes = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(workers)
    ]
    for process in processes:
        _line(process)
    before, start = databases.cpu(), time.perf_counter()
    for process in processes:
        _say(process, "go\n")
    results = [json.loads(_line(process)) for process in processes]
    spent = time.perf_counter() - start
    for process in processes:
        process.communicate()
    server_cpu = databases.cpu() - before
    sent = _sent(scene, database, mails, partly=seconds > 0)
    databases.drop(database)
    return Run(
        rate=sent / spent,
        cpu=sum(r["cpu"] for r in results) / sent * 1000,
        server_cpu=server_cpu / sent * 1000 if server_cpu else None,
        megabytes=max(r["megabytes"] for r in results),
        spent=results[0]["spent"],
    )


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


def _sent(scene: Scene, database: str, mails: int, *, partly: bool) -> int:
    """How many mails the ledger has as sent; it must hold no other outcome."""
    store = scene.store(database)
    with store.read() as conn:
        states = dict(conn.exec_driver_sql("SELECT state, count(*) FROM delivery GROUP BY state").tuples().all())
    store.close()
    sent = states.pop("sent", 0)
    given_back = states.pop("retry", 0) if partly else 0
    if states or not sent or (sent != mails and not partly) or sent + given_back > mails:
        sys.exit(f"bench: the ledger should say that {mails} mails are sent; it says {sent}, and {states}")
    return sent
