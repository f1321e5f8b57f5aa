"""The body of a tip: Markdown with Jinja → a tree of a few kinds of node → an HTML fragment.

The plain text part is made from the same tree (see plain.py), never from the HTML. A statement such as `{% if … %}`
alone on its line stands between blocks; one that opens and closes around a whole paragraph or list item takes the
paragraph or item with it, so that a condition that does not hold leaves nothing behind.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import escape

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.token import Token
from markdown_it.tree import SyntaxTreeNode

from drip.errors import UserError
from drip.render.conditions import depth_after, settle, statements
from drip.render.links import is_untracked, link_target, untracked
from drip.render.shelf import Shelf
from drip.render.tree import CONTAINERS, Node, plain

#: The preheader that a tip without one gets: its first paragraphs, cut after a word within so many characters.
LEAD = 130
#: A picture that we host (decision 007): digits of the hash of its content, and its kind (see course/pictures.py).
MEDIA = re.compile(r"m/([0-9a-f]{16}\.(?:png|jpg|gif|webp))\Z")
#: Emphasis in emphasis, lists in lists: no sensible body goes a tenth as deep.
DEEPEST = 50

_TAGS = {"em": "em", "strong": "strong", "blockquote": "blockquote", "bullet_list": "ul", "list_item": "li"}


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
    tokens = _READER.parse(shelf.hide(markdown, keep_space=True), {"statement": shelf.statement})
    _refuse_depth(tokens)
    root = SyntaxTreeNode(tokens)
    nodes = settle([_node(child, shelf, links) for child in root.children], shelf)
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
            return f"<{_TAGS[kind]}>{inner}</{_TAGS[kind]}>" + ("\n" if kind in CONTAINERS else "")


def _refuse_depth(tokens: list[Token]) -> None:
    """Trees are walked by recursion from here on."""
    left = [(token, 0) for token in tokens]
    while left:
        token, above = left.pop()
        if above + token.level > DEEPEST:
            raise UserError(
                "the body is nested too deeply\n  is there a long row of * or _ that should be a line, ---?"
            )
        left.extend((child, above + token.level) for child in token.children or ())


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
            return Node(kind, content=alt, target=picture_address(str(tree.attrs["src"]), shelf))
        case "link":
            address, number = str(tree.attrs["href"]), -1
            if is_untracked(address, shelf):
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


def picture_address(address: str, shelf: Shelf) -> str:
    """Where a picture is fetched: https as it is, or the word for the place of a file that we host (decision 007)."""
    if MEDIA.match(address):
        return shelf.put("{{ media_url }}") + address.removeprefix("m")
    if not address.startswith("https://") or shelf.word.search(address):
        hint = "a picture has a literal address that starts with https://, or is a file beside the course"
        raise UserError(f"the picture {shelf.restore(address)!r} cannot be shown in a mail\n  {hint}")
    return address


def _keep_one_title(nodes: list[Node], shelf: Shelf) -> bool:
    """Make every first-level heading but the first unconditional one a second-level one; say whether there is one."""
    depth, found = 0, False
    for node in nodes:
        if node.kind == "heading" and node.number == 1 and depth == 0 and not found and plain(node.children).strip():
            found = True
        else:
            _demote(node)
        depth = depth_after(depth, statements(node, shelf), shelf)
    return found


def _demote(node: Node) -> None:
    if node.kind == "heading" and node.number == 1:
        node.number = 2
    for child in node.children:
        _demote(child)


def _lead(nodes: list[Node], shelf: Shelf) -> str:
    """The first words of a body, as far as they are the same for everyone."""
    lead, depth = "", 0
    for node in nodes:
        words = list(statements(node, shelf))
        if node.kind == "paragraph" and depth == 0:
            if words or len(lead) > LEAD:
                break
            lead = f"{lead} {plain(node.children)}".strip()
        elif lead:
            break
        depth = depth_after(depth, words, shelf)
    return lead if len(lead) <= LEAD else lead[:LEAD].rpartition(" ")[0] + " …"


_READER = MarkdownIt("commonmark", {"html": False, "linkify": False, "typographer": False})
_READER.block.ruler.before(
    "code", "statement", _statement_block, {"alt": ["paragraph", "reference", "blockquote", "list"]}
)
