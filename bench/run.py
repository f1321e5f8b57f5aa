"""Measure drip on this machine, beside what others do in the same minute: `make bench`. README.md says what."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from claims import line, ticks
from conversation import conversation_alone
from databases import Databases, Files, clones
from django_queue import PostOffice, install, write_letters
from measures import messages, render_alone, whole_path
from rehearsal import simulated
from rendering import rendering_parts
from rich.console import Console
from rich.progress import Progress
from scene import Scene, set_up
from sendgrid_api import CONNECTIONS as SENDGRID_CONNECTIONS
from sendgrid_api import MOST as SENDGRID_MAILS
from sendgrid_api import post_beside, show_posted
from servers import Server, postgresql, program, sink, slow_sink
from signing import show_signed, signing
from tables import (
    machine,
    out,
    show_latency,
    show_lines,
    show_message,
    show_parts,
    show_profile,
    show_simulated,
    show_spoken,
    show_ticks,
)
from tracking import STEPS as TRACKED_STEPS
from tracking import show_tracked, tracked
from whole import CONNECTIONS, Row, drip_row, measure, post_office_rows
from whole import show as show_whole

from drip.settings import load

PARTS = (
    "render",
    "sqlite",
    "postgresql",
    "smtp",
    "post-office",
    "latency",
    "sendgrid",
    "dkim",
    "claims",
    "simulate",
    "tracking",
)
#: Parts that ask nothing of the whole path.
_APART = {"smtp", "latency", "sendgrid", "dkim", "claims", "simulate", "tracking"}
#: Connections of the one worker whose server is far away.
_CONNECTIONS = (1, 10, 20, 50, 100)
#: Round trips of a mail: its envelope leaves behind the message before it, and is answered with it. (Where connections
#: are left over a mail has one of its own, and waits for two.)
_TRIPS = 1
#: Messages that are sent again and again where the SMTP conversation alone is measured.
_LETTERS = 1000
#: django-post_office sends at most so many in a run.
_POST_OFFICE = 1000
#: So many times more rounds for ticks: they are short.
_MORE = 3
#: So many mails are out whose pixels and links are asked for in turn.
_TRACKED = 5_000
#: A tick is compared with one over so many enrolments.
_FEW = 10_000
#: So many wait for one domain.
_LINE = 100_000


def main() -> None:
    """Measure, and print what came out."""
    asked = _arguments()
    program("smtp-source")
    tempfile.tempdir = str(asked.folder) if asked.folder else None
    with sink() as port, tempfile.TemporaryDirectory(prefix="drip-bench-") as folder, ExitStack() as running:
        wanted = {asked.profile} if asked.profile else set(asked.only)
        server = _postgresql(running) if wanted & {"postgresql", "claims", "tracking"} else None
        ground = _Ground(asked, Path(folder), port, server)
        if asked.profile:
            _profile(ground, asked.profile)
        else:
            _measure(ground)
    words = " ".join(sys.argv[1:])
    out.print("Again: make bench" + (f' ARGS="{words}"' if words else ""), highlight=False)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench/run.py", description=__doc__)
    parser.add_argument(
        "--only", type=_parts, default=PARTS, metavar="PART,…", help=f"some of {', '.join(PARTS)} (default: all)"
    )
    add = parser.add_argument
    add("--mails", type=int, default=4000, help="so many in each run (default: %(default)s)")
    add("--rounds", type=int, default=3, help="so many times; medians are told (default: %(default)s)")
    add("--seconds", type=float, default=5, help="for rendering, and for each row with latency (default: %(default)s)")
    add("--latency", type=float, default=20, metavar="MS", help="how far the server is away (default: %(default)s)")
    add("--enrolments", type=int, default=200_000, help="so many for the claims (default: %(default)s)")
    add("--due", type=int, default=500, help="so many of them are due (default: %(default)s)")
    add("--learners", type=int, default=2000, help="so many are simulated (default: %(default)s)")
    add("--folder", type=Path, help="where the databases are made: which disk (default: the temp folder)")
    add(
        "--profile",
        nargs="?",
        const="sqlite",
        choices=PARTS[:3],
        help="say where the CPU time of rendering, or of one worker, goes instead",
    )
    return parser.parse_args()


def _parts(text: str) -> tuple[str, ...]:
    chosen = tuple(text.split(","))
    if unknown := set(chosen) - set(PARTS):
        raise argparse.ArgumentTypeError(f"no part {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    return chosen


@dataclass(frozen=True, slots=True)
class _Ground:
    """Where everything stands: what was asked for, a folder, the sink's port, and a PostgreSQL (if there is one)."""

    asked: argparse.Namespace
    folder: Path
    port: int
    server: tuple[Server, int] | None

    def scene(self, name: str, people: int) -> Scene:
        """A workspace with so many people, whose mail goes to the sink."""
        return set_up(self.folder / name, f"smtp://127.0.0.1:{self.port}?tls=none", people)

    def databases(self, scene: Scene, parts: Sequence[str]) -> list[Databases]:
        """The scene's databases of the kinds that these parts name."""
        found: list[Databases] = [Files(scene)] if "sqlite" in parts else []
        return found + ([clones(scene, *self.server)] if "postgresql" in parts and self.server else [])


