"""Placeholders: those that are not filled where they stand, and those that some learner has no value for."""

from __future__ import annotations

from collections.abc import Iterator

from jinja2 import nodes

from drip.check.draft import Draft
from drip.check.finding import Finding
from drip.course.expressions import environment
from drip.course.model import Tip, Variant
from drip.course.placeholders import placeholders
from drip.course.positions import Path

#: What every learner has.
ALWAYS_THERE = frozenset({"ref", "email"})
_DEFAULTS = ("default", "d")
_READER = environment(autoescape=False)


def unfilled(draft: Draft) -> Iterator[Finding]:
    """Braces that a learner would see."""
    course = draft.course
    places: list[tuple[Path, str | None]] = [(("title",), course.title), (("sender", "name"), course.sender.name)]
    for path, step in course.walk():
        if isinstance(step, Tip):
            places += _literal_texts(path, step)
    for place, text in places:
        if text and (span := next(placeholders(text), None)):
            yield Finding(message="placeholders are not filled in here", path=place, needle=text[slice(*span)])


def _literal_texts(path: Path, tip: Tip) -> Iterator[tuple[Path, str | None]]:
    yield (*path, "objective"), tip.objective
    if tip.question:
        yield (*path, "question", "ask"), tip.question.ask
        for number, option in enumerate(tip.question.options):
            where = (*path, "question", "options", number)
            yield (*where, "text"), option.text
            yield (*where, "because"), option.because


def without_default(draft: Draft) -> Iterator[Finding]:
    """Values that not every learner has, printed without saying what instead."""
    for path, step in draft.course.walk():
        if isinstance(step, Tip):
            yield from _gaps(path, step)
            for number, variant in enumerate(step.variants):
                yield from _gaps((*path, "variants", number), variant)


def _gaps(path: Path, said: Tip | Variant) -> Iterator[Finding]:
    texts: list[tuple[Path, str | None]] = [
        ((*path, key), getattr(said, key)) for key in ("subject", "preheader", "body")
    ]
    if said.button:
        texts += [((*path, "button", key), getattr(said.button, key)) for key in ("text", "url")]
    for place, text in texts:
        for name in unguarded(text or ""):
            yield Finding(
                message=f"a learner without {name} does not get this mail",
                path=place,
                needle=f"learner.{name}",
                instead=f'write {{{{ learner.{name} | default("…") }}}}',
            )


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
