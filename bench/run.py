"""Measure drip on this machine, beside what postfix's smtp-source does in the same minute: `make bench`."""

from __future__ import annotations

import argparse
import os
import platform
import sqlite3
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from measures import Rendered, Run, render_alone, whole_path
from rehearsal import simulated
from rendering import rendering_parts
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from scene import Scene, set_up
from servers import program, sink, source_rate

#: (workers, connections of each) of the whole path.
_SHAPES = ((1, 10), (1, 20), (2, 10), (2, 20))
#: Connections of smtp-source.
_SOURCE_CONNECTIONS = 20
#: Functions that a profile names.
_MOST = 45

out = Console(width=100)


def main() -> None:
    """Measure, and print what came out."""
    parser = argparse.ArgumentParser(prog="bench/run.py", description=__doc__)
    parser.add_argument("--mails", type=int, default=4000, help="so many in each run (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="so many times; medians are told (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=5, help="for rendering alone (default: %(default)s)")
    parser.add_argument(
        "--folder", type=Path, help="where the databases are made: which disk (default: the temp folder)"
    )
    parser.add_argument("--learners", type=int, default=2000, help="so many are simulated (default: %(default)s)")
    parser.add_argument("--simulate", action="store_true", help="measure `drip simulate` alone; no mail server needed")
    parser.add_argument(
        "--render", action="store_true", help="measure the parts of rendering alone; no mail server needed"
    )
    parser.add_argument("--profile", action="store_true", help="say where the CPU time of one worker goes instead")
    asked = parser.parse_args()
    if asked.simulate:
        _show_simulated(asked.learners)
        return
    if asked.render:
        _show_parts(asked.folder)
        return
    program("smtp-source")
    with sink() as port, tempfile.TemporaryDirectory(prefix="drip-bench-", dir=asked.folder) as folder:
        transport = f"smtp://127.0.0.1:{port}?tls=none&connections="
        scene = set_up(Path(folder) / "workspace", f"{transport}20", asked.mails)
        if asked.profile:
            _show_profile(whole_path(scene, mails=asked.mails, workers=1, profile=True), asked.mails)
            return
        rendered = render_alone(scene, asked.seconds)
        beside: dict[tuple[int, int], list[tuple[float, Run]]] = {shape: [] for shape in _SHAPES}
        with Progress(console=Console(stderr=True), transient=True) as bar:
            for _ in bar.track(range(asked.rounds), description="measuring"):
                for workers, connections in _SHAPES:
                    # one right after the other: a machine that others use too changes by the second
                    rate = source_rate(port, mails=asked.mails, size=rendered.size, connections=_SOURCE_CONNECTIONS)
                    here = Scene(scene.folder, f"{transport}{connections}")
                    run = whole_path(here, mails=asked.mails, workers=workers)
                    beside[workers, connections].append((rate, run))
    _show(asked, rendered, beside)
    out.print()
    _show_simulated(asked.learners)


def _show(
    asked: argparse.Namespace, rendered: Rendered, beside: dict[tuple[int, int], list[tuple[float, Run]]]
) -> None:
    kilobytes = rendered.size / 1000
    out.print(
        f"{_machine()}\n{asked.mails} mails a run, medians of {asked.rounds} rounds (lowest-highest); a message has "
        f"{rendered.html / 1000:.1f} kB of HTML, {rendered.text / 1000:.1f} kB of text, {rendered.links} tracked links "
        f"and a question, {kilobytes:.1f} kB as bytes.\n"
    )
    table = Table("", "mails/s", "of smtp-source", "CPU ms a mail", box=None, pad_edge=False)
    for column in table.columns[1:]:
        column.justify = "right"
    table.add_row("render alone, one core", f"{rendered.rate:,.0f}", "", f"{1000 / rendered.rate:.2f}")
    table.add_row(
        f"smtp-source -d -s {_SOURCE_CONNECTIONS}",
        _spread([rate for pairs in beside.values() for rate, _ in pairs]),
        "100 %",
        "",
    )
    for (workers, connections), pairs in beside.items():
        who = f"{workers} worker{'s' * (workers > 1)}"
        ratio = median(run.rate / rate for rate, run in pairs)
        table.add_row(
            f"whole path, {who}, {connections} connections each",
            _spread([run.rate for _, run in pairs]),
            f"{100 * ratio:.0f} %",
            f"{median(run.cpu for _, run in pairs):.2f}",
        )
    out.print(table)
    again = f"--mails {asked.mails} --rounds {asked.rounds} --seconds {asked.seconds:g}"
    out.print(f'\nAgain: make bench ARGS="{again}"', highlight=False)


def _show_simulated(learners: int) -> None:
    """Print what a cohort of 10,000 would cost, by what these take."""
    table = Table("drip simulate, 20 steps, learners who answer", "mails", "CPU s for 10,000", box=None, pad_edge=False)
    for column in table.columns[1:]:
        column.justify = "right"
    for words, reviews in (("nothing comes back", False), ("each question comes back twice", True)):
        run = simulated(learners, reviews=reviews)
        table.add_row(f"{learners:,} of them, {words}", f"{run.mails:,}", f"{run.cpu / learners * 10_000:.0f}")
    out.print(table)


def _show_parts(folder: Path | None) -> None:
    """Print what each part of rendering takes of a core."""
    with tempfile.TemporaryDirectory(prefix="drip-bench-", dir=folder) as made:
        spent = rendering_parts(set_up(Path(made) / "workspace", "outbox:./outbox", 1000))
    table = Table("rendering alone", "CPU µs", box=None, pad_edge=False)
    table.columns[1].justify = "right"
    for part, microseconds in spent.items():
        table.add_row(part, f"{microseconds:.1f}")
    out.print(f"{_machine()}\n")
    out.print(table)


def _show_profile(run: Run, mails: int) -> None:
    """Print the functions that were on the stack for 1 % of the samples or more, what they called included."""
    spent = dict(run.spent)
    total = spent.pop("all")
    out.print(f"{_machine()}\n1 worker, {mails} mails: {run.cpu:.2f} ms of CPU a mail, {total} samples\n")
    ours = [(name, n) for name, n in spent.items() if name.startswith("drip.") and n * 100 >= total]
    for name, samples in sorted(ours, key=lambda one: -one[1])[:_MOST]:
        out.print(f"{100 * samples / total:5.1f} %  {run.cpu * samples / total:6.3f} ms  {name}", highlight=False)


def _spread(rates: Sequence[float]) -> str:
    return f"{median(rates):,.0f} ({min(rates):,.0f}-{max(rates):,.0f})"


def _machine() -> str:
    model = "unknown CPU"
    if (info := Path("/proc/cpuinfo")).exists():
        model = next((line.partition(":")[2].strip() for line in info.open() if line.startswith("model name")), model)
    system = f"{platform.system()} {platform.release()}, Python {platform.python_version()}"
    return f"{os.cpu_count()} cores, {model}, {system}, SQLite {sqlite3.sqlite_version}; load: {os.getloadavg()[0]:.1f}"


if __name__ == "__main__":
    main()
