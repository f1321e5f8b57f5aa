"""A JSON list → its items, each with its line. Numbers stay as they were written: 1.10 is not 1.1."""

from __future__ import annotations

import json
import re

from drip.errors import ImportRefused

AN_OBJECT = '{"email": "ada@acme.example"}'

_WANTED = f"a JSON list of objects is wanted, such as [{AN_OBJECT}]"
_SPACE = re.compile(r"[ \t\n\r]*")


class Object:
    """A JSON object as it was written, repeated keys and all."""

    def __init__(self, pairs: list[tuple[str, object]]) -> None:
        self.pairs = pairs


_DECODER = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=str, object_pairs_hook=Object)


def read_items(text: str) -> list[tuple[int, object]]:
    """(line, item) for each item of the list: an Object, a text (numbers too), a bool, None or a list.

    Raises ImportRefused, with line and column, where the text is not a JSON list.
    """
    at = _skip(text, 0)
    if text[at : at + 1] != "[":
        raise ImportRefused(_WANTED)
    found: list[tuple[int, object]] = []
    at = _skip(text, at + 1)
    line, counted = 1, 0
    closed = text[at : at + 1] == "]"
    while not closed:
        line, counted = line + text.count("\n", counted, at), at
        try:
            item, at = _DECODER.raw_decode(text, at)
        except json.JSONDecodeError as error:
            raise ImportRefused(f"line {error.lineno}, column {error.colno}: this is not JSON ({error.msg})") from None
        except RecursionError:
            raise ImportRefused(f"line {line}: nested too deeply") from None
        found.append((line, item))
        at = _skip(text, at)
        closed = text[at : at + 1] == "]"
        if not closed:
            if text[at : at + 1] != ",":
                line += text.count("\n", counted, at)
                raise ImportRefused(f'line {line}: a "," between two objects, or the closing "]", is missing')
            at = _skip(text, at + 1)
    if _skip(text, at + 1) != len(text):
        raise ImportRefused(f"something stands after the end of the list: {_WANTED}")
    return found


def _skip(text: str, at: int) -> int:
    space = _SPACE.match(text, at)
    return space.end() if space else at
