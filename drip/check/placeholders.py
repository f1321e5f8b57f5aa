"""Placeholders: those that are not filled where they stand, and those that some learner has no value for."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from jinja2 import nodes

from drip.check.draft import Draft
from drip.check.finding import Finding
from drip.course.expressions import environment
from drip.course.model import Survey
from drip.course.placeholders import placeholders
from drip.course.positions import Path
from drip.plan.model import Question

#: What every learner has.
ALWAYS_THERE = frozenset({"ref", "email"})
_DEFAULTS = ("default", "d")
_NOT_FILLED = "placeholders are not filled in here"
_READER = environment(autoescape=False)


def unfilled(draft: Draft) -> Iterator[Finding]:
    """Braces that a learner would see."""
    course = draft.course
    places: list[tuple[Path, str]] = [(("title",), course.title), (("sender", "name"), course.sender.name)]
    places += [((*path, "objective"), mail.objective) for path, mail in draft.tips]
    for place, text in places:
        if span := _first(text):
            yield Finding(message=_NOT_FILLED, path=place, needle=text[slice(*span)])
    for path, mail in draft.tips:
        for language, text in mail.objectives.items():
            if span := _first(text):
                needle = text[slice(*span)]
                yield Finding(message=_NOT_FILLED, path=(*path, "objective"), needle=needle, language=language)
    for told in draft.tellings:
        for keys, text in _asked(told.asks) if told.asks else ():
            if span := _first(text):
                yield told.finding(draft, _NOT_FILLED, "question", *keys, needle=text[slice(*span)])


def _first(text: str) -> tuple[int, int] | None:
    return next(placeholders(text), None) if "{" in text else None


def _asked(question: Question) -> Iterator[tuple[tuple[str | int, ...], str]]:
    yield ("ask",), question.ask
    for number, option in enumerate(question.options):
        yield ("options", number, "text"), option.text
        yield ("options", number, "because"), option.because


def without_default(draft: Draft) -> Iterator[Finding]:
    """Values that not every learner has, printed without saying what instead."""
    sure = ALWAYS_THERE | {name for name, one in draft.course.attributes.items() if one.default is not None}
    for told, key in draft.saying("subject", "preheader", "body"):
        for name in unguarded(getattr(told.texts, key), sure):
            yield told.finding(draft, _lacks(name), key, needle=f"learner.{name}", instead=_write(name))
    for told, key in draft.saying("button"):
        for part in ("text", "url"):
            for name in unguarded(getattr(told.texts.button, part), sure):
                yield told.finding(draft, _lacks(name), key, part, needle=f"learner.{name}", instead=_write(name))
    for path, step in draft.course.walk():
        if isinstance(step, Survey):
            for key in ("subject", "preheader", "body"):
                for name in unguarded(getattr(step, key) or "", sure):
                    place = (*path, key)
                    yield Finding(message=_lacks(name), path=place, needle=f"learner.{name}", instead=_write(name))


def _lacks(name: str) -> str:
    return f"a learner without {name} does not get this mail"


def _write(name: str) -> str:
    return f'write {{{{ learner.{name} | default("…") }}}}'


def unguarded(text: str, sure: frozenset[str] = ALWAYS_THERE) -> tuple[str, ...]:
    """The fields of the learner that a text prints without `default` and outside an `if` that asks for them, but for
    those that every learner has.
    """
    return _unguarded(text, sure) if "learner" in text else ()


@lru_cache(maxsize=4096)
def _unguarded(text: str, sure: frozenset[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_printed(_READER.parse(text), sure)))


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
