"""What a reader sees: the tables, the machine, and what rates and ratios look like."""

from __future__ import annotations

import os
import platform
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median

from claims import Cost, Line, Ticks
from conversation import Spoken
from measures import Rendered, Run
from rehearsal import Rehearsed
from rich.console import Console
from rich.table import Table

#: Functions that a profile names.
_MOST = 45
#: What issue and README ask of a tick over the many, as a multiple of one over the few; and of a process's memory.
_MOST_TIMES, _MOST_MEGABYTES = 1.5, 200

out = Console(width=120)


def table(*columns: str) -> Table:
    """An empty table: words in the first column, numbers in the others."""
    made = Table(*columns, box=None, pad_edge=False)
    for column in made.columns:
        column.no_wrap = True
    for column in made.columns[1:]:
        column.justify = "right"
    return made


def spread(rates: Sequence[float]) -> str:
    """`2,097 (2,071-2,106)`: the median, the lowest and the highest."""
    return f"{median(rates):,.0f} ({min(rates):,.0f}-{max(rates):,.0f})"


def percent(ratios: Sequence[float]) -> str:
    """`18 %`, the median."""
    return f"{100 * median(ratios):.0f} %"


def machine() -> str:
    """The machine in a line."""
    model = "unknown CPU"
    if (info := Path("/proc/cpuinfo")).exists():
        model = next((line.partition(":")[2].strip() for line in info.open() if line.startswith("model name")), model)
    system = f"{platform.system()} {platform.release()}, Python {platform.python_version()}"
    return f"{os.cpu_count()} cores, {model}, {system}, SQLite {sqlite3.sqlite_version}; load: {os.getloadavg()[0]:.1f}"


def show_message(rendered: Rendered) -> None:
    """Say what one message is."""
    out.print(
        f"A message has {rendered.html / 1000:.1f} kB of HTML, {rendered.text / 1000:.1f} kB of text, {rendered.links} "
        f"tracked links and a question: {rendered.size / 1000:.1f} kB as bytes.\n",
        highlight=False,
    )


def show_parts(spent: Mapping[str, float]) -> None:
    """Print what each part of rendering takes of a core."""
    shown = table("rendering one mail, part by part", "CPU µs")
    for part, microseconds in spent.items():
        shown.add_row(part, f"{microseconds:.1f}")
    out.print(shown)
    out.print()


def show_spoken(spoken: Spoken) -> None:
    """Print what the SMTP conversation takes of a core, beside the message's bytes."""
    shown = table("the SMTP conversation, 20 connections, groups of 50", "CPU ms a mail")
    shown.add_row("writing the bytes", f"{spoken.bytes:.3f}")
    for (loop, lanes), cpu in spoken.beside.items():
        shown.add_row(f"beside that: {loop}, {lanes} group{'s' * (lanes > 1)} at once", f"{cpu:.3f}")
    out.print(shown)
    out.print()


def show_latency(milliseconds: float, trips: int, runs: Mapping[int, Run]) -> None:
    """Print how the rate grows with connections, beside what the waiting alone allows."""
    shown = table(
        f"drip, SQLite, 1 worker, each answer {milliseconds:g} ms away", "mails/s", "of what the waiting allows"
    )
    for connections, run in runs.items():
        allowed = connections * 1000 / (trips * milliseconds)
        words = f"{connections} connection{'s' * (connections > 1)}"
        shown.add_row(words, f"{run.rate:,.0f}", f"{100 * run.rate / allowed:.0f} % of {allowed:,.0f}")
    out.print(shown)
    out.print()


def show_ticks(due: int, kinds: Mapping[str, Sequence[Ticks]]) -> None:
    """Print what a tick costs over few and over many enrolments, and how many times more over the many."""
    few, many = next(iter(kinds.values()))
    shown = table(
        f"{due} due of", f"{few.people:,} enrolments", f"{many.people:,}", f"times (goal: at most {_MOST_TIMES})"
    )
    for name, (small, large) in kinds.items():
        for words, pick in (
            ("claim all due", "claim"),
            ("the same with a pace", "paced"),
            ("the whole tick", "whole"),
            ("a tick with nothing due", "idle"),
        ):
            costs: tuple[list[Cost], list[Cost]] = getattr(small, pick), getattr(large, pick)
            wall = [median(cost.wall for cost in each) for each in costs]
            cpu = [median(cost.cpu for cost in each) for each in costs]
            cells = [f"{a:.1f} ms ({b:.1f} CPU)" for a, b in zip(wall, cpu, strict=True)]
            shown.add_row(f"{name}: {words}", *cells, f"{wall[1] / wall[0]:.2f} ({cpu[1] / cpu[0]:.2f})")
        held = [f"{one.megabytes:.0f} MB" for one in (small, large)]
        shown.add_row(f"{name}: memory of drip run", *held, f"goal: < {_MOST_MEGABYTES} MB")
    out.print(shown)
    out.print()


def show_lines(lines: Mapping[str, Line], kinds: Mapping[str, Sequence[Ticks]]) -> None:
    """Print what the pace costs: counting, and a long line for one domain."""
    shown = table("the pace", "ms", "CPU")
    for name, line in lines.items():
        small = kinds[name][0]
        wall = median(cost.wall for cost in small.paced) / median(cost.wall for cost in small.claim)
        cpu = median(cost.cpu for cost in small.paced) / median(cost.cpu for cost in small.claim)
        shown.add_row(f"{name}: a claim with every limit, times one without", f"{wall:.2f}", f"{cpu:.2f}")
        each = f"{name}: {line.people:,} wait for one domain"
        shown.add_row(f"{each}; the first look, a mail", *_ms(line.shift, line.people))
        shown.add_row(f"{each}; then a tenth of a second, one goes", *_ms(line.tenth, 1))
    out.print(shown)
    out.print()


def _ms(cost: Cost, times: int) -> tuple[str, str]:
    return f"{cost.wall / times:.2f}", f"{cost.cpu / times:.2f}"


def show_simulated(runs: Mapping[str, Rehearsed]) -> None:
    """Print what a cohort of 10,000 would cost, by what these take."""
    shown = table("drip simulate, 20 steps, learners who answer", "mails", "CPU s for 10,000")
    for words, run in runs.items():
        each = run.cpu / run.learners
        shown.add_row(f"{run.learners:,} of them, {words}", f"{run.mails:,}", f"{each * 10_000:.0f}")
    out.print(shown)
    out.print()


def show_profile(words: str, cpu: float, spent: Mapping[str, int]) -> None:
    """Print the functions that were on the stack for 1 % of the samples or more, what they called included."""
    total = spent["all"]
    out.print(f"{machine()}\n{words}: {cpu:.3f} ms of CPU a mail, {total} samples\n", highlight=False)
    ours = [(name, n) for name, n in spent.items() if name.startswith("drip.") and n * 100 >= total]
    for name, samples in sorted(ours, key=lambda one: -one[1])[:_MOST]:
        out.print(f"{100 * samples / total:5.1f} %  {cpu * samples / total:6.3f} ms  {name}", highlight=False)
