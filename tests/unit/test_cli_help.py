"""What `--help` says: every command and option has words, in the order in which a person needs them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import typer.main

from drip.cli import app
from drip.cli.app import ORDER

ROOT = typer.main.get_command(app)


def commands(group: Any = ROOT, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """(`learners import`, the command) of everything that can be typed."""
    context = group.context_class(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if hasattr(command, "list_commands"):
            yield from commands(command, (*path, name))
        else:
            yield " ".join((*path, name)), command


COMMANDS = dict(commands())
GROUPS: dict[str, Any] = {
    "drip": ROOT,
    **{
        f"drip {name}": group
        for name, group in ROOT.commands.items()  # type: ignore[attr-defined]
        if hasattr(group, "list_commands")
    },
}


def said(command: Any, path: str) -> str:
    return str(command.get_help(command.context_class(command, info_name=f"drip {path}", terminal_width=100)))


def test_commands_stand_in_the_order_of_the_work() -> None:
    """`drip --help` goes from writing a course to seeing what came of it, groups among the rest."""
    context = ROOT.context_class(ROOT)  # type: ignore[attr-defined]
    assert tuple(ROOT.list_commands(context)) == ORDER  # type: ignore[attr-defined]
    assert ORDER.index("learners") < ORDER.index("enrol") < ORDER.index("run") < ORDER.index("report")


@pytest.mark.parametrize("wide", [80, 100])
@pytest.mark.parametrize("name", GROUPS)
def test_no_line_of_a_list_is_cut_off(name: str, wide: int) -> None:
    """Every command's one-line summary fits the terminal whole, in `drip --help` and in that of each group."""
    group = GROUPS[name]
    text = group.get_help(group.context_class(group, info_name=name, terminal_width=wide))
    assert [line for line in text.splitlines() if line.endswith("...") and "ARGS" not in line] == []
    assert max(map(len, text.splitlines())) <= wide


@pytest.mark.parametrize("path", COMMANDS)
def test_every_argument_and_option_is_explained(path: str) -> None:
    """Each has a sentence that begins with a capital or a name and ends with a full stop; none shows a Python type."""
    command = COMMANDS[path]
    for param in command.params:
        assert param.help, f"drip {path} {param.name}"
        assert param.help.endswith("."), f"drip {path} {param.name}: {param.help}"
    text = said(command, path)
    assert not re.search(r"<[a-z]|[{}]", text)


@pytest.mark.parametrize("path", COMMANDS)
def test_every_command_speaks_json(path: str) -> None:
    """Every command takes --format json."""
    assert any("--format" in param.opts for param in COMMANDS[path].params)
