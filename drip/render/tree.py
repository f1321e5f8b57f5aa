"""The tree of a body: a few kinds of node, which become HTML in content.py and plain text in plain.py."""

from __future__ import annotations

from dataclasses import dataclass, field

#: Kinds of node that hold blocks.
CONTAINERS = ("bullet_list", "ordered_list", "list_item", "blockquote")


@dataclass(slots=True)
class Node:
    """One node of a body. `target` is a link's or picture's address, `number` a link's (−1: not tracked), a heading's
    level or a list's first number; `tight` says that a paragraph or list has no air around it.
    """

    kind: str
    children: list[Node] = field(default_factory=list)
    content: str = ""
    target: str = ""
    number: int = 0
    tight: bool = False


def plain(nodes: list[Node]) -> str:
    """The words of inline nodes, with nothing around them."""
    return "".join(
        " " if node.kind in ("softbreak", "hardbreak") else node.content or plain(node.children) for node in nodes
    )
