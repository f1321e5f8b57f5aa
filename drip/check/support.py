"""What the big mail programs drop of a mail: a table derived from the caniemail data, and how to see it in a mail.

From the data of caniemail.com (MIT licence) as in the npm package caniemail 2.0.2, last updated 2025-09-09: a program
stands here where the newest test of it says "not supported". Only what a mail's content or layout can hang on is here;
rounded corners or a shadow that are missing harm nobody. Apple Mail on iOS supports all of these.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from drip.check.rendered import Rendered

DATA = "caniemail 2.0.2, 2025-09-09"

_BLOCKS = re.compile(r"@(?:media|supports)[^{]*\{(?:[^{}]*\{[^{}]*\})*[^{}]*\}")


@dataclass(frozen=True, slots=True)
class Feature:
    """A feature; whether it is seen in CSS, as a tag or in a picture's address, and by what; who drops it."""

    name: str
    kind: Literal["css", "tag", "src"]
    pattern: str
    dropped_by: tuple[str, ...]


_MICROSOFT_AND_YAHOO = ("Outlook for Windows", "Outlook.com", "Yahoo")
_NEARLY_ALL = ("Gmail", *_MICROSOFT_AND_YAHOO)

FEATURES: tuple[Feature, ...] = (
    Feature("position", "css", r"(?<![\w-])position:\s*(?:absolute|fixed|sticky)", ("Gmail", "Outlook for Windows")),
    Feature("display: grid", "css", r"display:\s*(?:inline-)?grid", ("Gmail", "Outlook for Windows", "Yahoo")),
    Feature("@import", "css", r"@import", ("Gmail", "Outlook.com", "Yahoo")),
    Feature("CSS variables", "css", r"var\(", _NEARLY_ALL),
    Feature("clamp()", "css", r"clamp\(", _MICROSOFT_AND_YAHOO),
    Feature("min()", "css", r"(?<![\w-])min\(", _MICROSOFT_AND_YAHOO),
    Feature("max()", "css", r"(?<![\w-])max\(", _MICROSOFT_AND_YAHOO),
    Feature("light-dark()", "css", r"light-dark\(", _NEARLY_ALL),
    Feature("calc()", "css", r"(?<![\w-])calc\(", _MICROSOFT_AND_YAHOO),
    Feature("oklch() and other new colours", "css", r"(?:oklch|oklab|lch|lab|hwb|color-mix)\(", _NEARLY_ALL),
    Feature("nested CSS", "css", r"\{[^{}]*&[\s:.\[][^{}]*\{", _NEARLY_ALL),
    Feature("transform", "css", r"(?<![\w-])transform:", _NEARLY_ALL),
    Feature("filter", "css", r"(?<![\w-])filter:", _NEARLY_ALL),
    Feature("clip-path", "css", r"clip-path:", _NEARLY_ALL),
    Feature("visibility", "css", r"(?<![\w-])visibility:", ("Gmail", "Outlook for Windows")),
    Feature("object-fit", "css", r"object-fit:", ("Outlook for Windows", "Yahoo")),
    Feature("column-count", "css", r"column-count:", ("Outlook for Windows", "Yahoo")),
    Feature("padding-inline", "css", r"padding-(?:inline|block)", _NEARLY_ALL),
    Feature("margin-inline", "css", r"margin-(?:inline|block)", _NEARLY_ALL),
    Feature("border-inline", "css", r"border-(?:inline|block)", _NEARLY_ALL),
    Feature("inline-size", "css", r"(?<![\w-])(?:inline|block)-size:", _NEARLY_ALL),
    Feature("linear-gradient()", "css", r"linear-gradient\(", _MICROSOFT_AND_YAHOO),
    Feature("<video>", "tag", r"video", _NEARLY_ALL),
    Feature("<audio>", "tag", r"audio", _NEARLY_ALL),
    Feature("<svg>", "tag", r"svg", _NEARLY_ALL),
    Feature("<picture>", "tag", r"picture", _NEARLY_ALL),
    Feature("<object>", "tag", r"object", _NEARLY_ALL),
    Feature("<dialog>", "tag", r"dialog", _NEARLY_ALL),
    Feature("<meter>", "tag", r"meter", ("Gmail", "Outlook for Windows", "Yahoo")),
    Feature("<progress>", "tag", r"progress", _NEARLY_ALL),
    Feature("<link>", "tag", r"link", ("Gmail", "Outlook.com", "Yahoo")),
    Feature("<button>", "tag", r"button", ("Outlook for Windows", "Outlook.com")),
    Feature("<input>", "tag", r"input", ("Outlook for Windows", "Outlook.com")),
    Feature("<select>", "tag", r"select", ("Outlook for Windows",)),
    Feature("<textarea>", "tag", r"textarea", ("Outlook for Windows",)),
    Feature("<form>", "tag", r"form", ("Outlook for Windows",)),
    Feature("<marquee>", "tag", r"marquee", ("Gmail", "Outlook for Windows")),
    Feature("a picture in a data: address", "src", r"^data:", ("Gmail",)),
    Feature("an SVG picture", "src", r"\.svg(?:$|[?#])", ("Gmail",)),
    Feature("a WebP picture", "src", r"\.webp(?:$|[?#])", ("Outlook for Windows",)),
    Feature("an AVIF picture", "src", r"\.avif(?:$|[?#])", ("Outlook for Windows",)),
    Feature("a TIFF picture", "src", r"\.tiff?(?:$|[?#])", _MICROSOFT_AND_YAHOO),
    Feature("a HEIF picture", "src", r"\.hei[cf](?:$|[?#])", ("Outlook for Windows", "Outlook.com")),
)  # fmt: skip
_CSS = [(re.compile(feature.pattern, re.IGNORECASE), feature) for feature in FEATURES if feature.kind == "css"]
_SRC = [(re.compile(feature.pattern, re.IGNORECASE), feature) for feature in FEATURES if feature.kind == "src"]
_TAGS = {feature.pattern: feature for feature in FEATURES if feature.kind == "tag"}
_ANY_CSS = re.compile("|".join(feature.pattern for feature in FEATURES if feature.kind == "css"), re.IGNORECASE)


def dropped(mail: Rendered) -> list[tuple[Feature, str]]:
    """The features of a mail that some big program drops, each with the words by which it was seen.

    Media queries and `@supports` are left out: what stands in them is meant for those that can do more.
    """
    found = dict(in_css(mail.sheet))
    for element in mail.elements:
        if "style" in element.attributes:
            found.update(in_css(element.get("style")))
        if element.tag in _TAGS:
            found.setdefault(_TAGS[element.tag], f"<{element.tag}")
        elif element.tag == "img":
            found.update(_first(_SRC, element.get("src")))
    return list(found.items())


@lru_cache(maxsize=4096)
def in_css(css: str) -> tuple[tuple[Feature, str], ...]:
    """The features of some CSS, each with the words by which it was seen."""
    plain = _BLOCKS.sub("", css) if "@" in css else css
    return tuple(_first(_CSS, plain)) if _ANY_CSS.search(plain) else ()


def _first(patterns: list[tuple[re.Pattern[str], Feature]], text: str) -> Iterable[tuple[Feature, str]]:
    for pattern, feature in patterns:
        if seen := pattern.search(text):
            yield feature, seen[0]
