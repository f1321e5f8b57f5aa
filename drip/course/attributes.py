"""Learner attributes as `[learner]` of drip.toml declares them: their types, and how a text becomes a value.

A date is kept as its ISO text: such texts compare as dates do, and every store keeps them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from typing import Literal

Value = str | int | float | bool | None
#: What every learner has without its being declared.
OWN = ("ref", "email", "first_name", "last_name", "language", "timezone")
TYPES = ("text", "number", "date", "yes/no")
#: So many values may be named; more is a text.
MOST_CHOICES = 100

_NAME = re.compile(r"[a-z][a-z0-9_]{0,99}")
_YES = frozenset({"yes", "true", "1", "y", "on", "ja", "sant"})
_NO = frozenset({"no", "false", "0", "n", "off", "nej", "falskt"})
#: Spaces of all kinds between digits, as Swedish and French write thousands.
_SPACES = re.compile(r"(?<=[0-9])[ \u00a0\u202f](?=[0-9]{3}(?![0-9]))")
_NUMBER = re.compile(r"[-+−]?[0-9]{1,15}(?:[.,][0-9]{1,15})?")
#: `1,234` is 1234 to some and 1.234 to others.
_AMBIGUOUS = re.compile(r"[-+−]?[1-9][0-9]{0,2},[0-9]{3}")
_ISO_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class Day(str):
    """A date, kept as ISO text: it compares as that text does, and a mail writes it out in words."""

    __slots__ = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribute:
    """One declared attribute. `choices` are the values of a `choice`; `default` is for learners who have none."""

    type: Literal["text", "number", "date", "yes/no", "choice"]
    default: Value = None
    choices: tuple[str, ...] = ()

    def read(self, text: str) -> Value:
        """The value that a cell of an import says. Raises ValueError with what to write instead."""
        match self.type:
            case "number":
                return _number(text)
            case "date":
                return _date(text)
            case "yes/no":
                return _yes_or_no(text)
            case "choice":
                return self._choice(text)
            case "text":
                return text

    def of(self, value: object) -> object:
        """The value of a learner: the default where there is none; what was kept as a text before it was declared."""
        if value is None or value == "":
            return self.default
        if isinstance(value, str) and self.type in ("number", "yes/no"):
            try:
                return self.read(value)
            except ValueError:
                return value  # a condition that needs it then says so, and a person looks
        return Day(value) if isinstance(value, str) and self.type == "date" and _is_date(value) else value

    def problem(self, operator: str, constant: object) -> tuple[str, str] | None:
        """Why comparing with that constant makes no sense, as (what it is, hint), or None."""
        if constant is None:
            return None
        ordered = operator in ("gt", "gteq", "lt", "lteq")
        match self.type:
            case "yes/no":
                if ordered or not isinstance(constant, bool):
                    return "is yes or no", "ask for it alone, or for not …"
            case "number":
                if isinstance(constant, bool) or not isinstance(constant, int | float):
                    return "is a number", "compare it with a number, without quotes"
            case "date":
                if not isinstance(constant, str) or not _is_date(constant):
                    return "is a date", 'compare it with one such as "2026-03-31"'
            case "choice":
                if ordered:
                    return "has no order", f"its values are: {', '.join(self.choices)}"
                if constant not in self.choices:
                    return f"is never {constant!r}", _like(str(constant), self.choices)
            case "text":
                if not isinstance(constant, str):
                    return "is a text", f'compare it with a text in quotes, such as "{constant}"'
        return None

    def _choice(self, text: str) -> str:
        if text in self.choices:
            return text
        same = [choice for choice in self.choices if choice.casefold() == text.casefold()]
        if len(same) == 1:
            return same[0]
        raise ValueError(f"is none of its values: {_like(text, self.choices)}")


def declared(name: str, said: object) -> Attribute:
    """What a line of `[learner]` declares: a type, a list of values, or a table of type, values and default.

    Raises ValueError with what to write.
    """
    if not _NAME.fullmatch(name):
        raise ValueError('a name has small letters, digits and _, such as "renewal_date"')
    if name in OWN or name in ("attributes", "imported_timezone"):
        raise ValueError(f"learner.{name} is drip's own and needs no declaration")
    if isinstance(said, list):
        return Attribute(type="choice", choices=_choices(said))
    if isinstance(said, str):
        said = {"type": said}
    if not isinstance(said, Mapping):
        raise ValueError(f"a type is wanted ({', '.join(TYPES)}), or a list of values, not {said!r}")
    if unknown := [key for key in said if key not in ("type", "default", "values")]:
        raise ValueError(f'"{unknown[0]}" is not known here; there are: type, values, default')
    values = said.get("values")
    if values is not None and said.get("type", "choice") != "choice":
        raise ValueError("what has values is a choice: take the type away")
    if values is not None:
        bare = Attribute(type="choice", choices=_choices(values))
    else:
        bare = Attribute(type=_type(said.get("type")))
    if "default" not in said:
        return bare
    return Attribute(type=bare.type, choices=bare.choices, default=_default(bare, said["default"]))


def _type(said: object) -> Literal["text", "number", "date", "yes/no"]:
    match said:
        case "text" | "number" | "date" | "yes/no":
            return said
        case _:
            near = get_close_matches(str(said), TYPES, n=1)
            raise ValueError(f"{said!r} is not a type: " + (f"did you mean {near[0]}?" if near else ", ".join(TYPES)))


def _choices(said: object) -> tuple[str, ...]:
    if not isinstance(said, list) or not said or not all(isinstance(one, str) and one.strip() for one in said):
        raise ValueError('a list of texts is wanted, such as ["trial", "pro"]')
    if len(set(said)) < len(said) or len(said) > MOST_CHOICES:
        raise ValueError(f"each value stands there once, and {MOST_CHOICES} is the most")
    return tuple(said)


def _default(attribute: Attribute, said: object) -> Value:
    """A default in TOML's own types, or as an import would write it."""
    if isinstance(said, bool) and attribute.type == "yes/no":
        return said
    if isinstance(said, int | float) and not isinstance(said, bool) and attribute.type == "number":
        return said
    if type(said) is date and attribute.type == "date":
        return said.isoformat()
    if isinstance(said, str):
        try:
            return attribute.read(said)
        except ValueError as error:
            raise ValueError(f"its default {said!r} {error}") from None
    raise ValueError(f"its default {said!r} is not of its type, {attribute.type}")


def _number(text: str) -> int | float:
    plain = _SPACES.sub("", text.strip())
    if _AMBIGUOUS.fullmatch(plain):
        whole, _, rest = plain.partition(",")
        raise ValueError(f"may be {whole}{rest} or {whole}.{rest}: write one of them")
    if not _NUMBER.fullmatch(plain):
        raise ValueError("is not a number: write digits, and a point or a comma before decimals")
    number = float(plain.replace(",", ".").replace("−", "-"))
    return int(number) if number.is_integer() else number


def _date(text: str) -> str:
    if not _is_date(text.strip()):
        raise ValueError("is not a date: write year, month and day, such as 2026-03-31")
    return text.strip()


def _is_date(text: str) -> bool:
    if not _ISO_DATE.fullmatch(text):
        return False
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _yes_or_no(text: str) -> bool:
    word = text.strip().casefold()
    if word in _YES or word in _NO:
        return word in _YES
    raise ValueError("is neither yes nor no: write one of them, or true or false")


def _like(text: str, choices: tuple[str, ...]) -> str:
    near = get_close_matches(text[:80], choices, n=1)
    return f'did you mean "{near[0]}"?' if near else f"write {', '.join(choices[:10])}"
