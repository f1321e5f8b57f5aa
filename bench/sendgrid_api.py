"""SendGrid's API 50 ms away: drip with its ledger on, beside a bare httpx client that posts ready-made bodies.

`python bench/sendgrid_api.py HOST BODIES CONNECTIONS` is that client: it posts each line of the file BODIES, over so
many connections that it keeps, and says as one line of JSON how long that took. It knows no mail, ledger or retry.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import httpx
from databases import Files
from measures import Run, messages, whole_path
from scene import Scene
from servers import TESTS
from tables import out, percent, spread, table

from drip.transports.event_loop import new_event_loop
from drip.transports.sendgrid_json import body_of

#: Connections of both; a second row has more of them.
CONNECTIONS = (20, 50)
#: Milliseconds to the API, there and back.
AWAY = 50
#: What issue 6 asks for, in percent of the bare client's rate.
_GOAL = 60
#: Mails of a run, at most: so many take five seconds over 20 connections.
MOST = 2000
_KEY = "SG.a-key-for-a-bench"


@dataclass(slots=True)
class Beside:
    """One number of connections, and its rounds: (rate of the bare client, its CPU ms a mail, our run)."""

    connections: int
    rounds: list[tuple[float, float, Run]] = field(default_factory=list)


def post_beside(scene: Scene, mails: int, rounds: int, step: Callable[[], object]) -> list[Beside]:
    """Send everybody's mail, right after the bare client has posted as many bodies, round after round."""
    bodies = scene.folder / "bodies.jsonl"
    bodies.write_bytes(b"\n".join(body_of(message) for message in messages(scene, mails)))
    found = [Beside(connections) for connections in CONNECTIONS]
    with _api(scene.folder) as host:
        away = Scene(scene.folder, f"sendgrid:?host={host}")
        for _ in range(rounds):
            for one in found:
                rate, cpu = _bare(host, bodies, one.connections)
                run = whole_path(away, Files(scene), mails=mails, workers=1, connections=one.connections)
                one.rounds.append((rate, cpu, run))
                step()
    return found


def show_posted(found: Sequence[Beside]) -> None:
    """Print both, and the share."""
    shown = table(f"SendGrid's API {AWAY} ms away", "mails/s", "of httpx alone", "goal", "CPU ms")
    for one in found:
        words, goal = f"{one.connections} connections", f"{_GOAL} %"
        shown.add_row(
            f"httpx alone, bodies ready-made, {words}",
            spread([rate for rate, _, _ in one.rounds]),
            "100 %",
            "",
            f"{median(cpu for _, cpu, _ in one.rounds):.2f}",
        )
        shown.add_row(
            f"drip, SQLite, 1 worker, {words}",
            spread([run.rate for _, _, run in one.rounds]),
            percent([run.rate / rate for rate, _, run in one.rounds]),
            goal,
            f"{median(run.cpu for _, _, run in one.rounds):.2f}",
        )
    out.print(shown)
    out.print()


@contextmanager
def _api(folder: Path) -> Iterator[str]:
    """The SendGrid of the tests, told to look at nothing; gives its address."""
    options = {"log": str(folder / "sendgrid.jsonl"), "latency": AWAY / 1000, "quick": True}
    command = [sys.executable, str(TESTS / "sendgrid_server.py"), json.dumps(options)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout
            yield f"http://127.0.0.1:{int(server.stdout.readline())}"
        finally:
            server.terminate()


def _bare(host: str, bodies: Path, connections: int) -> tuple[float, float]:
    """Mails a second, and milliseconds of CPU a mail, of the bare client in a process of its own."""
    command = [sys.executable, __file__, host, str(bodies), str(connections)]
    told = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return told["posted"] / told["seconds"], told["cpu"] / told["posted"] * 1000


async def _post_all(host: str, bodies: deque[bytes], connections: int) -> None:
    limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections)
    headers = {"Authorization": f"Bearer {_KEY}", "Content-Type": "application/json"}
    async with httpx.AsyncClient(limits=limits, headers=headers, trust_env=False, timeout=60) as client:

        async def post() -> None:
            while bodies:
                answer = await client.post(f"{host}/v3/mail/send", content=bodies.popleft())
                if answer.status_code != 202:
                    sys.exit(f"bench: the API should take everything; it says {answer.status_code}")

        await asyncio.gather(*(post() for _ in range(connections)))


def _main(host: str, bodies: str, connections: str) -> None:
    ready = deque(Path(bodies).read_bytes().split(b"\n"))
    number = len(ready)
    loop = new_event_loop()  # as drip's
    start, cpu = time.perf_counter(), time.process_time()
    loop.run_until_complete(_post_all(host, ready, int(connections)))
    told = {"posted": number, "seconds": time.perf_counter() - start, "cpu": time.process_time() - cpu}
    loop.close()
    print(json.dumps(told), flush=True)


if __name__ == "__main__":
    _main(*sys.argv[1:])
