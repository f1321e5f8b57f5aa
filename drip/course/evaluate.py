"""Expressions as plain Python functions, for the few shapes that almost all of them have.

Jinja would give the same values, at the price of a context and a sandboxed call for each. Whatever has another shape is
left to Jinja: an expression's meaning is Jinja's, and here are only the parts of it that a reader can compare by eye.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from jinja2 import Environment, Undefined, nodes

#: What an expression gives for `scope.variables()` and whatever else a text is filled with.
Value = Callable[[Mapping[str, Any]], Any]

_COMPARED: Mapping[str, Callable[[Any, Any], Any]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "lt": operator.lt,
    "lteq": operator.le,
    "gt": operator.gt,
    "gteq": operator.ge,
    "in": lambda one, many: one in many,
    "notin": lambda one, many: one not in many,
}


def value_of(node: nodes.Node, env: Environment) -> Value | None:
    """The expression as a function, or None where only Jinja can tell. It raises what Jinja would, and KeyError for a
    name that it is not given.
    """
    match node:
        case nodes.Const(value=constant):
            return lambda names: constant
        case nodes.List(items=items) | nodes.Tuple(items=items):
            constants = _constants(items)
            return None if constants is None else lambda names: constants
        case nodes.Name(name=name):
            return operator.itemgetter(name)
        case nodes.Getattr(node=nodes.Name(name=record), attr=field):
            look_up = env.getattr
            return lambda names: look_up(names[record], field)
        case nodes.Call(node=nodes.Name(name=function), args=args, kwargs=[], dyn_args=None, dyn_kwargs=None):
            given = _constants(args)
            return None if given is None else lambda names: names[function](*given)
        case nodes.Not(node=inner):
            value = value_of(inner, env)
            return value and (lambda names: not value(names))
        case nodes.And(left=left, right=right):
            return _both(left, right, env, lambda one, other: lambda names: one(names) and other(names))
        case nodes.Or(left=left, right=right):
            return _both(left, right, env, lambda one, other: lambda names: one(names) or other(names))
        case nodes.Compare(expr=left, ops=[nodes.Operand(op=sign, expr=right)]):
            compare = _COMPARED[sign]
            return _both(left, right, env, lambda one, other: lambda names: compare(one(names), other(names)))
        case nodes.Filter(node=nodes.Node() as inner, name="default" | "d", args=[instead], kwargs=[]):
            return _both(inner, instead, env, _default)
        case _:
            return None


def _constants(items: Sequence[nodes.Node]) -> list[Any] | None:
    constants = [item.value for item in items if isinstance(item, nodes.Const)]
    return constants if len(constants) == len(items) else None


def _default(value: Value, instead: Value) -> Value:
    def found(names: Mapping[str, Any]) -> Any:
        known, other = value(names), instead(names)  # both, as Jinja does: either may raise
        return other if isinstance(known, Undefined) else known

    return found


def _both(one: nodes.Node, other: nodes.Node, env: Environment, join: Callable[[Value, Value], Value]) -> Value | None:
    left, right = value_of(one, env), value_of(other, env)
    return join(left, right) if left and right else None