def _measure(ground: _Ground) -> None:
    """Measure what was asked for, and print it."""
    asked = ground.asked
    out.print(machine(), highlight=False)
    if set(asked.only) - {"sendgrid", "claims", "simulate", "tracking"}:
        scene = ground.scene("workspace", asked.mails)
        rendered = render_alone(scene, asked.seconds if "render" in asked.only else 0.5)
        show_message(rendered)
        rows = _rows(ground, scene)
        with _progress("the whole path", asked.rounds * len(rows)) as step:
            measure(rows, port=ground.port, mails=asked.mails, size=rendered.size, rounds=asked.rounds, step=step)
        if set(asked.only) - _APART:
            show_whole(rows, rendered if "render" in asked.only else None)
        if "render" in asked.only:
            show_parts(rendering_parts(scene))
        if "smtp" in asked.only:
            with _progress("the SMTP conversation", 1):
                show_spoken(conversation_alone(ground.port, messages(scene, _LETTERS), rounds=asked.rounds))
        if "latency" in asked.only:
            _latency(asked, scene)
        if "dkim" in asked.only:
            show_signed(signing(messages(scene, _LETTERS)))
    if "sendgrid" in asked.only:
        people = min(asked.mails, SENDGRID_MAILS)
        with _progress("SendGrid", asked.rounds * len(SENDGRID_CONNECTIONS)) as step:
            posted = post_beside(ground.scene("sendgrid", people), people, asked.rounds, step)
        show_posted(posted)
    if "claims" in asked.only:
        _claims(ground)
    if "tracking" in asked.only:
        _tracking(ground)
    if "simulate" in asked.only:
        words = {"nothing comes back": False, "each question comes back twice": True}
        show_simulated({said: simulated(asked.learners, reviews=reviews) for said, reviews in words.items()})


def _rows(ground: _Ground, scene: Scene) -> list[Row]:
    """The rows of the whole path: drip on each kind of database, and django-post_office on the same."""
    asked, rows = ground.asked, []
    office = _post_office(ground, scene) if "post-office" in asked.only else None
    kinds = [part for part in ("sqlite", "postgresql") if part in asked.only]
    if office is not None and not kinds:
        kinds = ["sqlite"]  # it is compared with something
    for databases in ground.databases(scene, kinds):
        rows += [drip_row(scene, databases, workers, asked.mails) for workers in (1, 2)]
        if office is not None:
            rows += post_office_rows(office, databases)
    return rows


def _post_office(ground: _Ground, scene: Scene) -> PostOffice | None:
    python = install()
    if isinstance(python, str):
        out.print(f"django-post_office is left out; it cannot be installed: {python}\n", highlight=False)
        return None
    letters = ground.folder / "letters.jsonl"
    few = min(ground.asked.mails, _POST_OFFICE)  # it takes its time, and its rate does not depend on how many there are
    write_letters(letters, messages(scene, few), base_url=load(scene.folder, {}).base_url)
    return PostOffice(python, letters, ground.port)


def _latency(asked: argparse.Namespace, scene: Scene) -> None:
    """One worker, with more and more connections to a server that is far away."""
    runs = {}
    with slow_sink(asked.latency) as port, _progress("latency", len(_CONNECTIONS)) as step:
        away = Scene(scene.folder, f"smtp://127.0.0.1:{port}?tls=none")
        for connections in _CONNECTIONS:
            runs[connections] = whole_path(
                *(away, Files(scene)), mails=asked.mails, workers=1, connections=connections, seconds=asked.seconds
            )
            step()
    show_latency(asked.latency, _TRIPS, runs)


def _claims(ground: _Ground) -> None:
    """What a tick costs over many enrolments, beside one over few."""
    asked, kinds, lines = ground.asked, {}, {}
    scene = ground.scene("claims", 1)
    for databases in ground.databases(scene, ("sqlite", "postgresql")):
        sizes, rounds = (_FEW, asked.enrolments), _MORE * asked.rounds
        with _progress(f"claims, {databases.name}", rounds + 1 + len(sizes)) as step:
            kinds[databases.name] = ticks(scene, databases, sizes=sizes, due=asked.due, rounds=rounds, progress=step)
        lines[databases.name] = line(scene, databases, people=min(_LINE, asked.enrolments))
    show_ticks(asked.due, kinds)
    show_lines(lines, kinds)


def _tracking(ground: _Ground) -> None:
    """Pixels and clicks a second, on both databases."""
    asked = ground.asked
    scene = ground.scene("tracking", _TRACKED)
    kinds = ground.databases(scene, ("sqlite", "postgresql"))
    with _progress("tracking", TRACKED_STEPS * asked.rounds * len(kinds)) as step:
        found = tracked(scene, kinds, rounds=asked.rounds, seconds=asked.seconds, progress=step)
    show_tracked(found)


def _profile(ground: _Ground, part: str) -> None:
    """Where CPU time goes: of rendering alone, or of one worker."""
    asked = ground.asked
    scene = ground.scene("workspace", asked.mails)
    if part == "render":
        rendered = render_alone(scene, asked.seconds, profile=True)
        show_profile("rendering alone", 1000 / rendered.rate, rendered.spent)
    for databases in ground.databases(scene, (part,)):
        run = whole_path(scene, databases, mails=asked.mails, workers=1, connections=CONNECTIONS, profile=True)
        show_profile(f"1 worker, {databases.name}, {asked.mails} mails", run.cpu, run.spent)


def _postgresql(running: ExitStack) -> tuple[Server, int] | None:
    """A server that is up as long as we are, or a word about why there is none."""
    try:
        return running.enter_context(postgresql())
    except RuntimeError as error:
        out.print(f"PostgreSQL is left out: {error}\n", highlight=False)
        return None


@contextmanager
def _progress(words: str, total: int) -> Iterator[Callable[[], None]]:
    """A bar on stderr that is gone at the end; gives what to call after each step."""
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(words, total=total)
        yield lambda: bar.advance(task)


if __name__ == "__main__":
    main()
