"""Layouts: tags and attributes that MJML does not know, and tags that stand where MJML does not look.

The engine that turns MJML into HTML takes all of them without a word, and leaves them out or puts them anywhere. A
layout's own Jinja is blanked before its tags are read, so that every branch of it is judged.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache

from drip.check.draft import Draft
from drip.check.finding import Finding
from drip.check.mjml import ANY_ATTRIBUTE, ATTRIBUTES, EVERYWHERE, FREE, INSIDE
from drip.check.rule import Rule
from drip.course.positions import Span

_JINJA = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
_MACRO = re.compile(r"\{%-?\s*macro\b.*?\bendmacro\s*-?%\}", re.DOTALL)
_TOKEN = re.compile(
    r"<!--.*?-->|<(?P<close>/?)(?P<tag>[A-Za-z][\w.-]*)(?P<attributes>(?:\s+[^\s=/>]+(?:\s*=\s*(?:\"[^\"]*\"|'[^']*'))?)*)"
    r"\s*(?P<empty>/?)>|(?P<text>[^<]+)",
    re.DOTALL,
)
_ATTRIBUTE = re.compile(r"([^\s=/>\"']+)(?:\s*=\s*(?:\"[^\"]*\"|'[^']*'))?")
_DEFAULTS = ("mj-all", "mj-class")


@dataclass(frozen=True, slots=True)
class _Tag:
    """One tag of a layout, where its name and its attributes stand, and the tag around it."""

    name: str
    span: Span
    attributes: tuple[tuple[str, Span], ...]
    above: str
    #: A tag that holds text or HTML, or a list of defaults, is open around it.
    free: bool


@lru_cache(maxsize=64)
def _read(source: str) -> tuple[tuple[_Tag, ...], tuple[tuple[str, Span], ...]]:
    """The tags of a layout, and the texts that stand in tags which hold tags only."""
    text = _JINJA.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), _MACRO.sub(_blank, source))
    tags: list[_Tag] = []
    texts: list[tuple[str, Span]] = []
    open_: list[str] = []
    for token in _TOKEN.finditer(text):
        name, said = token["tag"], token["text"]
        free = any(one in FREE for one in open_)
        if said is not None:
            if said.strip() and open_ and open_[-1] in INSIDE:
                begin = token.start() + len(said) - len(said.lstrip())
                texts.append((open_[-1], (begin, begin + len(said.strip().partition("\n")[0]))))
            continue
        if name is None:
            continue
        if token["close"]:
            if name in open_:
                while open_.pop() != name:
                    pass
            continue
        at = token.start("attributes")
        attributes = tuple(
            (found[1], (at + found.start(1), at + found.end(1))) for found in _ATTRIBUTE.finditer(token["attributes"])
        )
        tags.append(_Tag(name, token.span("tag"), attributes, open_[-1] if open_ else "", free))
        if not token["empty"] and (not free or name == open_[-1]):
            open_.append(name)
    return tuple(tags), tuple(texts)


def _blank(found: re.Match[str]) -> str:
    return re.sub(r"[^\n]", " ", found[0])


def _unknown_tags(draft: Draft) -> Iterator[Finding]:
    for tag in _tags(draft):
        if tag.name.startswith("mj-") and tag.name not in ATTRIBUTES and tag.name not in _DEFAULTS:
            close = get_close_matches(tag.name, ATTRIBUTES, n=1)
            instead = f"did you mean <{close[0]}>?" if close else ""
            yield Finding(message=f"MJML has no <{tag.name}>", layout=tag.span, instead=instead)


def _unknown_attributes(draft: Draft) -> Iterator[Finding]:
    for tag in _tags(draft):
        known = ANY_ATTRIBUTE | {"name"} if tag.name in _DEFAULTS else ATTRIBUTES.get(tag.name)
        if known is None or tag.free:
            continue
        for name, span in tag.attributes:
            if name not in known and name not in EVERYWHERE:
                close = get_close_matches(name, known | EVERYWHERE, n=1)
                instead = f'did you mean "{close[0]}"?' if close else f"it has: {', '.join(sorted(known)) or 'none'}"
                yield Finding(message=f'<{tag.name}> has no attribute "{name}"', layout=span, instead=instead)


def _misplaced(draft: Draft) -> Iterator[Finding]:
    for tag in _tags(draft):
        if tag.name.startswith("mj-") and tag.name not in ATTRIBUTES and tag.name not in _DEFAULTS:
            continue  # told of already
        if tag.free:
            if tag.name.startswith("mj-"):
                yield Finding(message=f"<{tag.name}> stands in a tag that holds text", layout=tag.span)
        elif tag.above == "mj-attributes":
            continue
        elif tag.above in INSIDE and tag.name not in INSIDE[tag.above]:
            places = sorted(above for above, inside in INSIDE.items() if tag.name in inside)
            instead = f"it stands in {' or '.join(f'<{place}>' for place in places)}" if places else ""
            yield Finding(message=f"<{tag.name}> stands in <{tag.above}>", layout=tag.span, instead=instead)
        elif tag.name in _DEFAULTS:
            yield Finding(message=f"<{tag.name}> stands outside <mj-attributes>", layout=tag.span)
    for above, span in _read(draft.layout.text)[1] if draft.layout else ():
        yield Finding(message=f"a text stands straight in <{above}>", layout=span, instead="put it into an <mj-text>")


def _tags(draft: Draft) -> tuple[_Tag, ...]:
    return _read(draft.layout.text)[0] if draft.layout else ()


LAYOUTS: tuple[Rule, ...] = (
    Rule(
        id="unknown-tag",
        family="layout",
        severity="error",
        why="What MJML does not know reaches the mail as it is, and mail programs leave it out.",
        instead="use a tag of MJML, or put HTML into an <mj-raw> or <mj-text>",
        find=_unknown_tags,
    ),
    Rule(
        id="unknown-attribute",
        family="layout",
        why="What MJML does not know does nothing, so the layout does not look as it is written.",
        instead="use an attribute that the tag has, or css-class and a style",
        find=_unknown_attributes,
    ),
    Rule(
        id="misplaced-tag",
        family="layout",
        severity="error",
        why="MJML looks for each tag in certain places only; elsewhere it vanishes, or takes the layout apart.",
        instead="sections stand in the body, columns in sections, all else in columns; HTML in <mj-raw> or <mj-text>",
        find=_misplaced,
    ),
)
