"""Pixels, clicks and answers for many minutes while `drip run` sends: `make soak`. README.md says what is judged."""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import httpx
from scene import DATABASE, Scene
from servers import sink
from sqlalchemy import func, select
from tables import machine, out, table
from tracking import Server

from drip import wiring
from drip.engine.enrol import enrol
from drip.engine.learners import import_csv
from drip.engine.publish import publish
from drip.engine.workspace import compile_course
from drip.settings import Settings, load
from drip.store import Store
from drip.store.tables import delivery, evidence
from drip.track.token import Purpose, Ring, answer_item, sign

#: A round: so many seconds of pixels and clicks, so many a second over so many connections; then so many answers.
_ROUND, _RATE, _CONNECTIONS, _ANSWERS = 5.0, 500, 32, 20
#: So many more people come in with each round.
_COME = 40
#: The latest mails that are asked for; older ones rest, as in life.
_LATEST = 2_000
#: In its second half a process may not grow by more than so many megabytes …
_MOST_GROWTH = 8.0
#: … once the pages that SQLite keeps of a growing database (`cache_size` in drip/store/database.py) have filled: 32 MB,
#: in so many rounds (eight minutes).
_PAGES, _SETTLED = 32.0, 80
_COURSE = """\
title: Three minutes
timing: {every: 1 minute, timezone: UTC}
steps:
""" + "".join(
    f"""\
  - tip: tip-{n}
    subject: "{{{{ learner.first_name | default('Hello') }}}}, tip {n}"
    body: |
      A [saved view](https://app.acme.example/views?u={{{{ learner.ref }}}}) keeps the [dates](https://help.acme.example/d).
    question:
      ask: Where does a chart start?
      options:
        - {{text: From a saved view, correct: true, because: The view holds the filters.}}
        - {{text: From a blank page, because: There is no blank chart.}}
"""
    for n in range(1, 4)
)
_SETTINGS = """\
[sender]
name = "Acme Academy"
email = "learn@acme.example"
"""


@dataclass(slots=True)
class Seen:
    """What was answered, by kind, and the megabytes of each process over time."""

    answered: Counter[str] = field(default_factory=Counter)
    memory: dict[str, list[float]] = field(default_factory=lambda: {"drip serve": [], "drip run": []})
    slowest: float = 0.0
    p99: list[float] = field(default_factory=list)


def main() -> None:
    """Soak, print a table, and end with 1 where anything was not as it should be."""
    parser = argparse.ArgumentParser(prog="bench/soak.py", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10, help="so long (default: %(default)s)")
    parser.add_argument("--folder", type=Path, help="where the database is made: which disk (default: the temp folder)")
    asked = parser.parse_args()
    out.print(machine(), highlight=False)
    with sink() as port, tempfile.TemporaryDirectory(prefix="drip-soak-", dir=asked.folder) as folder:
        scene = Scene(Path(folder), f"smtp://127.0.0.1:{port}?tls=none")
        settings, store = _set_up(scene, people=int(_COME * (asked.minutes * 60 / _ROUND + 2)))
        with _drip(scene, "run", ["--format", "json"]) as run, _drip(scene, "serve", ["--port", "0"]) as serve:
            server = Server(serve, int(re.findall(r":(\d+)", serve.stdout.readline() if serve.stdout else "")[-1]))
            seen = _soak(server, run, settings, store, until=time.monotonic() + asked.minutes * 60)
            for process in (serve, run):
                process.terminate()
            codes = {"drip serve": serve.wait(60), "drip run": run.wait(60)}
        wrong = _judge(scene, store, seen, codes)
        store.close()
    for words in wrong:
        out.print(f"wrong: {words}", highlight=False)
    if not wrong:
        out.print("right: every event that was answered is counted, nothing grew, no error", highlight=False)
    sys.exit(1 if wrong else 0)


def _set_up(scene: Scene, people: int) -> tuple[Settings, Store]:
    folder = scene.folder
    (folder / "campaigns").mkdir(parents=True)
    (folder / "drip.toml").write_text(_SETTINGS, "utf-8")
    (folder / "drip.local.toml").write_text('secret_key = "a secret that is long enough for a soak"\n', "utf-8")
    (folder / "campaigns" / "soak.yaml").write_text(_COURSE, "utf-8")
    settings = load(folder, {})
    store = scene.store()
    store.upgrade()
    now = wiring.system_clock()
    compiled = compile_course(folder / "campaigns" / "soak.yaml", folder, settings.defaults, settings.brand)
    publish(store, compiled, now=now)
    rows = "".join(f"learner{n}@company{n % 97}.example,Åsa {n}\n" for n in range(people))
    import_csv(store, f"email,first_name\n{rows}".encode(), now=now)
    return settings, store


@contextmanager
def _drip(scene: Scene, command: str, words: Sequence[str]) -> Iterator[subprocess.Popen[str]]:
    """`drip COMMAND` in the workspace; what it complains of goes into a file."""
    environ = {**os.environ, "DRIP_TRANSPORT": scene.transport, "DRIP_DATABASE_URL": DATABASE, "DRIP_LOG": "json"}
    program = str(Path(sys.executable).with_name("drip"))
    with (scene.folder / f"{command}.log").open("w") as log:
        process = subprocess.Popen(
            [program, command, *words], cwd=scene.folder, env=environ, stdout=subprocess.PIPE, stderr=log, text=True
        )
        try:
            yield process
        finally:
            process.kill()
            process.wait()


