"""A rendered mail, read: its elements with their styles, its addresses, its size.

A template is filled with samples here, every branch of its conditions at once: what some learner sees is judged too.
Jinja itself would take longer to compile a template than everything else that is done with it. What css-inline wrote is
regular (every attribute in double quotes, every `<` of a text escaped), so that one expression reads its tags.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from html import unescape

from drip.render.message import Template

#: What stands before the name of an address that drip makes: `drip:answer_0`, `drip:unsubscribe_url`.
OURS = "drip:"
#: A signed address takes about so many characters.
SIGNED = 120

_PIXEL = re.compile(r"\{% if pixel_url %\}.*?\{% endif %\}", re.DOTALL)
_JINJA = re.compile(r"\{\{\s*(.*?)\s*\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
_DEFAULT = re.compile(r"""\|\s*d(?:efault)?\(\s*(?:"([^"]*)"|'([^']*)')""")
_STYLES = re.compile(r"<style\b([^>]*)>(.*?)</style>", re.DOTALL)
_TOKEN = re.compile(
    r"<!--.*?-->|<style\b.*?</style>|<(?P<close>/?)(?P<tag>[a-zA-Z][\w:-]*)(?P<attributes>(?:[^>\"]|\"[^\"]*\")*)>|(?P<text>[^<]+)",
    re.DOTALL,
)
_ATTRIBUTE = re.compile(r'([^\s="/]+)(?:="([^"]*)")?')
_VOID = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
)
#: Unseen signs that fill up a preheader.
_UNSEEN = re.compile("[\u00a0\u034f\u200b-\u200f\u00ad\ufeff\\s]+")


@dataclass(slots=True, eq=False)
class Element:
    """One element. `text` is what stands directly in it, `words` everything inside a link or heading."""

    tag: str
    attributes: Mapping[str, str]
    style: Mapping[str, str]
    parent: Element | None
    text: str = ""
    words: str = ""
    #: The alternative texts of the pictures inside a link.
    alts: str = ""
    hidden: bool = False

    def get(self, name: str) -> str:
        """An attribute, "" where it has none."""
        return self.attributes.get(name, "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """One mail: the template it is filled from, its elements in order, its style sheets, its text part, its bytes."""

    step: str
    variant: str
    language: str
    subject: str
    elements: tuple[Element, ...]
    sheet: str
    text: str
    bytes: int
    links: tuple[str, ...]


def read_mail(template: Template) -> Rendered:
    """Fill a template with samples and read what comes out."""
    html, size = _filled(template.html)
    text, _ = _filled(template.text)
    return Rendered(
        step=template.step,
        variant=template.variant,
        language=template.language,
        subject=_filled(template.subject)[0],
        elements=_elements(html),
        sheet="\n".join(css for head, css in _STYLES.findall(html) if "media=" not in head),
        text=text,
        bytes=size,
        links=template.links,
    )


def seen(text: str) -> str:
    """What can be seen of a text: single spaces, and none of the signs that only fill."""
    return _UNSEEN.sub(" ", unescape(text) if "&" in text else text).strip()


def _filled(source: str) -> tuple[str, int]:
    """The text with a sample for each placeholder, and the bytes that a real one takes."""
    signed = 0

    def sample(found: re.Match[str]) -> str:
        nonlocal signed
        said = found[1]
        if said is None:
            return ""
        if said.isidentifier():
            signed += 1
            return OURS + said
        if said == "'{'":
            return "{"
        default = _DEFAULT.search(said)
        return (default[1] or default[2] or "") if default else "Name"

    text = _JINJA.sub(sample, _PIXEL.sub("", source)) if "{" in source else source
    return text, len(text.encode("utf-8", "surrogatepass")) + signed * SIGNED


@lru_cache(maxsize=4096)
def _attributes(text: str) -> Mapping[str, str]:
    return {name.lower(): unescape(value) if "&" in value else value for name, value in _ATTRIBUTE.findall(text)}


@lru_cache(maxsize=4096)
def declarations(css: str) -> Mapping[str, str]:
    """`color: red; margin: 0` as {"color": "red", "margin": "0"}, in lower case; the last one of a name counts."""
    found = {}
    for part in css.split(";"):
        name, colon, value = part.partition(":")
        if colon:
            found[name.strip().lower()] = value.strip().lower()
    return found


def _elements(html: str) -> tuple[Element, ...]:
    found: list[Element] = []
    open_: list[Element] = []
    for token in _TOKEN.finditer(html):
        tag, text = token["tag"], token["text"]
        if text is not None:
            if open_ and not text.isspace():
                _say(open_, text)
            continue
        if tag is None:
            continue
        tag = tag.lower()
        if token["close"]:
            _close(open_, tag)
            continue
        attributes = _attributes(token["attributes"])
        style = declarations(attributes.get("style", ""))
        parent = open_[-1] if open_ else None
        element = Element(tag, attributes, style, parent)
        element.hidden = (parent is not None and parent.hidden) or _is_hidden(style)
        found.append(element)
        if tag == "img":
            for above in open_:
                if above.tag == "a":
                    above.alts += " " + element.get("alt")
        if tag not in _VOID:
            open_.append(element)
    return tuple(found)


def _close(open_: list[Element], tag: str) -> None:
    if open_ and open_[-1].tag == tag:
        open_.pop()
    elif any(one.tag == tag for one in open_):
        while open_.pop().tag != tag:
            pass


def _say(open_: list[Element], text: str) -> None:
    open_[-1].text += text
    for element in open_:
        if element.tag in _NAMED:
            element.words += text


_NAMED = frozenset({"a", "h1", "h2", "h3", "h4", "h5", "h6", "title"})


def _is_hidden(style: Mapping[str, str]) -> bool:
    return style.get("display", "").startswith("none")
