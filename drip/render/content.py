"""The body of a tip: Markdown with Jinja → a tree of a few kinds of node → an HTML fragment.

The plain text part is made from the same tree (see plain.py), never from the HTML. A statement such as `{% if … %}`
alone on its line stands between blocks; one that opens and closes around a whole paragraph or list item takes the
paragraph or item with it, so that a condition that does not hold leaves nothing behind.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from html import escape

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.tree import SyntaxTreeNode

from drip.errors import ExpressionError, UserError
from drip.render.links import is_untracked, link_target, untracked
from drip.render.shelf import Shelf

#: The preheader that a tip without one gets: its first paragraph, cut after a word within so many characters.
LEAD = 130

_CONTAINERS = ("bullet_list", "ordered_list", "list_item", "blockquote")
#: How statements open and close conditions.
_STEP = {"if": 1, "endif": -1}
_TAGS = {"em": "em", "strong": "strong", "blockquote": "blockquote", "bullet_list": "ul", "list_item": "li"}


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """A read body: its nodes, the targets of its tracked links in order (Jinja source), whether it has a title of its
    own, and its first words for a preheader ("" where they depend on a condition).
    """

    nodes: tuple[Node, ...]
    links: tuple[str, ...]
    has_title: bool
    lead: str


def read_body(markdown: str, shelf: Shelf) -> Body:
    """Read Markdown and set its Jinja on the shelf. Raises ExpressionError, or UserError for a link or picture that a
    mail cannot have.
    """
    links: list[str] = []
    root = SyntaxTreeNode(_READER.parse(shelf.hide(markdown, keep_space=True), {"statement": shelf.statement}))
    nodes = _settle([_node(child, shelf, links) for child in root.children], shelf)
    return Body(
        nodes=tuple(nodes), links=tuple(links), has_title=_keep_one_title(nodes, shelf), lead=_lead(nodes, shelf)
    )


def to_html(nodes: tuple[Node, ...] | list[Node], shelf: Shelf) -> str:
    """The nodes as an HTML fragment, well-formed as XML, with words where its Jinja and its links' addresses stand."""
    return "".join(_html(node, shelf) for node in nodes)


def link_word(number: int, shelf: Shelf) -> str:
    """The word for the address of a tracked link, which is known only when a message is made."""
    return shelf.put(f"{{{{ link_{number} }}}}")


def _html(node: Node, shelf: Shelf) -> str:
    inner = to_html(node.children, shelf)
    match node.kind:
        case "text" | "statement":
            return escape(node.content, quote=False)
        case "paragraph":
            return inner if node.tight else f"<p>{inner}</p>\n"
        case "heading":
            return f"<h{node.number}>{inner}</h{node.number}>\n"
        case "ordered_list":
            start = "" if node.number == 1 else f' start="{node.number}"'
            return f"<ol{start}>{inner}</ol>\n"
        case "code":
            return f'<pre dir="ltr"><code>{escape(node.content, quote=False)}</code></pre>\n'
        case "code_inline":
            return f'<code dir="ltr">{escape(node.content, quote=False)}</code>'
        case "hr":
            return "<hr />\n"
        case "softbreak":
            return "\n"
        case "hardbreak":
            return "<br />\n"
        case "link":
            address = link_word(node.number, shelf) if node.number >= 0 else escape(node.target)
            return f'<a href="{address}">{inner}</a>'
        case "image":
            return f'<img src="{escape(node.target)}" alt="{escape(node.content)}" />'
        case kind:
            return f"<{_TAGS[kind]}>{inner}</{_TAGS[kind]}>" + ("\n" if kind in _CONTAINERS else "")


def plain(nodes: list[Node]) -> str:
    """The words of inline nodes, with nothing around them."""
    return "".join(
        " " if node.kind in ("softbreak", "hardbreak") else node.content or plain(node.children) for node in nodes
    )


def _statement_block(state: StateBlock, start_line: int, end_line: int, silent: bool) -> bool:
    """A block rule of markdown-it: a line of nothing but statements is a block of its own."""
    begin = state.bMarks[start_line] + state.tShift[start_line]
    line = state.src[begin : state.eMarks[start_line]].strip()
    if not line or state.env["statement"].sub("", line).strip():
        return False
    if not silent:
        state.line = start_line + 1
        state.push("statement", "", 0).content = line
    return True


