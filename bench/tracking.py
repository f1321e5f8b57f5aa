"""Pixels and clicks through `drip serve`, beside a bare route on the same server, and a flood of forged ones."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median

from databases import Databases
from scene import NOW, Scene
from sqlalchemy import func, select
from tables import out, table

from drip import wiring
from drip.engine.deliver import until_idle
from drip.render.message import Message
from drip.settings import load
from drip.store import Store
from drip.store.tables import delivery, evidence
from drip.track.token import Purpose, Ring, sign
from drip.transports import Outcome, Receipt, Result

_HERE = Path(__file__).parent
#: Connections that stay open, each with one request under way.
CONNECTIONS = 64
#: The issue's goals: requests a second, and milliseconds.
GOAL_RATE, GOAL_P99 = 5_000, 50
#: Of each round on each database.
STEPS = 5
_TICKS = os.sysconf("SC_CLK_TCK")
_SECRET = "not the secret of this workspace"


@dataclass(slots=True)
class Asked:
    """What came of one kind of request, a value a round; `cpu` is the server's, in ms a request."""

    rates: list[float] = field(default_factory=list)
    p50: list[float] = field(default_factory=list)
    p99: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)


class Taker:
    """A way out that takes everything at once."""

    name, connections = "taker", 1

    def send(self, messages: Sequence[Message]) -> Result:
        """All are sent."""
        return Result(receipts=tuple(Receipt(delivery_id=one.delivery_id, outcome=Outcome.SENT) for one in messages))

    def close(self) -> None:
        """Nothing is open."""

    def allow(self, connections: int) -> None:
        """Nothing is open."""


def tracked(
    scene: Scene, kinds: Sequence[Databases], *, rounds: int, seconds: float, progress: Callable[[], object]
) -> dict[str, Asked]:
    """Ask for so many seconds each, round after round. Every request that was answered must stand in the database."""
    found: dict[str, Asked] = {}
    for databases in kinds:
        address = databases.fresh()
        store = scene.store(address)
        until_idle(replace(scene.sending(store), transport=Taker()))
        paths = _paths(store, wiring.ring(load(scene.folder, {})))
        forged = _paths(store, Ring.of([_SECRET]))["pixel"]
        for _ in range(rounds):
            with bare() as port:
                for kind in ("pixel", "click"):
                    _note(found, f"a bare Starlette route, {kind}", port, paths[kind], seconds)
                    progress()
            with serving(scene, address) as port:
                for kind in ("pixel", "click"):
                    before = recorded(store)
                    answered = _note(found, f"drip, {databases.name}, {kind}s", port, paths[kind], seconds)
                    new = recorded(store) - before
                    assert answered <= new <= answered + CONNECTIONS, f"{answered} answered, {new} recorded"
                    progress()
                before = recorded(store)
                _note(found, f"drip, {databases.name}, forged tokens", port, forged, seconds, status="404")
                assert recorded(store) == before
                progress()
        store.close()
        databases.drop(address)
    return found


def show_tracked(found: Mapping[str, Asked]) -> None:
    """Print the rates, beside those of the bare route that answers with the same bytes."""
    shown = table(
        f"{CONNECTIONS} connections", "requests/s", "of the bare route", "p50 ms", "p99 ms", "server's CPU ms"
    )
    for words, asked in found.items():
        kind = "click" if "click" in words else "pixel"
        bare_rates = found[f"a bare Starlette route, {kind}"].rates
        shares = [rate / bare for rate, bare in zip(asked.rates, bare_rates, strict=False)]
        shown.add_row(
            words,
            f"{median(asked.rates):,.0f} ({min(asked.rates):,.0f}-{max(asked.rates):,.0f})",
            f"{100 * median(shares):.0f} %",
            f"{median(asked.p50):.1f}",
            f"{median(asked.p99):.1f}",
            f"{median(asked.cpu):.3f}",
        )
    shown.add_row("goal", f"{GOAL_RATE:,}", "", "", f"{GOAL_P99}", "")
    out.print(shown)
    out.print()


def recorded(store: Store) -> int:
    """How many pieces of evidence there are."""
    with store.read() as conn:
        return conn.execute(select(func.count()).select_from(evidence)).scalar_one()


@contextmanager
def serving(scene: Scene, database: str) -> Iterator[Server]:
    """`drip serve` over that database."""
    command = [str(Path(sys.executable).with_name("drip")), "serve", "--port", "0", "--format", "json"]
    environ = {**os.environ, "DRIP_DATABASE_URL": database}
    with subprocess.Popen(command, cwd=scene.folder, env=environ, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Server(process, int(json.loads(said(process))["url"].rpartition(":")[2]))
        finally:
            process.terminate()


@contextmanager
def bare() -> Iterator[Server]:
    """The same server with a route that records nothing."""
    with subprocess.Popen(
        [sys.executable, str(_HERE / "bare_server.py")], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield Server(process, int(said(process)))
        finally:
            process.terminate()


@dataclass(frozen=True, slots=True)
class Server:
    """A server in a process of its own, on a port of 127.0.0.1."""

    process: subprocess.Popen[str]
    port: int

    def cpu(self) -> float:
        """Seconds of CPU that it has used so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return sum(int(ticks) for ticks in fields[11:13]) / _TICKS

    def ask(
        self, paths: Sequence[str], seconds: float, connections: int = CONNECTIONS, rate: float = 0
    ) -> dict[str, object]:
        """Ask for these in turn, from a process of its own."""
        numbers = (self.port, connections, seconds, rate)
        command = [sys.executable, str(_HERE / "web_client.py"), *map(str, numbers)]
        done = subprocess.run(command, input="\n".join(paths), capture_output=True, text=True, check=True)
        return dict(json.loads(done.stdout))


def said(process: subprocess.Popen[str]) -> str:
    """The first thing that it says: JSON over one line or several, or a number."""
    assert process.stdout is not None
    text = ""
    for line in process.stdout:
        text += line
        try:
            json.loads(text)
        except ValueError:
            continue
        return text
    raise RuntimeError("a server did not start")


def _note(
    found: dict[str, Asked], words: str, server: Server, paths: Sequence[str], seconds: float, status: str = ""
) -> int:
    cpu = server.cpu()
    told = server.ask(paths, seconds)
    statuses = told["statuses"]
    assert isinstance(statuses, dict)
    wanted = status or ("302" if "click" in words else "200")
    assert set(statuses) == {wanted}, f"{words}: {statuses}"
    asked = found.setdefault(words, Asked())
    for values, name in ((asked.rates, "rate"), (asked.p50, "p50"), (asked.p99, "p99")):
        values.append(float(str(told[name])))
    asked.cpu.append(1000 * (server.cpu() - cpu) / statuses[wanted])
    return int(statuses[wanted])


def _paths(store: Store, ring: Ring) -> dict[str, list[str]]:
    """A pixel and a click for each mail that was sent; every third click is of a link with the learner in it."""
    with store.read() as conn:
        ids = list(conn.execute(select(delivery.c.id).where(delivery.c.sent_at.is_not(None))).scalars())
    assert ids, f"nothing was sent at {NOW}"
    return {
        "pixel": [f"/o/{sign(ring, Purpose.OPEN, id_)}.gif" for id_ in ids],
        "click": [f"/c/{sign(ring, Purpose.CLICK, id_, number % 6)}" for number, id_ in enumerate(ids)],
    }
