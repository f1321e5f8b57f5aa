"""The Typer app, and what its commands share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

if TYPE_CHECKING:
    from drip.settings import Settings
    from drip.store import Store

#: The order of `drip --help`: from writing a course, over its people, to running it and seeing what came of it.
ORDER = (
    *("init", "check", "preview", "simulate", "schema"),
    *("diff", "publish", "learners", "enrol", "event", "send"),
    *("run", "serve", "up", "pause", "resume", "status", "settle", "why", "report", "forget"),
    *("bounces", "suppress", "webhook", "token", "doctor", "db", "keys", "demo"),
)


class InOrder(TyperGroup):
    """A group whose help lists its commands in the order in which a person meets them."""

    def list_commands(self, ctx: Any) -> list[str]:
        """ORDER first; a command that it does not name comes after, as it was added."""
        return sorted(self.commands, key=lambda name: ORDER.index(name) if name in ORDER else len(ORDER))


class Spoken(TyperCommand):
    """A command whose help shows arguments as a person writes them: without braces and types of Python."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """`[OPTIONS] COURSE [STEP]`."""
        return [piece.replace("{", "").replace("}", "") for piece in super().collect_usage_pieces(ctx)]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Two lists: the arguments by their names, and the options."""
        sides: dict[str, list[tuple[str, str]]] = {"argument": [], "option": []}
        for param in self.get_params(ctx):
            if (record := param.get_help_record(ctx)) is not None:
                name, words = record
                if param.param_type_name == "argument":  # whether it may be left out stands in the line above
                    name, words = name.partition(" <")[0], words.replace("  [required]", "")
                sides[param.param_type_name].append((name, words))
        for title, records in (("Arguments", sides["argument"]), ("Options", sides["option"])):
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)


app = typer.Typer(
    name="drip",
    cls=InOrder,
    context_settings={"help_option_names": ["--help", "-h"], "max_content_width": 100},
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
learners_app = typer.Typer(
    help="Take people in, list them, show, pause, export or erase one.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
db_app = typer.Typer(
    help="The database: bring its tables up to date, move to another.", no_args_is_help=True, rich_markup_mode=None
)
app.add_typer(learners_app, name="learners")
app.add_typer(db_app, name="db")
keys_app = typer.Typer(
    help="The keys that sign links: list them, put a new one first.", no_args_is_help=True, rich_markup_mode=None
)
app.add_typer(keys_app, name="keys")
bounces_app = typer.Typer(
    help="Mails that came back: read them, or fetch what waits.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.add_typer(bounces_app, name="bounces")
suppress_app = typer.Typer(
    help="Addresses that get no mail: add, remove, list, import, export.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.add_typer(suppress_app, name="suppress")
webhook_app = typer.Typer(
    help="Tell other systems what happens: endpoints, secrets, a log.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.add_typer(webhook_app, name="webhook")
token_app = typer.Typer(
    help="Tokens of the HTTP API: make one, list them, end one.", no_args_is_help=True, rich_markup_mode=None
)
app.add_typer(token_app, name="token")


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
    """An email microlearning engine: a course in YAML becomes timed tips, and answers come back as learning.

    Settings come from drip.toml in this folder, and from DRIP_* variables over it. `drip COMMAND --help` says more.
    """


NO_WORKSPACE = "there is no drip.toml and no database here: cd to a workspace, or make one with `drip init`"


def settings() -> Settings:
    """The settings of the working folder."""
    from drip.errors import NotFound
    from drip.settings import load

    try:
        folder = Path.cwd()
    except FileNotFoundError:
        raise NotFound("the working folder is gone: cd to another one") from None
    return load(folder)


@contextmanager
def opened(chosen: Settings, *, upgrade: bool = False, only_look: bool = False) -> Iterator[Store]:
    """The workspace's database. An empty SQLite file gets its tables; an older one is migrated where `upgrade` says so
    (after a copy). Everything else is migrated by hand. Whoever comes `only_look`ing makes none outside a workspace.
    """
    from drip import wiring
    from drip.errors import NotFound

    store = wiring.store(chosen)
    try:
        if only_look and not chosen.is_workspace and store.file is not None and not store.file.exists():
            raise NotFound(NO_WORKSPACE)
        if store.sqlite and (upgrade or store.version()[0] is None):
            store.upgrade(now=wiring.system_clock())
        store.require_current()
        yield store
    finally:
        store.close()


# Each file's commands join `app` when it is read.
from drip.cli import author, simulate, edits, people, privacy, operate, running, settling, status, measure  # noqa: E402, F401, I001  (after `app`)
from drip.cli import bounces, doctor, keys, suppress, tokens, webhooks, demo  # noqa: E402, F401  (after `app`)

for _family in (app, learners_app, db_app, keys_app, bounces_app, suppress_app, webhook_app, token_app):
    for _command in _family.registered_commands:
        _command.cls = Spoken
