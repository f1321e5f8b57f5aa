"""Accessibility, judged on the rendered mails: what somebody meets who reads with a screen reader, in the sun.

Where a number is a standard's, it is WCAG 2.2's.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from drip.check.draft import Draft
from drip.check.finding import Finding
from drip.check.pressing import blank, same_words, small, text_part
from drip.check.rendered import Element, seen
from drip.check.rule import Rule
from drip.check.schemes import UNKNOWN, Schemes
from drip.render.colour import READABLE, contrast

_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
_ratio = lru_cache(maxsize=1024)(contrast)


def _lang(draft: Draft) -> Iterator[Finding]:
    for mail in draft.mails:
        html = next((one for one in mail.elements if one.tag == "html"), None)
        inside = next((one for one in mail.elements if one.parent is not None and one.parent.tag == "body"), None)
        for where, element in (("html", html), ("the wrapper in body", inside)):
            missing = [name for name in ("lang", "dir") if element is None or element.get(name) in ("", "und", "auto")]
            if missing:
                yield draft.in_layout(mail, f"{where} has no {' and no '.join(missing)}", "<mjml")
                break


def _alt(draft: Draft) -> Iterator[Finding]:
    for mail in draft.mails:
        for element in mail.elements:
            if element.tag != "img" or element.hidden or element.get("alt").strip() or _decorates(element):
                continue
            source = element.get("src")
            yield draft.in_mail(mail, f"the picture {source.rpartition('/')[2] or source} has no alt", source)


def _decorates(picture: Element) -> bool:
    """Whether a picture says nothing on purpose: with an empty alt, it stands in a link that has words."""
    if picture.get("role") in ("presentation", "none") or picture.get("aria-hidden") == "true":
        return True
    above = picture.parent
    while above is not None and above.tag != "a":
        above = above.parent
    return "alt" in picture.attributes and above is not None and bool(seen(above.words))


def _one_title(draft: Draft) -> Iterator[Finding]:
    for mail in draft.mails:
        count = sum(one.tag == "h1" and not one.hidden for one in mail.elements)
        if count != 1:
            yield draft.in_mail(mail, f"{count or 'no'} first-level heading{'' if count == 1 else 's'}", "<h1")


def _headings(draft: Draft) -> Iterator[Finding]:
    for mail in draft.mails:
        level = 0
        for element in mail.elements:
            if element.tag not in _HEADINGS or element.hidden:
                continue
            before, level = level, int(element.tag[1])
            if level > before + 1 and before:
                words = seen(element.words)
                yield draft.in_mail(mail, f"“{words[:40]}” is an h{level} after an h{before}", words)


def _tables(draft: Draft) -> Iterator[Finding]:
    for mail in draft.mails:
        titled = {id(one.parent) for one in mail.elements if one.tag in ("thead", "caption")}
        for element in mail.elements:
            role = element.get("role")
            if element.tag == "table" and role not in ("presentation", "none") and id(element) not in titled:
                yield draft.in_layout(mail, "a table for layout is read out as a table of data", "<table")
                break


def _contrast(draft: Draft) -> Iterator[Finding]:
    schemes: dict[str, Schemes] = {}
    for mail in draft.mails:
        if mail.sheet not in schemes:
            schemes[mail.sheet] = Schemes(mail.sheet)
        scheme = schemes[mail.sheet]
        told: set[tuple[str, str]] = set()
        for element, (light, dark) in zip(mail.elements, scheme.shades(mail.elements), strict=True):
            if element.hidden or not element.text or element.tag in ("title", "head"):
                continue
            for name, shade in (("light", light), ("dark", dark)) if scheme.has_dark else (("light", light),):
                pair = (shade.ink, shade.ground)
                if UNKNOWN in pair or pair in told or _ratio(*pair) >= READABLE or not seen(element.text):
                    continue
                told.add(pair)
                message = f"{shade.ink} on {shade.ground} has a contrast of {_ratio(*pair):.1f} in the {name} scheme"
                yield draft.in_layout(mail, message, shade.ink, shade.ground)


def _captions(draft: Draft) -> Iterator[Finding]:
    for told, key in draft.saying("clip"):
        if told.texts.clip and not told.texts.clip.captions and told.original is None:
            yield told.finding(draft, "the clip has no captions", key, key=True)


ACCESSIBILITY: tuple[Rule, ...] = (
    Rule(
        id="no-lang",
        family="accessibility",
        why="Without a language, Swedish is read out with English sounds; without dir, Arabic stands the wrong way.",
        instead='write <mjml lang="{{ language }}" dir="{{ dir }}">',
        find=_lang,
    ),
    Rule(
        id="no-alt",
        family="accessibility",
        why="Who does not see a picture, or has pictures off as many mail programs have, gets nothing instead.",
        instead="say in alt what the picture says: ![A bar chart of sales by week](…)",
        find=_alt,
    ),
    Rule(
        id="one-h1",
        family="accessibility",
        why="Screen readers jump from heading to heading; the first level is the title, and there is one.",
        instead="keep one first-level heading: the layout's {{ title }}, or a # in the body",
        find=_one_title,
    ),
    Rule(
        id="heading-order",
        family="accessibility",
        why="A heading that skips a level makes people look for the part that seems to be missing.",
        instead="go down one level at a time: ## under the title, then ###",
        find=_headings,
    ),
    Rule(
        id="table-role",
        family="accessibility",
        why="A screen reader counts the rows and columns of every such table before its words.",
        instead='write <table role="presentation" …>',
        find=_tables,
    ),
    Rule(
        id="low-contrast",
        family="accessibility",
        why="Below 4.5:1 many cannot read a text at all, and nobody can in the sun (WCAG 2.2, 1.4.3).",
        instead="darken one of the two colours or lighten the other; both schemes have their own pair",
        find=_contrast,
    ),
    Rule(
        id="blank-link",
        family="accessibility",
        why="Links are listed and read out by themselves, and then “here” says nothing, and an address is spelt out.",
        instead="link the words that say what comes: [how to compare periods](…)",
        find=blank,
    ),
    Rule(
        id="same-link-text",
        family="accessibility",
        why="In a list of links nobody can tell them apart.",
        instead="say in each what it leads to",
        find=same_words,
    ),
    Rule(
        id="small-target",
        family="accessibility",
        why="A thumb covers 44 pixels; who aims badly, or reads on a bus, presses the wrong answer.",
        instead="give it padding and a line height that make 44 px or more; 48 is better",
        find=small,
    ),
    Rule(
        id="text-part",
        family="accessibility",
        why="Some read only the text part: by choice, on a watch, with a screen reader. It must hold everything.",
        instead="put the link into the body, where it reaches both parts, or take it out of the layout",
        find=text_part,
    ),
    Rule(
        id="no-captions",
        family="accessibility",
        why="Many cannot hear a clip, and most watch it without sound.",
        instead="add captions to the film, then write captions: true",
        find=_captions,
    ),
)
