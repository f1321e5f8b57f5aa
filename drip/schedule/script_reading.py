"""Reads the tree of a file part by part, and collects what is wrong on the way, each mistake at its place."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from pydantic_core import PydanticCustomError

from drip.course.index import FEW_NAMES, Index
from drip.course.positions import Node, Row, Scalar, Source, Span, Table
from drip.course.reading import MOST_MISTAKES
from drip.course.values import shown
from drip.errors import Mistake

T = TypeVar("T")


@dataclass(slots=True)
class Reading:
    """One file being read; `index` bounds how much is compared to find out what was meant."""

    source: Source
    mistakes: list[Mistake]
    index: Index = field(default_factory=Index, kw_only=True)

    def keys(self, node: Node, known: Sequence[str], owner: str) -> Table:
        """The keys of a table that are known; a mistake for each other one."""
        table = self.table(node, owner)
        good = Table(table.span)
        for key, inner in table.items():
            if key in known:
                good[key] = inner
                good.keys_at[key] = table.keys_at[key]
            else:
                close = self.index.nearest(key, known)
                hint = f'did you mean "{close}"?' if close else f"known are: {', '.join(known)}"
                self.wrong(table.keys_at[key], "unknown-key", f"unknown key {shown(key)} in {owner}", hint)
        return good

    def table(self, node: Node, owner: str) -> Table:
        if isinstance(node, Table):
            return node
        what = "a list" if isinstance(node, Row) else "a text"
        if isinstance(node, Scalar) and node.value is None:
            what = "nothing"
        self.wrong(node.span, "wrong-type", f"{owner} has keys of its own, and this is {what}", "see docs/simulate.md")
        return Table(node.span)

    def value(self, node: Node, read: Callable[[Node], T], owner: str) -> T | None:
        """What a validator reads; None where it complains, at its place."""
        try:
            return read(node)
        except PydanticCustomError as error:
            context = error.context or {}
            self.wrong(node.span, error.type, f"{owner}: {error.message()}", str(context.get("hint", "")))
            return None

    def meant(self, written: str, known: Collection[str]) -> str:
        if close := self.index.nearest(written, known):
            return f'did you mean "{close}"?'
        return f"there are: {', '.join(sorted(known))}" if 0 < len(known) <= FEW_NAMES else ""

    def wrong(self, span: Span, rule: str, message: str, hint: str = "") -> None:
        if len(self.mistakes) > 4 * MOST_MISTAKES:  # nobody reads them; `every` says each for every mail
            return
        self.mistakes.append(self.source.mistake(span, rule, message, hint))
