"""Links and what is pressed: their words, their targets, their size, and whether the text part has them all."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator

from drip.check.draft import Draft
from drip.check.finding import Finding
from drip.check.rendered import OURS, Element, Rendered, seen
from drip.check.vocabulary import vocabulary

#: The least height of what is pressed with a thumb (WCAG 2.2, 2.5.5), in pixels.
TARGET = 44

_BARE = re.compile(r"^(?:https?://|www\.)\S+$|^[\w-]+(?:\.[\w-]+)+/\S*$", re.IGNORECASE)
_PX = re.compile(r"^(-?[\d.]+)(?:px)?$")


def _links(mail: Rendered) -> list[tuple[Element, str]]:
    """The visible links, with the words that somebody hears."""
    return [
        (one, seen(f"{one.words} {one.alts}"))
        for one in mail.elements
        if one.tag == "a" and one.get("href") and not one.hidden
    ]


def blank(draft: Draft) -> Iterator[Finding]:
    for mail in draft.mails:
        known = vocabulary(mail.language)
        for element, words in _links(mail):
            bare = words.strip(" .!:>»→").lower()
            if not bare:
                yield draft.in_mail(mail, "a link without any words", element.get("href"), "<a ")
            elif _BARE.match(bare) or (known and bare in known.blank_links):
                yield draft.in_mail(mail, f"the link “{words[:60]}” does not say where it leads", words)


def same_words(draft: Draft) -> Iterator[Finding]:
    for mail in draft.mails:
        targets: dict[str, set[str]] = defaultdict(set)
        for element, words in _links(mail):
            targets[words.lower()].add(_target(mail, element))
        for words, leads in targets.items():
            if words and len(leads) > 1:
                yield draft.in_mail(mail, f"{len(leads)} links say “{words[:60]}” and lead to different places", words)


def _target(mail: Rendered, element: Element) -> str:
    """Where a link leads: two tracked links may lead to one address."""
    href = element.get("href")
    number = href.removeprefix(f"{OURS}link_")
    return mail.links[int(number)] if number.isdigit() and int(number) < len(mail.links) else href


def small(draft: Draft) -> Iterator[Finding]:
    for mail in draft.mails:
        last = f"{OURS}link_{len(mail.links) - 1}"
        for element, _ in _links(mail):
            href = element.get("href")
            pressed = href.startswith(f"{OURS}answer_")
            button = href == last and element.style.get("display") in ("block", "inline-block")
            height = _height(element)
            if (pressed or button) and height is not None and height < TARGET:
                what = "the button" if button else "an option"
                needle = "<mj-button" if button else "option.url"
                yield draft.in_layout(mail, f"{what} is {height:.0f} px high", needle)
                break


def _height(element: Element) -> float | None:
    """The height of a link of one line in pixels, where its styles tell."""
    style = element.style
    line = _pixels(style.get("line-height", ""))
    padding = style.get("padding", "0").split()
    above = _pixels(style.get("padding-top", padding[0] if padding else "0"))
    below = _pixels(style.get("padding-bottom", padding[2] if len(padding) > 2 else padding[0] if padding else "0"))
    if line is None or above is None or below is None:
        return None
    edge = _pixels(style.get("border", "0").split(" ")[0]) or 0
    return max(
        line + above + below + 2 * edge,
        _pixels(style.get("height", "")) or 0,
        _pixels(style.get("min-height", "")) or 0,
    )


def _pixels(text: str) -> float | None:
    found = _PX.match(text.strip())
    return float(found[1]) if found else None


def text_part(draft: Draft) -> Iterator[Finding]:
    for mail in draft.mails:
        for element, words in _links(mail):
            href = element.get("href")
            bare = href.removeprefix("mailto:").removeprefix("tel:").partition("?")[0]
            if bare not in mail.text and not href.startswith("#"):
                yield draft.in_layout(mail, f"the link “{words[:40]}” is missing from the text part", href, words)
            elif href.startswith(f"{OURS}answer_") and words.partition(" ")[2] not in " ".join(mail.text.split()):
                yield draft.in_layout(mail, f"the option “{words[:40]}” is missing from the text part", words)
