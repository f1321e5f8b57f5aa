"""Values from a closed set: words of a vocabulary, flags, numbers between two bounds. Each is used as in values.py."""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches

from drip.course.positions import Node, Row, Scalar
from drip.course.values import problem, shown, text

#: How much more often one variant may be chosen than another.
HEAVIEST_VARIANT = 1_000
#: Minutes. A longer film is no clip.
LONGEST_CLIP = 600
#: Eleven buttons fit beside each other in a mail on a phone; 0 to 10 is the longest scale in use (NPS).
HIGHEST_RATING = 10


def flag(node: Node) -> bool:
    """`true` or `false`."""
    if isinstance(node, Scalar) and isinstance(node.value, bool):
        return node.value
    raise problem("wrong-type", "true or false is wanted here")


def whole(least: int, most: int) -> Callable[[Node], int]:
    """A validator for whole numbers between two bounds, both included."""

    def read(node: Node) -> int:
        value = node.value if isinstance(node, Scalar) else None
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise problem("wrong-type", f"a whole number from {least:,} to {most:,} is wanted here")
        return value

    return read


def one_of(*words: str) -> Callable[[Node], str]:
    """A validator for a closed vocabulary."""

    def read(node: Node) -> str:
        written = text(node)
        if written not in words:
            close = get_close_matches(written[:40].casefold(), words, n=1)
            known = " or ".join(filter(None, (", ".join(words[:-1]), words[-1])))
            hint = f'did you mean "{close[0]}"?' if close else f"write {known}"
            raise problem("unknown-word", f"{shown(written)} is not known here", hint)
        return written

    return read


def strategy(node: Node) -> str:
    """How questions come back."""
    if isinstance(node, Scalar) and node.text == "fsrs":
        raise problem("not-yet", '"fsrs" is not supported yet in this version', "write fixed: even gaps work as well")
    return one_of("fixed", "none")(node)


def minutes(node: Node) -> float:
    """A length in minutes."""
    value = node.value if isinstance(node, Scalar) else None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= LONGEST_CLIP:
        raise problem("wrong-type", f"a number of minutes is wanted here, more than 0 and at most {LONGEST_CLIP}")
    return float(value)


def scale(node: Node) -> tuple[int, int]:
    """The two ends of a survey's scale."""
    ends = [item.value if isinstance(item, Scalar) else None for item in node] if isinstance(node, Row) else []
    match ends:
        case [int(low), int(high)] if 0 <= low < high <= HIGHEST_RATING and not isinstance(low, bool):
            return low, high
        case _:
            pass
    message = f"two whole numbers from 0 to {HIGHEST_RATING} are wanted here, the lower one first"
    raise problem("wrong-type", message, "such as [1, 7]")
