"""The body of a tip as plain text: from the same tree as the HTML, complete, with every link written out."""

from __future__ import annotations

from drip.render.content import link_word
from drip.render.shelf import Shelf
from drip.render.tree import Node, plain


def to_text(nodes: tuple[Node, ...] | list[Node], shelf: Shelf) -> str:
    """The nodes as plain text, every block followed by an empty line, with words where its Jinja stands.

    A statement between blocks stands directly before the block that it guards, so that nothing is left where a
    condition does not hold.
    """
    return _blocks(nodes, shelf, first="", rest="", tight=False)


def _blocks(nodes: tuple[Node, ...] | list[Node], shelf: Shelf, *, first: str, rest: str, tight: bool) -> str:
    """Blocks with `first` before their first line and `rest` before every other one."""
    out = []
    for node in nodes:
        if node.kind == "statement":
            out.append(node.content)
            continue
        out.append(_block(node, shelf, first, rest, tight))
        first = rest
    return "".join(out)


def _block(node: Node, shelf: Shelf, first: str, rest: str, tight: bool) -> str:
    match node.kind:
        case "bullet_list" | "ordered_list":
            return _list(node, shelf, first, rest) + ("\n" if node.tight and not tight else "")
        case "blockquote":
            return _blocks(node.children, shelf, first=f"{first}> ", rest=f"{rest}> ", tight=False)
        case "code":
            first, rest, text = f"{first}    ", f"{rest}    ", node.content.rstrip("\n")
        case "hr":
            text = "* * *"
        case _:
            text = _inline(node.children, shelf)
    lines = text.split("\n")
    shown = [f"{rest if number else first}{line}".rstrip() for number, line in enumerate(lines)]
    return "\n".join(shown) + ("\n" if tight else "\n\n")


def _list(node: Node, shelf: Shelf, first: str, rest: str) -> str:
    out = []
    number = node.number
    for item in node.children:
        if item.kind == "statement":
            out.append(item.content)
            continue
        mark = "- " if node.kind == "bullet_list" else f"{number}. "
        number += 1
        out.append(
            _blocks(item.children, shelf, first=first + mark, rest=rest + " " * len(mark), tight=node.tight)
            or f"{first}{mark}".rstrip() + "\n"
        )
        first = rest
    return "".join(out)


def _inline(nodes: list[Node], shelf: Shelf) -> str:
    return "".join(_word(node, shelf) for node in nodes)


def _word(node: Node, shelf: Shelf) -> str:
    match node.kind:
        case "softbreak":
            return " "
        case "hardbreak":
            return "\n"
        case "code_inline":
            return f"`{node.content}`"
        case "image":
            return f"[{node.content}]" if node.content else ""
        case "link":
            shown = _inline(node.children, shelf)
            if node.number < 0:
                bare = node.target.partition(":")[2] or node.target
                return shown if plain(node.children) in (bare, node.target) else f"{shown} ({bare})"
            address = link_word(node.number, shelf)
            return address if plain(node.children) == node.target else f"{shown} ({address})"
        case _:
            return node.content or _inline(node.children, shelf)
