"""Whether a condition can be true for anybody: its contradictions, found without a learner.

A condition is taken apart into the ways in which it may hold, each a list of claims that must hold together. A way is
impossible where two of its claims exclude each other. What cannot be decided counts as possible.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import product

from jinja2 import nodes
from jinja2.parser import Parser

from drip.course.expressions import environment

#: A condition with more ways to hold than this is taken to be possible.
MOST_WAYS = 64

_READER = environment(autoescape=False)
_MIRRORED = {"lt": "gt", "gt": "lt", "lteq": "gteq", "gteq": "lteq", "eq": "eq", "ne": "ne"}
#: Calls that, once true, stay true for the rest of the run.
_LASTING = frozenset({"sent", "opened", "clicked", "answered", "correct", "event", "mastered"})
#: A call → what must have happened before it can be true.
_NEEDS = {"correct": "answered", "opened": "sent", "clicked": "sent"}


@dataclass(frozen=True, slots=True)
class Claim:
    """One expression without `and`, `or` and `not`, and whether it must be true or false."""

    node: nodes.Expr
    holds: bool


@lru_cache(maxsize=4096)
def _read(text: str) -> nodes.Expr:
    return Parser(_READER, text, state="variable").parse_expression()


def never_true(text: str, given: Iterable[str] = ()) -> bool:
    """Whether a valid condition is false for everybody, where all of `given` were true some time before."""
    ways = _ways(_read(text), holds=True)
    before = [claim for one in given for claim in _lasting(one)]
    return ways is not None and all(_impossible([*before, *way]) for way in ways)


def always_true(text: str) -> bool:
    """Whether a valid condition holds for everybody."""
    ways = _ways(_read(text), holds=False)
    return ways is not None and all(_impossible(way) for way in ways)


def _lasting(text: str) -> list[Claim]:
    """The claims of a condition that was true once and that cannot have become false since."""
    ways = _ways(_read(text), holds=True)
    if ways is None or len(ways) != 1:
        return []
    return [claim for claim in ways[0] if claim.holds and (call := _call(claim.node)) and call[0] in _LASTING]


def _ways(node: nodes.Expr, *, holds: bool) -> list[list[Claim]] | None:
    """Every way in which `node` holds (or fails), None where there are too many."""
    match node:
        case nodes.Not():
            return _ways(node.node, holds=not holds)
        case nodes.And() | nodes.Or():
            one_side, other_side = _ways(node.left, holds=holds), _ways(node.right, holds=holds)
            if one_side is None or other_side is None:
                return None
            if isinstance(node, nodes.And) != holds:
                found = one_side + other_side
            else:
                found = [[*one, *other] for one, other in product(one_side, other_side)]
            return found if len(found) <= MOST_WAYS else None
        case nodes.Const(value=bool(value)):
            return [[]] if value == holds else []
        case nodes.Compare(ops=[_, _, *_]) if holds:
            claims, left = [], node.expr
            for operand in node.ops:
                claims.append(Claim(nodes.Compare(left, [operand]), True))
                left = operand.expr
            return [claims]
        case _:
            return [[Claim(node, holds)]]


@dataclass(slots=True)
class _Known:
    """What is known of one value: what it equals and does not, and its bounds (number, whether it is excluded)."""

    equals: list[object] = field(default_factory=list)
    differs: list[object] = field(default_factory=list)
    one_of: list[list[object]] = field(default_factory=list)
    least: tuple[float, bool] = (float("-inf"), False)
    most: tuple[float, bool] = (float("inf"), False)

    def impossible(self) -> bool:
        if any(one != self.equals[0] for one in self.equals[1:]):
            return True
        candidates = self.equals[:1] if self.equals else self.one_of[0] if self.one_of else None
        if candidates is not None:
            return not any(self._allows(value) for value in candidates)
        (least, above), (most, below) = self.least, self.most
        return least > most or (least == most and (above or below))

    def _allows(self, value: object) -> bool:
        if value in self.differs or any(value not in values for values in self.one_of):
            return False
        if isinstance(value, int | float):
            (least, above), (most, below) = self.least, self.most
            return least <= value <= most and not (value == least and above) and not (value == most and below)
        return True


def _impossible(claims: list[Claim]) -> bool:
    texts = {True: set[str](), False: set[str]()}
    known: dict[str, _Known] = {}
    for claim in claims:
        texts[claim.holds].add(_said(claim.node))
        _learn(claim, known)
    if texts[True] & texts[False] or any(one.impossible() for one in known.values()):
        return True
    for claim in claims:
        call = _call(claim.node)
        if claim.holds and call and (need := _NEEDS.get(call[0])) and f"{need}({call[1]})" in texts[False]:
            return True
    return False


def _learn(claim: Claim, known: dict[str, _Known]) -> None:
    """Take in a comparison with a constant. One that must be false says little: a missing value is in no order."""
    if not isinstance(claim.node, nodes.Compare) or len(claim.node.ops) != 1:
        return
    left, (operand,) = claim.node.expr, claim.node.ops
    op, right = operand.op, operand.expr
    if isinstance(left, nodes.Const) and op in _MIRRORED:
        left, op, right = right, _MIRRORED[op], left
    about = known.setdefault(_said(left), _domain(left))
    value = _constant(right)
    if op == ("eq" if claim.holds else "ne") and isinstance(right, nodes.Const):
        about.equals.append(value)
    elif op == ("ne" if claim.holds else "eq") and isinstance(right, nodes.Const):
        about.differs.append(value)
    elif not claim.holds:
        return
    elif op == "in" and isinstance(right, nodes.List | nodes.Tuple):
        if all(isinstance(item, nodes.Const) for item in right.items):
            about.one_of.append([_constant(item) for item in right.items])
    elif isinstance(value, int | float):
        if op in ("gt", "gteq"):
            about.least = max(about.least, (float(value), op == "gt"))
        elif op in ("lt", "lteq"):
            about.most = min(about.most, (float(value), op == "lt"), key=lambda bound: (bound[0], not bound[1]))


def _domain(node: nodes.Expr) -> _Known:
    """Bounds that hold for everybody: a score is from 0 to 1, runs are counted from 1."""
    match node:
        case nodes.Call(node=nodes.Name(name="score")):
            return _Known(least=(0.0, False), most=(1.0, False))
        case nodes.Getattr(node=nodes.Name(name="enrolment"), attr="run"):
            return _Known(least=(1.0, False))
        case _:
            return _Known()


def _constant(node: nodes.Expr) -> object:
    match node:
        case nodes.Const(value=value):
            return value
        case nodes.Neg(node=nodes.Const(value=int() | float() as value)):
            return -value
        case _:
            return None


def _call(node: nodes.Expr) -> tuple[str, str] | None:
    match node:
        case nodes.Call(node=nodes.Name(name=name), args=[nodes.Const(value=str(argument))]):
            return str(name), argument
        case _:
            return None


def _said(node: nodes.Expr) -> str:
    call = _call(node)
    return f"{call[0]}({call[1]})" if call else repr(node)
