"""The command line: a file a family of commands. Nothing is decided here; every command calls one use case.

Commands import what they need when they run, so that `drip --help` costs next to nothing.
"""

from __future__ import annotations

import io
import sys

from drip.cli.app import app
from drip.errors import DripError, MachineError

__all__ = ["app", "main"]


def main() -> None:
    """Run the command line. A user's mistake ends in a message on stderr and exit 1, never in a traceback."""
    if isinstance(sys.stdout, io.TextIOWrapper):  # a terminal that lacks a letter shows another one
        sys.stdout.reconfigure(errors="replace")
    try:
        app()
    except DripError as error:
        sys.stderr.write(f"drip: {error}\n" if "\n" not in str(error) else f"{error}\n")
        sys.exit(error.exit_code)
    except OSError as error:  # a full disk, a folder that is gone: what the machine could not do
        where = f"{error.filename}: " if error.filename else ""
        sys.stderr.write(f"drip: {where}{error.strerror or error}\n")
        sys.exit(MachineError.exit_code)
