"""What colours a mail's texts have in the light and in the dark scheme, from its styles and its dark media query.

A small cascade, enough for mails: styles stand in the elements (css-inline put them there), and rules inside
`@media (prefers-color-scheme: dark)` are made of tags, classes, ids and attributes with spaces between. What cannot be
worked out, such as a gradient, has no colour here and is not judged.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from drip.check.rendered import Element, declarations
from drip.render.colour import BLACK, WHITE

_DARK = re.compile(r"@media[^{]*prefers-color-scheme:\s*dark[^{]*\{((?:[^{}]*\{[^{}]*\})*)[^{}]*\}")
_RULE = re.compile(r"([^{}]+)\{([^{}]*)\}")
_COMPOUND = re.compile(r"^([a-z][a-z0-9]*|\*)?((?:\.[\w-]+)*)$", re.IGNORECASE)
_HEX = re.compile(r"#(?:[0-9a-f]{6}|[0-9a-f]{3})\b")
_RGB = re.compile(r"rgba?\(\s*(\d+)[\s,]+(\d+)[\s,]+(\d+)\s*(?:[,/]\s*([\d.]+%?)\s*)?\)")
#: The names that people write; HTML has more.
_NAMES = {
    "white": WHITE, "black": BLACK, "silver": "#C0C0C0", "gray": "#808080", "grey": "#808080", "red": "#FF0000",
    "maroon": "#800000", "yellow": "#FFFF00", "olive": "#808000", "lime": "#00FF00", "green": "#008000",
    "aqua": "#00FFFF", "teal": "#008080", "blue": "#0000FF", "navy": "#000080", "fuchsia": "#FF00FF",
    "purple": "#800080", "orange": "#FFA500",
}  # fmt: skip
#: A text of an unknown colour, and what stands behind everything.
UNKNOWN = ""


@dataclass(frozen=True, slots=True)
class Shade:
    """The colour of a text and of what lies behind it, `#RRGGBB` or UNKNOWN."""

    ink: str
    ground: str


@dataclass(slots=True, eq=False)
class _Seen:
    """An element's two shades; those of elements inside it that look alike are worked out once."""

    light: Shade
    dark: Shade
    tag: str
    classes: frozenset[str]
    above: _Seen | None
    inside: dict[tuple[str, str, str, str], _Seen] = field(default_factory=dict)


_Selector = tuple[tuple[str, frozenset[str]], ...]


class Schemes:
    """The two colour schemes of mails that share a style sheet."""

    def __init__(self, sheet: str) -> None:
        self._rules = list(_dark_rules(sheet))
        self._root = _Seen(Shade(BLACK, WHITE), Shade(BLACK, WHITE), "", frozenset(), None)

    @property
    def has_dark(self) -> bool:
        """Whether the mail says anything about a dark scheme."""
        return bool(self._rules)

    def shades(self, elements: tuple[Element, ...]) -> list[tuple[Shade, Shade]]:
        """The light and the dark shade of each element, in the same order."""
        seen: dict[int, _Seen] = {}
        found = []
        for element in elements:
            above = seen[id(element.parent)] if element.parent is not None else self._root
            look = (element.tag, element.get("class"), element.get("style"), element.get("bgcolor"))
            one = above.inside.get(look)
            if one is None:
                one = above.inside[look] = self._look(element, above)
            seen[id(element)] = one
            found.append((one.light, one.dark))
        return found

    def _look(self, element: Element, above: _Seen) -> _Seen:
        classes = frozenset(element.get("class").split())
        style: Mapping[str, str] = element.style
        if "background" not in style and "background-color" not in style and element.get("bgcolor"):
            style = {**style, "background-color": element.get("bgcolor").lower()}
        one = _Seen(_shade(style, above.light, element.tag), above.dark, element.tag, classes, above)
        over = dict(style)
        for selector, said in self._rules:
            if _matches(selector, one):
                over.update(said)
        one.dark = _shade(over, above.dark, element.tag)
        return one


def _dark_rules(sheet: str) -> list[tuple[_Selector, Mapping[str, str]]]:
    """The rules of the dark scheme that go over what stands in the elements, the weightiest last."""
    found: list[tuple[tuple[int, int], _Selector, Mapping[str, str]]] = []
    for block in _DARK.findall(sheet):
        for selectors, css in _RULE.findall(block):
            said = {
                name: value.replace("!important", "").strip()
                for name, value in declarations(css).items()
                if name in ("color", "background", "background-color") and "!important" in value
            }
            for selector in selectors.split(",") if said else ():
                if (parts := _selector(selector)) is not None:
                    weight = (sum(len(classes) for _, classes in parts), sum(tag != "*" for tag, _ in parts))
                    found.append((weight, parts, said))
    return [(parts, said) for _, parts, said in sorted(found, key=lambda one: one[0])]


def _selector(text: str) -> _Selector | None:
    parts = [_COMPOUND.match(part) for part in text.split()]
    if not parts or any(part is None for part in parts):
        return None
    return tuple(
        ((part[1] or "*").lower(), frozenset(filter(None, part[2].split(".")))) for part in parts if part is not None
    )


def _matches(selector: _Selector, one: _Seen) -> bool:
    *outer, last = selector
    if not _fits(last, one):
        return False
    above = one.above
    for part in reversed(outer):
        while above is not None and not _fits(part, above):
            above = above.above
        if above is None:
            return False
        above = above.above
    return True


def _fits(part: tuple[str, frozenset[str]], one: _Seen) -> bool:
    return part[0] in ("*", one.tag) and part[1] <= one.classes


def _shade(style: Mapping[str, str], above: Shade, tag: str) -> Shade:
    ink = above.ink
    if "color" in style:
        ink = above.ink if style["color"] == "inherit" else colour(style["color"], above.ground)
    elif tag == "a":
        ink = UNKNOWN  # each mail program has its own colour for links
    ground = above.ground
    for name, value in style.items():
        if name in ("background", "background-color") and value not in ("inherit", "none", ""):
            ground = colour(value, above.ground)
    return Shade(ink, ground)


def colour(text: str, ground: str) -> str:
    """A colour of CSS as `#RRGGBB`; what can be seen through is mixed with the ground. UNKNOWN where it is none."""
    text = text.lower().replace("!important", "").strip()
    if "url(" in text or "gradient" in text:
        return UNKNOWN
    if found := _HEX.search(text):
        digits = found[0][1:]
        return "#" + (digits if len(digits) == 6 else "".join(2 * digit for digit in digits)).upper()
    if found := _RGB.search(text):
        return _mixed([int(found[n]) for n in (1, 2, 3)], found[4], ground)
    if "transparent" in text:
        return ground
    return next((_NAMES[word] for word in text.split() if word in _NAMES), UNKNOWN)


def _mixed(channels: list[int], alpha: str | None, ground: str) -> str:
    share = 1.0 if alpha is None else float(alpha.rstrip("%")) / (100 if alpha.endswith("%") else 1)
    if share < 1 and ground == UNKNOWN:
        return UNKNOWN
    behind = [int(ground[place : place + 2], 16) for place in (1, 3, 5)] if share < 1 else channels
    mixed = [round(share * min(one, 255) + (1 - share) * other) for one, other in zip(channels, behind, strict=True)]
    return "#" + "".join(f"{min(255, channel):02X}" for channel in mixed)
