"""The Typer app, and what its commands share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from drip.settings import Settings
    from drip.store import Store

app = typer.Typer(
    name="drip",
    help="An email microlearning engine: a course in YAML becomes timed tips, and answers come back as learning.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
learners_app = typer.Typer(help="People: import, add, list, show.", no_args_is_help=True, rich_markup_mode=None)
db_app = typer.Typer(help="The database.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(learners_app, name="learners")
app.add_typer(db_app, name="db")


def _version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(f"drip {version('drip')}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Settings come from drip.toml in this folder, and from DRIP_* variables over it."""


def settings() -> Settings:
    """The settings of the working folder."""
    from drip.settings import load

    return load(Path.cwd())


@contextmanager
def opened(chosen: Settings, *, upgrade: bool = False) -> Iterator[Store]:
    """The workspace's database. An empty SQLite file gets its tables; an older one is migrated where `upgrade` says so
    (after a copy). Everything else is migrated by hand.
    """
    from drip import wiring

    store = wiring.store(chosen)
    try:
        if store.sqlite and (upgrade or store.version()[0] is None):
            store.upgrade(now=wiring.system_clock())
        store.require_current()
        yield store
    finally:
        store.close()


# Each file's commands join `app` when it is read; they stand in `--help` in this order.
from drip.cli import author, people, operate, measure, demo  # noqa: E402, F401, I001  (after `app`, in this order)