def _soak(server: Server, run: subprocess.Popen[str], settings: Settings, store: Store, *, until: float) -> Seen:
    seen, ring, come = Seen(), wiring.ring(settings), 0
    key = wiring.suppression_key(settings, store)
    with httpx.Client(base_url=f"http://127.0.0.1:{server.port}") as person:
        while time.monotonic() < until:
            emails = [f"learner{n}@company{n % 97}.example" for n in range(come, come + _COME)]
            come += enrol(store, "soak", emails=emails, at=wiring.system_clock(), suppression_key=key).enrolled
            ids = _sent(store)
            if not ids:
                time.sleep(1)
                continue
            pixels = [f"/o/{sign(ring, Purpose.OPEN, id_)}.gif" for id_ in ids]
            clicks = [f"/c/{sign(ring, Purpose.CLICK, id_, id_ % 2)}" for id_ in ids]
            mixed = [path for pair in zip(pixels, clicks, strict=True) for path in pair]
            told = server.ask(mixed, _ROUND, _CONNECTIONS, _RATE)
            statuses = told["statuses"]
            assert isinstance(statuses, dict)
            seen.answered.update({{"200": "open", "302": "click"}.get(name, name): n for name, n in statuses.items()})
            seen.p99.append(float(str(told["p99"])))
            seen.slowest = max(seen.slowest, float(str(told["longest"])))
            _answer(person, ring, ids[-_ANSWERS:], seen)
            for name, process in (("drip serve", server.process), ("drip run", run)):
                seen.memory[name].append(_megabytes(process.pid))
    return seen


def _answer(person: httpx.Client, ring: Ring, ids: Sequence[int], seen: Seen) -> None:
    """Open the answer page of each and press, as a person does."""
    for id_ in ids:
        path = f"/a/{sign(ring, Purpose.ANSWER, id_, answer_item(0, id_ % 2))}"
        page = person.get(path)
        found = re.search(r'name="nonce" value="([^"]+)"', page.text)
        seen.answered["visit" if found else f"no page: {page.status_code}"] += 1
        if found:
            done = person.post(path, data={"nonce": found[1], "sure": "fairly"})
            seen.answered["answer" if done.status_code == 200 else f"no answer: {done.status_code}"] += 1


def _judge(scene: Scene, store: Store, seen: Seen, codes: dict[str, int]) -> list[str]:
    """Print what was seen, and tell what was wrong."""
    with store.read() as conn:
        kinds = dict(conn.execute(select(evidence.c.kind, func.count()).group_by(evidence.c.kind)).all())
        states = dict(conn.execute(select(delivery.c.state, func.count()).group_by(delivery.c.state)).all())
    wrong = [f"{name} ended with {code}" for name, code in codes.items() if code]
    shown = table("answered", "requests", "in the database")
    for kind in sorted({*seen.answered, *kinds}):
        shown.add_row(kind, f"{seen.answered[kind]:,}", f"{kinds.get(kind, 0):,}")
        if seen.answered[kind] != kinds.get(kind, 0):
            wrong.append(f"{kind}: {seen.answered[kind]} answered, {kinds.get(kind, 0)} in the database")
    out.print(shown)
    memory = table("megabytes", "at the start", "at most in the first half", "at the end")
    for name, values in seen.memory.items():
        half = values[: len(values) // 2 + 1]
        memory.add_row(name, *(f"{value:.0f}" for value in (values[0], max(half), values[-1])))
        filling = _PAGES if len(values) < _SETTLED else 0.0
        if values[-1] > max(half) + filling + _MOST_GROWTH:
            wrong.append(f"{name} grew from {max(half):.0f} to {values[-1]:.0f} MB")
    out.print(memory)
    out.print(
        f"mails: {states}; p99 of a round {median(seen.p99):.0f} ms, at most {max(seen.p99):.0f} ms, "
        f"the slowest request {seen.slowest:.0f} ms",
        highlight=False,
    )
    wrong += [f"{n} mails are {state}" for state, n in states.items() if state in ("held", "failed", "in_doubt")]
    for log in ("run.log", "serve.log"):
        for line in (scene.folder / log).read_text("utf-8").splitlines():
            level = json.loads(line).get("level", "") if line.startswith("{") else "no log line"
            if level not in ("debug", "info"):
                wrong.append(f"{log}: {line[:200]}")
    return wrong


def _sent(store: Store) -> list[int]:
    """The latest mails that were sent."""
    query = select(delivery.c.id).where(delivery.c.sent_at.is_not(None)).order_by(delivery.c.id.desc()).limit(_LATEST)
    with store.read() as conn:
        return sorted(conn.execute(query).scalars())


def _megabytes(process: int) -> float:
    """What a process holds in memory now."""
    status = Path(f"/proc/{process}/status").read_text()
    return int(re.findall(r"VmRSS:\s+(\d+) kB", status)[0]) / 1024


if __name__ == "__main__":
    main()
