"""Conditions and placeholders: read them, list the names they use, evaluate them against Facts.

The language is Jinja's own expression grammar, cut down to a list of allowed nodes and run in Jinja's sandbox; `when`,
`if`, bodies and checks share it. A learner's data is only ever a value in it, never source. What a learner does not
have is *missing*: it equals nothing, has no order, and cannot be printed unless `default(…)` says what instead.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from typing import NoReturn, TypedDict

from jinja2 import TemplateError, TemplateSyntaxError, nodes
from jinja2.parser import Parser

from drip.course.evaluate import Value, value_of
from drip.course.misread import code_only, left_over, misread
from drip.course.scope import FILTERS, TESTS, environment, variables
from drip.errors import ExpressionError

__all__ = ["Names", "environment", "holds", "parse_condition", "parse_text", "variables"]

#: What a condition may call: name → whether it takes one text in quotes (a step, a question, an event, a skill).
FUNCTIONS: Mapping[str, bool] = {
    "sent": True,
    "opened": True,
    "clicked": True,
    "answered": True,
    "correct": True,
    "score": False,
    "event": True,
    "mastered": True,
}
#: What may stand before a dot.
RECORDS = ("learner", "course", "enrolment")
#: The same in a text.
TEXT_RECORDS = (*RECORDS, "certificate")
#: What each of these has; `learner.` has whatever was imported.
FIELDS: Mapping[str, tuple[str, ...]] = {
    "course": ("id", "title", "language"), "enrolment": ("run",), "certificate": ("url",),
}  # fmt: skip
#: Longer conditions than this are refused; the deepest sensible ones are a tenth of it.
LONGEST = 2_000
DEEPEST = 40

_EXPRESSIONS = (
    nodes.And, nodes.Or, nodes.Not, nodes.Compare, nodes.Operand, nodes.Const, nodes.Name, nodes.Getattr, nodes.Call,
    nodes.Filter, nodes.Test, nodes.Neg, nodes.Pos, nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.Concat,
    nodes.List, nodes.Tuple, nodes.CondExpr,
)  # fmt: skip
_TEXTS = (nodes.Template, nodes.Output, nodes.TemplateData, nodes.If)


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """The names that a text uses: `fields` as (record, field), `calls` as (function, its argument or "").

    `compared` is (field of the learner, Jinja's operator such as eq or gteq, constant) for each direct comparison.
    """

    fields: frozenset[tuple[str, str]] = frozenset()
    calls: frozenset[tuple[str, str]] = frozenset()
    compared: frozenset[tuple[str, str, object]] = frozenset()


_CONDITIONS = environment(autoescape=False)


@lru_cache(maxsize=4096)
def parse_condition(text: str) -> Names:
    """Read a condition and list the names that it uses. Raises ExpressionError with the place inside `text`."""
    _refuse_long(text)
    if not text.strip():
        raise ExpressionError("an empty condition", hint='write something like answered("welcome")')
    parser = None
    try:
        parser = Parser(_CONDITIONS, text, state="variable")
        tree = parser.parse_expression()
        if not parser.stream.eos:
            raise left_over(_CONDITIONS, text, parser)
    except TemplateSyntaxError as error:
        raise misread(_CONDITIONS, text, error, parser, state="variable") from None
    except RecursionError:
        raise ExpressionError("nested too deeply") from None
    return _names(tree, code_only(text, template=False), _EXPRESSIONS, RECORDS)


@lru_cache(maxsize=4096)
def parse_text(text: str) -> Names:
    """Read a text with `{{ … }}` and `{% if … %}` and list the names that it uses. Raises ExpressionError."""
    if "{" not in text:
        return Names()
    parser = None
    try:
        parser = Parser(_CONDITIONS, text)
        tree = parser.parse()
    except TemplateSyntaxError as error:
        raise misread(_CONDITIONS, text, error, parser) from None
    except RecursionError:
        raise ExpressionError("nested too deeply") from None
    return _names(tree, code_only(text, template=True), _EXPRESSIONS + _TEXTS, TEXT_RECORDS)


def holds(text: str, variables: Mapping[str, object]) -> bool:
    """Whether a condition holds for `variables()`. Raises ExpressionError where values do not fit together."""
    try:
        return bool(_compiled(text)(variables))
    except (TemplateError, TypeError, ValueError, ArithmeticError) as error:
        raise ExpressionError(f"{text!r} cannot be decided: {error}") from error


@lru_cache(maxsize=4096)
def _compiled(text: str) -> Value:
    parse_condition(text)  # the allowed nodes are looked at even where a plan came from elsewhere
    plain = value_of(Parser(_CONDITIONS, text, state="variable").parse_expression(), _CONDITIONS)
    return plain or _CONDITIONS.compile_expression(text, undefined_to_none=False)


def _names(tree: nodes.Node, text: str, allowed: tuple[type[nodes.Node], ...], records: tuple[str, ...]) -> Names:
    fields: set[tuple[str, str]] = set()
    calls: set[tuple[str, str]] = set()
    compared: set[tuple[str, str, object]] = set()
    called: set[int] = set()
    dotted: set[int] = set()
    for node, depth in _walk(tree):
        if depth > DEEPEST:
            raise ExpressionError("nested too deeply")
        if not isinstance(node, allowed):
            _refuse_node(node, text)
        if isinstance(node, nodes.Call):
            calls.add(_call(node, text))
            called.add(id(node.node))
        elif isinstance(node, nodes.Getattr):
            fields.add(_field(node, text, records))
            dotted.add(id(node.node))
        elif isinstance(node, nodes.Compare):
            compared.update(_compared(node))
        elif isinstance(node, nodes.Mul):
            _refuse_big_products(node, text)
        elif isinstance(node, nodes.Filter):
            _check_filter(node, text)
        elif isinstance(node, nodes.Test) and node.name not in TESTS:
            raise _unknown("test", node.name, TESTS, text)
        elif isinstance(node, nodes.Name) and id(node) not in called | dotted:
            if node.name in FUNCTIONS:
                raise ExpressionError(
                    f"{node.name} is called with brackets", **_at(text, node.name), hint=_usage(node.name)
                )
            if node.name in records:
                field = FIELDS.get(node.name, ("email",))[0]
                hint = f"such as {node.name}.{field}"
                raise ExpressionError(f"{node.name} needs a dot", **_at(text, node.name), hint=hint)
            raise _unknown("name", node.name, (*records, *FUNCTIONS), text)
    return Names(fields=frozenset(fields), calls=frozenset(calls), compared=frozenset(compared))


def _compared(node: nodes.Compare) -> Iterator[tuple[str, str, object]]:
    """Each field of the learner that stands beside a constant, or in a list of them; `1 < learner.x` is one too."""
    left: nodes.Node = node.expr
    for operand in node.ops:
        for field, other in ((left, operand.expr), (operand.expr, left)):
            if isinstance(field, nodes.Getattr) and isinstance(field.node, nodes.Name) and field.node.name == "learner":
                for constant in other.items if isinstance(other, nodes.List | nodes.Tuple) else (other,):
                    if isinstance(constant, nodes.Neg) and isinstance(constant.node, nodes.Const):
                        yield field.attr, operand.op, -1
                    elif isinstance(constant, nodes.Const):
                        yield field.attr, operand.op, constant.value
        left = operand.expr


def _walk(tree: nodes.Node) -> Iterator[tuple[nodes.Node, int]]:
    stack = [(tree, 0)]
    while stack:
        node, depth = stack.pop()
        yield node, depth
        stack.extend((child, depth + 1) for child in reversed(list(node.iter_child_nodes())))


def _call(node: nodes.Call, text: str) -> tuple[str, str]:
    name = node.node.name if isinstance(node.node, nodes.Name) else ""
    if name not in FUNCTIONS:
        raise _unknown("function", name or "this", tuple(FUNCTIONS), text)
    plain = not (node.kwargs or node.dyn_args or node.dyn_kwargs)
    if not FUNCTIONS[name]:
        if node.args or not plain:
            raise ExpressionError(f"{name}() takes nothing in its brackets", **_at(text, name))
        return name, ""
    match node.args:
        case [nodes.Const(value=str(argument))] if plain:
            return name, argument
    raise ExpressionError(f"{name} takes one text in quotes", **_at(text, name), hint=_usage(name))


def _field(node: nodes.Getattr, text: str, records: tuple[str, ...]) -> tuple[str, str]:
    record = node.node.name if isinstance(node.node, nodes.Name) else ""
    if isinstance(node.node, nodes.Getattr):
        raise ExpressionError(f'"{node.node.attr}" has no fields', **_at(text, node.attr), hint="one dot is the most")
    if record not in records and record in TEXT_RECORDS:
        raise ExpressionError(f"{record}.{node.attr} stands in texts only", **_at(text, record))
    if record not in records:
        raise _unknown("name", record or node.attr, records, text)
    if node.attr.startswith("_"):
        raise ExpressionError(f"{record}.{node.attr} cannot be used", **_at(text, node.attr))
    known = FIELDS.get(record)
    if known is not None and node.attr not in known:
        raise _unknown(f"field of {record}", node.attr, known, text)
    return record, node.attr


def _check_filter(node: nodes.Filter, text: str) -> None:
    if node.name not in FILTERS:
        raise _unknown("filter", node.name, FILTERS, text)
    if node.name == "round" and not _constants(node, int, at_most=1):
        raise ExpressionError("round takes a number of digits", **_at(text, "round"), hint="such as round(1)")
    if node.name == "replace":
        if not _constants(node, str, at_most=2):
            raise ExpressionError("replace takes two texts in quotes", **_at(text, "replace"))
        # Each one may make a text many times longer: a chain of them fills the memory.
        inner = _walk(node.node) if node.node is not None else iter(())
        if any(isinstance(child, nodes.Filter) and child.name == "replace" for child, _ in inner):
            raise ExpressionError("replace can be used once in a placeholder", **_at(text, "replace"))


def _constants(node: nodes.Filter, kind: type[int | str], *, at_most: int) -> bool:
    """Whether a filter's arguments are so many constants of that kind; a number has one digit."""
    values = [argument.value for argument in node.args if isinstance(argument, nodes.Const)]
    plain = not (node.kwargs or node.dyn_args or node.dyn_kwargs) and len(values) == len(node.args) <= at_most
    return plain and all(isinstance(value, kind) and (isinstance(value, str) or 0 <= value <= 9) for value in values)


def _refuse_node(node: nodes.Node, text: str) -> NoReturn:
    if isinstance(node, nodes.Getitem):
        raise ExpressionError("square brackets cannot be used", **_at(text, "["), hint="write learner.name")
    what = type(node).__name__.lower()
    statement = isinstance(node, nodes.Stmt)
    hint = "a text may use {{ … }} and {% if … %}…{% endif %}" if statement else "compare, and join with and, or, not"
    place = _at(text, what) if statement else _Place(offset=0, width=1)
    raise ExpressionError(f"“{what}” cannot be used here", **place, hint=hint)


def _unknown(kind: str, name: str, known: tuple[str, ...], text: str) -> ExpressionError:
    close = get_close_matches(name, known, n=1)
    hint = f'did you mean "{close[0]}"?' if close else f"known are: {', '.join(known)}"
    return ExpressionError(f'unknown {kind} "{name}"', **_at(text, name), hint=hint)


def _usage(name: str) -> str:
    return f'write {name}("…")' if FUNCTIONS[name] else f"write {name}()"


def _refuse_big_products(node: nodes.Mul, text: str) -> None:
    """Only numbers are multiplied: a text times a number could fill the memory."""
    for child, _ in _walk(node):
        number = isinstance(child, nodes.Const) and isinstance(child.value, int | float)
        scored = isinstance(child, nodes.Call) or (isinstance(child, nodes.Name) and child.name == "score")
        if not (number or scored or isinstance(child, nodes.BinExpr | nodes.UnaryExpr)):
            raise ExpressionError("only numbers and score() can be multiplied", **_at(text, "*"))


class _Place(TypedDict):
    offset: int
    width: int


def _at(code: str, needle: str) -> _Place:
    edges = (r"(?<!\w)", r"(?!\w)") if needle.isidentifier() else ("", "")
    found = re.search(edges[0] + re.escape(needle) + edges[1], code)
    return _Place(offset=found.start() if found else 0, width=len(needle))


def _refuse_long(text: str) -> None:
    if len(text) > LONGEST:
        raise ExpressionError(f"a condition of {len(text)} characters; {LONGEST} is the most")
