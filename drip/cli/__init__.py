"""The command line: a file a family of commands. Nothing is decided here; every command calls one use case.

Commands import what they need when they run, so that `drip --help` costs next to nothing.
"""

from __future__ import annotations

import sys

from drip.cli.app import app
from drip.errors import DripError

__all__ = ["app", "main"]


def main() -> None:
    """Run the command line. A user's mistake ends in a message on stderr and exit 1, never in a traceback."""
    try:
        app()
    except DripError as error:
        sys.stderr.write(f"drip: {error}\n" if "\n" not in str(error) else f"{error}\n")
        sys.exit(error.exit_code)
    except BrokenPipeError:
        sys.stderr.close()  # the reader (such as head) has seen enough
        sys.exit(0)
    except KeyboardInterrupt:
        sys.exit(130)
