"""Every error that a user can meet.

DripError
├── UserError                what the user got wrong (exit 1)
│   ├── CourseError          mistakes in course files, each with its place
│   ├── ExpressionError      a condition or a placeholder that cannot be read
│   ├── SettingsError        drip.toml or a DRIP_* variable
│   ├── ImportRefused        a file of learners that cannot be read at all
│   ├── NotFound             a course, learner, step or file that is not there
│   └── Refused              a request that the rules forbid
├── MachineError             what the machine could not do (exit 3)
│   ├── StoreError           the database
│   └── TransportError       the way out
│       └── SenderTrouble    the sender's own fault: stop, hold everything, fail nobody
└── TokenError               a link that is forged, altered or expired (a 4xx on the web)

The first line of each docstring says what the error means; the message says what, where and what to write instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field


class DripError(Exception):
    """Something that a user can meet. `exit_code` is what the command line returns for it."""

    exit_code = 1


class UserError(DripError):
    """What the user got wrong; it can be mended by writing something else."""

    exit_code = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """One mistake in a course file. Lines and columns count from 1.

    `rule` is a stable id such as `unknown-key`; `excerpt` is the line itself; `width` is how many characters the caret
    underlines.
    """

    file: str
    line: int
    column: int
    rule: str
    message: str
    hint: str = ""
    excerpt: str = ""
    width: int = 1
    severity: str = "error"

    def __str__(self) -> str:
        """Place and message, the line with a caret, and the hint: what to write, or why and then what to write."""
        head = f"{self.file}:{self.line}:{self.column}: {self.message}"
        lines = [head]
        if self.excerpt:
            number = f"{self.line:>6} | "
            lines.append(number + self.excerpt)
            lines.append(" " * (len(number) + self.column - 1) + "^" * max(1, self.width))
        lines += [f"  {line}" for line in self.hint.splitlines()]
        return "\n".join(lines)


class CourseError(UserError):
    """The course files hold mistakes. `mistakes` has all of them, in the order of the files and lines."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__("\n".join(str(m) for m in self.mistakes))


class ExpressionError(UserError):
    """A condition or a placeholder cannot be read. `offset` counts characters from the start of its text."""

    def __init__(self, message: str, *, offset: int = 0, width: int = 1, hint: str = "") -> None:
        self.message, self.offset, self.width, self.hint = message, offset, width, hint
        super().__init__(f"{message}\n  {hint}" if hint else message)


class SettingsError(UserError):
    """drip.toml or a DRIP_* variable says something that drip does not understand."""


class ImportRefused(UserError):
    """A file of learners cannot be read at all (single bad rows are listed instead)."""


class NotFound(UserError):
    """The course, learner, step or file is not there."""


class Refused(UserError):
    """The request is well formed, but the rules forbid it."""


class MachineError(DripError):
    """What the machine could not do; trying again later may help."""

    exit_code = 3


class StoreError(MachineError):
    """The database cannot be opened, is too old or too new, or does not answer."""


class TransportError(MachineError):
    """The way out cannot be used."""


class SenderTrouble(TransportError):
    """The sender's own trouble (refused at connect, AUTH or MAIL; blocklisted; over quota): nobody's mail has failed.

    The transport stops, everything that it held goes back to the queue, and a person is told.
    """


@dataclass
class TokenError(DripError):
    """A link is forged, altered, of another purpose, or expired. `status` is the HTTP answer it deserves."""

    reason: str
    status: int = field(default=404)

    def __str__(self) -> str:
        return self.reason
