"""The words of a page: which language it is in, and how they are filled."""

from __future__ import annotations

from collections.abc import Mapping

from drip.render.languages import spoken, words_for
from drip.render.words import PageWords


def page_words(language: str) -> PageWords:
    """The pages' words in a BCP 47 language: its own, else its primary subtag's (`sv` for `sv-FI`), else English."""
    return words_for(language).pages


def preferred(accept_language: str, otherwise: str) -> str:
    """The language, of those we speak, that a browser asks for first (RFC 9110, 12.5.4); else `otherwise`."""
    ranges: list[tuple[float, int, str]] = []
    for part in accept_language[:200].split(","):
        tag, _, weight = part.partition(";")
        try:
            ranges.append((-float(weight.partition("=")[2] or 1), len(ranges), tag.strip()))
        except ValueError:
            continue
    known = [tag for weight, _, tag in sorted(ranges) if weight < 0 and spoken(tag)]
    return known[0] if known else otherwise


def fill(text: str, **values: str) -> str:
    """The text with its {names} filled in. A value is never read for names itself."""
    return text.format_map(values)


def sure_labels(words: PageWords, sure: tuple[str, ...]) -> Mapping[str, str]:
    """How sure one may be → the label of its button."""
    return dict(zip(sure, words.sure, strict=True))
