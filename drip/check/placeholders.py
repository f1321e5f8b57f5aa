"""Advice on placeholders: those that are not filled where they stand, and those that some learner has no value for."""

from __future__ import annotations

from collections.abc import Iterator

from jinja2 import nodes

from drip.course.expressions import environment
from drip.course.model import Course, Tip, Variant
from drip.course.placeholders import placeholders
from drip.course.positions import Path
from drip.errors import Mistake
from drip.plan.model import Plan

#: What every learner has.
ALWAYS_THERE = frozenset({"ref", "email"})
_DEFAULTS = ("default", "d")
_READER = environment(autoescape=False)


def about_placeholders(course: Course, plan: Plan) -> Iterator[Mistake]:
    """Braces that a learner would see, and values that not every learner has."""
    places: list[tuple[Path, str | None]] = [(("title",), course.title), (("sender", "name"), course.sender.name)]
    for path, step in course.walk():
        if isinstance(step, Tip):
            places += _literal_texts(path, step)
            yield from _without_default(course, path, step)
            for number, variant in enumerate(step.variants):
                yield from _without_default(course, (*path, "variants", number), variant)
    for place, text in places:
        if text and (span := next(placeholders(text), None)):
            message = "placeholders are not filled here: the learner sees the braces"
            hint = "they work in subject, preheader, body and button"
            yield course.advice(place, "unfilled-placeholder", message, hint, needle=text[slice(*span)])


def _literal_texts(path: Path, tip: Tip) -> Iterator[tuple[Path, str | None]]:
    yield (*path, "objective"), tip.objective
    if tip.question:
        yield (*path, "question", "ask"), tip.question.ask
        for number, option in enumerate(tip.question.options):
            where = (*path, "question", "options", number)
            yield (*where, "text"), option.text
            yield (*where, "because"), option.because


def _without_default(course: Course, path: Path, said: Tip | Variant) -> Iterator[Mistake]:
    """A mail whose placeholder has no value cannot be sent: it is held until a person looks."""
    texts: list[tuple[Path, str | None]] = [
        ((*path, key), getattr(said, key)) for key in ("subject", "preheader", "body")
    ]
    if said.button:
        texts += [((*path, "button", key), getattr(said.button, key)) for key in ("text", "url")]
    for place, text in texts:
        for name in unguarded(text or ""):
            message = f"a learner without {name} does not get this mail: it is held"
            hint = f'write {{{{ learner.{name} | default("…") }}}}'
            yield course.advice(place, "no-default", message, hint, needle=f"learner.{name}")


def unguarded(text: str) -> tuple[str, ...]:
    """The fields of the learner that a text prints without `default` and outside an `if` that asks for them."""
    if "learner" not in text:
        return ()
    return tuple(dict.fromkeys(_printed(_READER.parse(text), ALWAYS_THERE)))


def _printed(node: nodes.Node, guarded: frozenset[str]) -> Iterator[str]:
    match node:
        case nodes.If() | nodes.CondExpr():
            asked = frozenset(_fields(node.test))
            for child in node.iter_child_nodes(exclude=["test"]):
                yield from _printed(child, guarded | asked)
        case nodes.Filter(name=name) if name in _DEFAULTS:
            return
        case nodes.Getattr(node=nodes.Name(name="learner"), attr=str(field)):
            if field not in guarded:
                yield field
        case _:
            for child in node.iter_child_nodes():
                yield from _printed(child, guarded)


def _fields(node: nodes.Node) -> Iterator[str]:
    for found in (node, *node.find_all(nodes.Getattr)):
        if isinstance(found, nodes.Getattr) and isinstance(found.node, nodes.Name) and found.node.name == "learner":
            yield found.attr
