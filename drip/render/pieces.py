"""A Jinja source in pieces: what stands there for everybody, and between it what is filled in for each learner.

A mail has some thirty gaps. Most take an address of ours or a learner's value as it is, which costs Jinja many times
more than the look-up itself: such gaps are filled by plain functions. What is anything more is filled by Jinja.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from jinja2 import Environment, UndefinedError, nodes
from markupsafe import escape

from drip.course.evaluate import value_of

_BEYOND_LATIN = re.compile(r"[^\x00-\xff]")
#: Where a character has no other way to be written.
_IN_STYLE = re.compile(r"<(style|script)\b(?:(?!</\1).)*?[^\x00-\xff]", re.DOTALL | re.IGNORECASE)
#: What is filled into one gap.
Gap = Callable[[Mapping[str, Any]], str]


class Pieces:
    """A source, ready to be filled. In HTML all values are escaped, but for those that a bare name stands for: these
    are our own addresses and cards, and are HTML already.
    """

    __slots__ = ("_gaps", "_whole")

    def __init__(self, body: Sequence[nodes.Node], env: Environment, *, in_latin: bool = False) -> None:
        """Raises Jinja's TemplateError. `in_latin`: what stands there is written with Latin-1's characters alone."""
        standing = [""]
        self._gaps: list[Gap] = []
        for node in _flat(body):
            if isinstance(node, nodes.TemplateData):
                standing[-1] += node.data
            else:
                self._gaps.append(_gap(node, env, in_latin=in_latin))
                standing.append("")
        #: Standing text at the even places, and room for what is filled in at the odd ones.
        self._whole = [""] * (2 * len(standing) - 1)
        self._whole[::2] = map(_in_latin, standing) if in_latin else standing

    def fill(self, names: Mapping[str, Any]) -> str:
        """The text for one learner, as Jinja would write it. Raises what Jinja would."""
        whole = self._whole.copy()
        try:
            whole[1::2] = [gap(names) for gap in self._gaps]
        except KeyError as error:
            raise UndefinedError(f"{error} is undefined") from None
        return "".join(whole)


def pieces_of(source: str, env: Environment) -> Pieces:
    """A source in pieces. Raises Jinja's TemplateError.

    Python keeps a text with one character beyond Latin-1 in two bytes for each, which costs a mail a tenth of its
    filling and writing: quotation marks and the like are written as references in HTML, where there are only some.
    """
    beyond = len(_BEYOND_LATIN.findall(source))
    in_latin = bool(env.autoescape) and 0 < beyond < len(source) // 20 and not _IN_STYLE.search(source)
    return Pieces(env.parse(source).body, env, in_latin=in_latin)


def _in_latin(html: str) -> str:
    return html.encode("latin-1", "xmlcharrefreplace").decode("latin-1")


def _flat(body: Sequence[nodes.Node]) -> Iterator[nodes.Node]:
    for node in body:
        if isinstance(node, nodes.Output):
            yield from node.nodes
        else:
            yield node


def _gap(node: nodes.Node, env: Environment, *, in_latin: bool) -> Gap:
    if isinstance(node, nodes.If):
        return _branches(node, env, in_latin=in_latin) or _by_jinja(node, env)
    value = value_of(node, env)
    if value is None:
        return _by_jinja(nodes.Output([node]), env)
    if isinstance(node, nodes.Name):
        return value
    show: Callable[[object], str] = escape if env.autoescape else str
    finalize = env.finalize
    if finalize is None:
        return lambda names: show(value(names))
    return lambda names: show(finalize(value(names)))


def _branches(node: nodes.If, env: Environment, *, in_latin: bool) -> Gap | None:
    """A condition whose tests are plain ones."""
    branches = [(value_of(one.test, env), Pieces(one.body, env, in_latin=in_latin)) for one in (node, *node.elif_)]
    otherwise = Pieces(node.else_, env, in_latin=in_latin)
    tests = [(test, pieces) for test, pieces in branches if test is not None]
    if len(tests) < len(branches):
        return None

    def chosen(names: Mapping[str, Any]) -> str:
        for test, pieces in tests:
            if test(names):
                return pieces.fill(names)
        return otherwise.fill(names)

    return chosen


def _by_jinja(statement: nodes.Node, env: Environment) -> Gap:
    template = env.from_string(nodes.Template([statement], lineno=1))
    return template.render
