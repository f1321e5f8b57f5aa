"""Where the placeholders of a text stand: `{{ … }}`, `{% … %}` and `{# … #}`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

_OPENS = re.compile(r"\{[{%#]")
_CLOSES = {"{{": "}}", "{%": "%}", "{#": "#}"}


def placeholders(text: str) -> Iterator[tuple[int, int]]:
    """The start and end of each placeholder, in order. Linear in the text, also where nothing is ever closed."""
    cursor = 0
    never_closed: set[str] = set()
    for opening in _OPENS.finditer(text):
        closing = _CLOSES[opening[0]]
        if opening.start() < cursor or closing in never_closed:
            continue
        end = text.find(closing, opening.end())
        if end < 0:
            never_closed.add(closing)
        else:
            cursor = end + len(closing)
            yield opening.start(), cursor


def replaced(text: str, write: Callable[[str], str]) -> str:
    """The text with `write(placeholder)` in the place of each placeholder."""
    out, cursor = [], 0
    for start, end in placeholders(text):
        out += [text[cursor:start], write(text[start:end])]
        cursor = end
    return "".join([*out, text[cursor:]])


def literal(text: str) -> str:
    """The text as a template that prints just it, whatever braces it holds."""
    return _OPENS.sub(lambda brace: f"{{{{ '{brace[0]}' }}}}", text)
