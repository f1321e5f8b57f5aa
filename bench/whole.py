"""The rows of the whole path: drip on each database, and django-post_office, each right beside smtp-source."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import median

from databases import Databases
from django_queue import PostOffice
from measures import Rendered, Run, whole_path
from scene import Scene
from servers import source_rate
from tables import out, percent, spread, table

#: Connections of each worker, and of smtp-source.
CONNECTIONS = 20
#: The goals are for so many workers.
_WORKERS = 2
#: database → the share of smtp-source's rate that they are to reach, in percent.
_GOALS = {"SQLite": 60, "PostgreSQL": 45}
#: How many times django-post_office's rate they are to reach.
_TIMES = 10

_LEGEND = """\
CPU ms: of all workers, a mail; server's: what PostgreSQL's processes add to it. MB: the most that a worker held.
post_office: django-post_office; its mails are filled before they are queued (not counted), or as they go, as drip's.
… ×: how many times its rate drip's is, with two workers on the same database."""


@dataclass(frozen=True, slots=True)
class Row:
    """One way to send, by drip's workers or by another program (0), and its rounds: (rate of smtp-source, our run)."""

    words: str
    database: str
    workers: int
    run: Callable[[], Run]
    rounds: list[tuple[float, Run]] = field(default_factory=list)

    @property
    def rates(self) -> list[float]:
        """Mails a second, a round each."""
        return [run.rate for _, run in self.rounds]

    @property
    def shares(self) -> list[float]:
        """The share of smtp-source's rate in the same moment, a round each."""
        return [run.rate / source for source, run in self.rounds]


def drip_row(scene: Scene, databases: Databases, workers: int, mails: int) -> Row:
    """drip with so many workers."""
    words = f"drip, {databases.name}, {workers} worker{'s' * (workers > 1)}"
    shape = {"mails": mails, "workers": workers, "connections": CONNECTIONS}
    return Row(words, databases.name, workers, lambda: whole_path(scene, databases, **shape))


def post_office_rows(office: PostOffice, databases: Databases) -> list[Row]:
    """django-post_office with mails that were rendered beforehand, and with mails that it renders as drip does."""
    words = f"post_office, {databases.name}"
    return [
        Row(f"{words}, filled before", databases.name, 0, lambda: office.run(databases, as_they_go=False)),
        Row(f"{words}, filled as they go", databases.name, 0, lambda: office.run(databases, as_they_go=True)),
    ]


def measure(rows: Sequence[Row], *, port: int, mails: int, size: int, rounds: int, step: Callable[[], object]) -> None:
    """Measure every row in turn, round after round, each after smtp-source: a shared machine changes by the second."""
    for _ in range(rounds):
        for row in rows:
            source = source_rate(port, mails=mails, size=size, connections=CONNECTIONS)
            row.rounds.append((source, row.run()))
            step()


def show(rows: Sequence[Row], rendered: Rendered | None) -> None:
    """Print the table."""
    shown = table("", "mails/s", "of smtp-source", "goal", "CPU ms", "server's", "MB")
    if rendered is not None:
        shown.add_row("drip, rendering alone, one core", f"{rendered.rate:,.0f}", "", "", f"{1000 / rendered.rate:.2f}")
    if rows:
        sources = [source for row in rows for source, _ in row.rounds]
        shown.add_row(f"smtp-source -d -s {CONNECTIONS}", spread(sources), "100 %")
    for row in rows:
        runs = [run for _, run in row.rounds]
        server = [run.server_cpu for run in runs if run.server_cpu is not None]
        held = [run.megabytes for run in runs if run.megabytes is not None]
        shown.add_row(
            *(row.words, spread(row.rates), percent(row.shares), _goal(row, rows)),
            f"{median(run.cpu for run in runs):.2f}",
            f"{median(server):.2f}" if server else "",
            f"{max(held):.0f}" if held else "",
        )
    out.print(shown)
    out.print(f"{_LEGEND}\n", highlight=False)


def _goal(row: Row, rows: Sequence[Row]) -> str:
    """What a row is to reach; beside another program, how many times its rate drip's is with two workers."""
    if row.workers:
        return f"{_GOALS[row.database]} %" if row.workers == _WORKERS else ""
    for ours in rows:
        if (ours.database, ours.workers) == (row.database, _WORKERS):
            times = median(a / b for a, b in zip(ours.rates, row.rates, strict=True))
            return f"{times:.1f} × (of {_TIMES} ×)"
    return ""
