"""Bytes → JSON, and nothing that two programs could read in two ways, or that a database or a log could not hold."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import Any, NoReturn

from drip.web.api.problems import Problem

#: What stands in what, at the most: ours need four.
DEEPEST = 16
#: A longer text is a paste in the wrong place.
LONGEST_TEXT = 10_000
#: Whole numbers fit 64 bits, as other systems keep them.
LARGEST_NUMBER = 2**63 - 1
#: So many keys stand in one object, at the most: ours need 200. Each that is wrong is told by itself.
MOST_KEYS = 1000
_BAD_SIGNS = re.compile("[\x00\ud800-\udfff]")


def read_json(body: bytes) -> Any:
    """The value that a body says. Raises Problem: 400, and 422 for what is JSON and yet cannot be taken."""
    try:
        text = body.decode("utf-8")
        value = json.loads(
            text,
            object_pairs_hook=_once_each,
            parse_constant=_no_number,
            parse_int=_whole,
            parse_float=_finite,
        )
    except UnicodeDecodeError:
        raise Problem(400, "The body is not UTF-8.") from None
    except json.JSONDecodeError as error:
        words = "it begins with a byte order mark" if body.startswith(b"\xef\xbb\xbf") else _place(error)
        raise Problem(400, f"The body is not JSON: {words}.") from None
    except RecursionError:
        raise Problem(400, _DEEP) from None
    _check(value)
    return value


_DEEP = f"The body is nested too deeply: {DEEPEST} levels are the most."


def _place(error: json.JSONDecodeError) -> str:
    what = error.msg.lower().removesuffix(" starting at").removesuffix(" at")
    return f"line {error.lineno}, column {error.colno}: {what}"


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        ((twice, _),) = Counter(name for name, _ in pairs).most_common(1)
        raise Problem(400, f"A key stands twice in one object: {shown(twice)}.")
    if len(found) > MOST_KEYS:
        raise Problem(422, f"An object has {len(found):,} keys; {MOST_KEYS:,} are the most.")
    return found


def _no_number(_word: str) -> NoReturn:
    raise Problem(400, "NaN and Infinity are no JSON: leave them out, or write null.")


def _whole(digits: str) -> int:
    if len(digits) > 20 or abs(int(digits)) > LARGEST_NUMBER:
        raise Problem(400, "A number is too large: whole numbers have at most 64 bits. Send it as a text.")
    return int(digits)


def _finite(digits: str) -> float:
    number = float(digits) if len(digits) <= 400 else float("inf")
    if number in (float("inf"), float("-inf")):
        raise Problem(400, "A number is too large, or too long. Send it as a text.")
    return number


def _check(value: Any) -> None:
    """No text that is too long, holds a NUL, or half of a character; not too deep. Walks without recursion."""
    left: list[tuple[Any, int]] = [(value, 1)]
    while left:
        one, depth = left.pop()
        if isinstance(one, str):
            _check_text(one)
        elif isinstance(one, dict | list):
            if depth > DEEPEST:
                raise Problem(400, _DEEP)
            if isinstance(one, dict):
                for name in one:
                    _check_text(name)
                left += [(inner, depth + 1) for inner in one.values()]
            else:
                left += [(inner, depth + 1) for inner in one]


def _check_text(text: str) -> None:
    if len(text) > LONGEST_TEXT:
        raise Problem(422, f"A text has {len(text):,} characters; {LONGEST_TEXT:,} is the most: {shown(text)}")
    if not text.isascii() or "\x00" in text:
        bad = _BAD_SIGNS.search(text)
        if bad is not None:
            what = "a NUL" if bad[0] == "\x00" else "half of a character (a lone surrogate)"
            raise Problem(400, f"A text holds {what}: {shown(text)}")


def shown(text: str) -> str:
    """What was sent, short and plain enough to stand in an answer."""
    plain = "".join(sign if sign.isprintable() else "?" for sign in text[:41])
    return f'"{plain[:40]}…"' if len(plain) > 40 else f'"{plain}"'
