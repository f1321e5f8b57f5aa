"""`# drip: ignore=RULE reason`: on the line of a finding or the line above it, or at the top for the whole file."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from difflib import get_close_matches

from drip.course.positions import Node, Row, Scalar, Source, Span, Table

_COMMENT = re.compile(r"#[ \t]*drip:[ \t]*ignore\b[ \t]*=?[ \t]*([\w,-]*)[ \t]*([^\r\n]*)")
#: One for every mail that a course may have; what comes after them ignores nothing.
MOST_COMMENTS = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Ignore:
    """One rule that is to be left in peace, where, and why. `top` is for the whole file."""

    rule: str
    reason: str
    line: int
    top: bool
    span: Span


def ignores(source: Source, tree: Table | None) -> list[Ignore]:
    """Every such comment of a course file, or (without a tree) of a layout, where it stands in `{# … #}`."""
    if "drip:" not in source.text:
        return []
    texts = sorted(_scalars(tree)) if tree is not None else []
    begins = min((span[0] for span in tree.keys_at.values()), default=0) if tree is not None else 0
    found: list[Ignore] = []
    for comment in _COMMENT.finditer(source.text):
        start = comment.start()
        at = bisect_right(texts, (start, len(source.text)))
        if at and start < texts[at - 1][1]:
            continue  # a text about drip, not a comment
        reason = comment[2].partition("#}")[0].rstrip().removesuffix("-").strip()
        top = start < begins
        for rule in comment[1].split(",", MOST_COMMENTS - len(found)):
            if len(found) == MOST_COMMENTS:
                return found
            found.append(
                Ignore(rule=rule, reason=reason, line=source.line(comment.span()), top=top, span=comment.span())
            )
    return found


def _scalars(node: Node) -> Iterator[Span]:
    """The places of block and quoted texts, in which a # begins nothing."""
    stack: list[Node] = [node]
    while stack:
        one = stack.pop()
        if isinstance(one, Scalar):
            yield one.span
        else:
            stack.extend(one.values() if isinstance(one, Table) else one if isinstance(one, Row) else ())


def problem(ignore: Ignore, known: Collection[str]) -> tuple[str, str, str] | None:
    """What is wrong with a comment itself, as (rule, message, what to write), or None."""
    if ignore.rule not in known:
        close = get_close_matches(ignore.rule, known, n=1)
        hint = f'did you mean "{close[0]}"?' if close else ""
        return "unknown-rule", f'there is no rule "{ignore.rule}"' if ignore.rule else "no rule is named", hint
    if not ignore.reason:
        return (
            "no-reason",
            f"{ignore.rule} is ignored without a reason",
            f"write # drip: ignore={ignore.rule} because …",
        )
    return None
