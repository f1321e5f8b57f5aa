"""The tree of what was written in a course file, in which everything knows its place."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field

from drip.errors import Mistake

#: Longer lines are not shown under a message.
LONGEST_EXCERPT = 200

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Scalar:
    """One value: the `text` as written (without quotes), and what YAML 1.2 reads in it in it."""

    text: str
    value: object
    span: Span


class Table(dict[str, "Node"]):
    """A mapping; `keys_at` has the place of each key."""

    def __init__(self, span: Span) -> None:
        super().__init__()
        self.span = span
        self.keys_at: dict[str, Span] = {}


class Row(list["Node"]):
    """A sequence."""

    def __init__(self, span: Span) -> None:
        super().__init__()
        self.span = span


Node = Scalar | Table | Row
#: The way from the root to a node: keys and indices.
Path = tuple[str | int, ...]


def at(tree: Table, path: Path) -> Node:
    """The node at `path`, or the nearest one above it that is there."""
    node: Node = tree
    for part in path:
        if isinstance(node, Table) and part in node:
            node = node[str(part)]
        elif isinstance(node, Row) and isinstance(part, int) and part < len(node):
            node = node[part]
        else:
            break
    return node


def key_at(tree: Table, path: Path) -> Span:
    """The place of the key that `path` ends in; for an item of a list, of the item."""
    above = at(tree, path[:-1])
    if isinstance(above, Table) and path[-1] in above.keys_at:
        return above.keys_at[str(path[-1])]
    return at(tree, path).span


@dataclass(frozen=True, slots=True)
class Source:
    """The text of one file, which turns places in it into mistakes that a person can find."""

    file: str
    text: str
    starts: list[int] = field(repr=False)

    def mistake(self, span: Span, rule: str, message: str, hint: str = "", severity: str = "error") -> Mistake:
        """A mistake at `span` (character offsets), with the line it stands on; a caret never leaves that line."""
        start = min(span[0], len(self.text))
        line = bisect_right(self.starts, start)
        begin = self.starts[line - 1]
        end = self.starts[line] if line < len(self.starts) else len(self.text)
        excerpt = self.text[begin:end].rstrip("\r\n")
        column = min(start - begin, len(excerpt))
        width = max(1, min(span[1] - start, len(excerpt) - column))
        shown = "".join(c if c.isprintable() or c == "\t" else "\ufffd" for c in excerpt[: LONGEST_EXCERPT + 1])
        return Mistake(
            file=self.file,
            line=line,
            column=column + 1,
            rule=rule,
            message=message,
            hint=hint,
            excerpt=shown if len(shown) <= LONGEST_EXCERPT else "",
            width=width,
            severity=severity,
        )

    def line(self, span: Span) -> int:
        """The line, from 1, that a place begins on."""
        return bisect_right(self.starts, span[0])

    def within(self, scalar: Scalar, offset: int, width: int) -> Span:
        """The place of `scalar.text[offset:offset + width]`, as far as it stands on one line; else of the scalar."""
        needle = scalar.text[offset : offset + max(1, width)].split("\n")[0].rstrip()
        if needle:
            at = scalar.span[0]
            for _ in range(scalar.text.count(needle, 0, offset) + 1):
                at = self.text.find(needle, at, scalar.span[1])
                if at < 0:
                    return scalar.span
                found, at = at, at + len(needle)
            return found, found + len(needle)
        return scalar.span