def _node(tree: SyntaxTreeNode, shelf: Shelf, links: list[str]) -> Node:
    kind = tree.type
    children = tree.children
    if children and children[0].type == "inline":
        children = children[0].children
    match kind:
        case "text" | "code_inline" | "statement":
            return Node(kind, content=tree.content)
        case "fence" | "code_block":
            return Node("code", content=tree.content)
        case "softbreak" | "hardbreak" | "hr":
            return Node(kind)
        case "image":
            alt = plain([_node(child, shelf, links) for child in children])
            return Node(kind, content=alt, target=_picture(str(tree.attrs["src"]), shelf))
        case "link":
            address, number = str(tree.attrs["href"]), -1
            if is_untracked(address):
                address = untracked(address, shelf)
            else:
                number = len(links)
                links.append(link_target(address, shelf))
            return Node(kind, [_node(c, shelf, links) for c in children], target=address, number=number)
        case _:
            pass
    node = Node(kind, [_node(child, shelf, links) for child in children])
    match kind:
        case "paragraph":
            node.tight = tree.hidden
        case "heading":
            node.number = int(tree.tag[1:])
        case "ordered_list":
            node.number = int(tree.attrs.get("start", 1))
        case _:
            pass
    if kind in ("bullet_list", "ordered_list"):
        node.tight = all(block.tight for item in node.children for block in item.children if block.kind == "paragraph")
    return node


def _picture(address: str, shelf: Shelf) -> str:
    if not address.startswith("https://") or shelf.word.search(address):
        hint = "a picture in a body has a literal address that starts with https://"
        raise UserError(f"the picture {shelf.restore(address)!r} cannot be shown in a mail\n  {hint}")
    return address


def _settle(nodes: list[Node], shelf: Shelf) -> list[Node]:
    """Move statements outwards from paragraphs, items and lists that they would otherwise leave empty or cut in two.

    Raises ExpressionError where a condition begins inside something and ends outside of it all the same.
    """
    out: list[Node] = []
    for node in nodes:
        if node.kind in _CONTAINERS:
            node.children = _settle(node.children, shelf)
        for part in _split(node, shelf) if node.kind == "paragraph" else [node]:
            before, after = _loosen(part, shelf) if part.kind in (*_CONTAINERS, "paragraph", "heading") else ([], [])
            out.extend(Node("statement", content=word) for word in before)
            if part.children or not (before or after):
                _refuse_crossing(part, shelf)
                out.append(part)
            out.extend(Node("statement", content=word) for word in after)
    return out


def _split(paragraph: Node, shelf: Shelf) -> list[Node]:
    """A paragraph, cut at the statements in the midst of it whose other half is in another paragraph."""
    alone = _unpaired([word for child in paragraph.children for word in _statements(child, shelf)], shelf)
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
        words = list(_statements(node, shelf))
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
    if _unpaired(list(_statements(node, shelf)), shelf):
        raise ExpressionError(
            "a condition begins inside a list item, a link or the like and ends outside of it",
            hint="put {% if … %} and {% endif %} around whole paragraphs or items, or both into the same words",
        )
    for child in node.children:
        _refuse_crossing(child, shelf)


def _statements(node: Node, shelf: Shelf) -> Iterator[str]:
    yield from shelf.statement.findall(node.content)
    for child in node.children:
        yield from _statements(child, shelf)


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


def _keep_one_title(nodes: list[Node], shelf: Shelf) -> bool:
    """Make every first-level heading but the first unconditional one a second-level one; say whether there is one."""
    depth, found = 0, False
    for node in nodes:
        if node.kind == "heading" and node.number == 1 and depth == 0 and not found:
            found = True
        else:
            _demote(node)
        for word in _statements(node, shelf):
            depth += _STEP.get(shelf.tag(word), 0)
    return found


def _demote(node: Node) -> None:
    if node.kind == "heading" and node.number == 1:
        node.number = 2
    for child in node.children:
        _demote(child)


def _lead(nodes: list[Node], shelf: Shelf) -> str:
    depth = 0
    for node in nodes:
        words = list(_statements(node, shelf))
        if node.kind == "paragraph" and depth == 0:
            text = plain(node.children)
            cut = text if len(text) <= LEAD else text[:LEAD].rpartition(" ")[0] + " …"
            return "" if words else cut
        for word in words:
            depth += _STEP.get(shelf.tag(word), 0)
    return ""


_READER = MarkdownIt("commonmark", {"html": False, "linkify": False, "typographer": False})
_READER.block.ruler.before(
    "code", "statement", _statement_block, {"alt": ["paragraph", "reference", "blockquote", "list"]}
)
