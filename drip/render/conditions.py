"""Where conditions stand in a body: around whole paragraphs, items and lists, or inside one sentence.

A statement such as `{% if … %}` is only a word in the tree. It moves outwards from what it would otherwise leave empty,
and what it would cut in two is cut before, so that every tag is closed whichever way a condition goes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from drip.errors import ExpressionError
from drip.render.shelf import Shelf
from drip.render.tree import CONTAINERS, Node, plain

#: How statements open and close conditions.
_STEP = {"if": 1, "endif": -1}


def settle(nodes: list[Node], shelf: Shelf) -> list[Node]:
    """Move statements outwards from paragraphs, items and lists that they would otherwise leave empty or cut in two.

    Raises ExpressionError where a condition begins inside something and ends outside of it all the same.
    """
    out: list[Node] = []
    for node in nodes:
        if node.kind in CONTAINERS:
            node.children = settle(node.children, shelf)
        for part in _split(node, shelf) if node.kind == "paragraph" else [node]:
            before, after = _loosen(part, shelf) if part.kind in (*CONTAINERS, "paragraph", "heading") else ([], [])
            out.extend(Node("statement", content=word) for word in before)
            if part.children or not (before or after):
                _refuse_crossing(part, shelf)
                out.append(part)
            out.extend(Node("statement", content=word) for word in after)
    return out


def _split(paragraph: Node, shelf: Shelf) -> list[Node]:
    """A paragraph, cut at the statements in the midst of it whose other half is in another paragraph."""
    alone = _unpaired([word for child in paragraph.children for word in statements(child, shelf)], shelf)
    parts: list[Node] = [Node("paragraph", tight=paragraph.tight)]
    for child in paragraph.children:
        place = next((word for word in alone if child.kind == "text" and word in child.content), None)
        while place is not None:
            head, _, tail = child.content.partition(place)
            parts[-1].children.append(Node("text", content=head.rstrip()))
            parts.append(Node("statement", content=place))
            parts.append(Node("paragraph", tight=paragraph.tight))
            child = Node("text", content=tail.lstrip())
            place = next((word for word in alone if word in child.content), None)
        parts[-1].children.append(child)
    return [part for part in parts if part.kind == "statement" or plain(part.children).strip() or len(parts) == 1]


def _loosen(node: Node, shelf: Shelf) -> tuple[list[str], list[str]]:
    """Take from a node the statements at its edges that belong outside of it: those whose other half is elsewhere, and
    pairs around all of it.
    """
    before: list[str] = []
    after: list[str] = []
    while node.children:
        words = list(statements(node, shelf))
        alone = _unpaired(words, shelf)
        first, last = _edge(node.children[0], 0, shelf), _edge(node.children[-1], -1, shelf)
        if first in alone:
            before.append(_take(node, 0, str(first)))
        elif last in alone:
            after.insert(0, _take(node, -1, str(last)))
        elif first and _embraces(words, last, shelf):
            before.append(_take(node, 0, first))
            after.insert(0, _take(node, -1, str(last)))
        else:
            break
    return before, after


def _refuse_crossing(node: Node, shelf: Shelf) -> None:
    if node.kind in ("text", "statement"):
        return  # their pairs are looked for in what they stand in
    if _unpaired(list(statements(node, shelf)), shelf):
        raise ExpressionError(
            "a condition begins inside a list item, a link or the like and ends outside of it",
            hint="put {% if … %} and {% endif %} around whole paragraphs or items, or both into the same words",
        )
    for child in node.children:
        _refuse_crossing(child, shelf)


def statements(node: Node, shelf: Shelf) -> Iterator[str]:
    """The words of all statements in a node, in their order."""
    yield from shelf.statement.findall(node.content)
    for child in node.children:
        yield from statements(child, shelf)


def _edge(node: Node, end: int, shelf: Shelf) -> str | None:
    """The statement's word at the start (0) or end (-1) of a node, if it begins or ends with one."""
    if node.kind not in ("text", "statement"):
        return None
    found = shelf.statement.findall(node.content)
    if not found:
        return None
    content = node.content.strip()
    word = str(found[end])
    return word if (content.startswith(word) if end == 0 else content.endswith(word)) else None


def _take(node: Node, end: int, word: str) -> str:
    child = node.children[end]
    content = child.content.strip()
    child.content = content.removeprefix(word).lstrip() if end == 0 else content.removesuffix(word).rstrip()
    if not child.content:
        del node.children[end]
        while node.children and node.children[end].kind == "softbreak":
            del node.children[end]
    return word


def _unpaired(words: list[str], shelf: Shelf) -> set[str]:
    """The statements among these words whose other half is not among them."""
    open_ones: list[list[str]] = []
    alone: set[str] = set()
    for word in words:
        match shelf.tag(word):
            case "if":
                open_ones.append([word])
            case "endif" if open_ones:
                open_ones.pop()
            case _ if open_ones:
                open_ones[-1].append(word)
            case _:
                alone.add(word)
    return alone.union(*open_ones)


def _embraces(words: list[str], last: str | None, shelf: Shelf) -> bool:
    """Whether the first of paired words is an `if` that the last ends, with no other way between them."""
    depth = 0
    for word in words:
        tag = shelf.tag(word)
        depth += _STEP.get(tag, 0)
        if depth == 0:
            return word == last
        if depth == 1 and tag in ("else", "elif"):
            return False
    return False


def depth_after(depth: int, words: Iterable[str], shelf: Shelf) -> int:
    """How many conditions are open after these statements."""
    return depth + sum(_STEP.get(shelf.tag(word), 0) for word in words)
