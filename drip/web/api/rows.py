"""What was sent, as what the engine takes; and what pydantic finds wrong, in our words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError

from drip.web.api.models import LearnerIn, RowRefused
from drip.web.api.problems import Wrong
from drip.web.api.strict import shown

#: pydantic's kind of mistake → what to write instead; any other is told in pydantic's words.
_SAID = {
    "missing": "it is missing",
    "extra_forbidden": "there is no such field",
    "string_type": "a text is wanted",
    "int_type": "a whole number is wanted",
    "int_parsing": "a whole number is wanted",
    "float_type": "a number is wanted",
    "bool_type": "true or false is wanted",
    "list_type": "a list is wanted",
    "dict_type": "an object is wanted",
    "model_type": "an object is wanted",
    "model_attributes_type": "an object is wanted",
    "timezone_aware": "a time with its offset is wanted, such as 2026-03-02T08:00:00+01:00 or …Z",
    "datetime_type": "a time is wanted, such as 2026-03-02T08:00:00Z",
    "datetime_parsing": "a time is wanted, such as 2026-03-02T08:00:00Z",
    "datetime_from_date_parsing": "a time is wanted, such as 2026-03-02T08:00:00Z",
    "datetime_object_invalid": "there is no such time",
}
#: The same, where it is the body as a whole.
_SAID_OF_ALL = {"missing": "the body is missing: an object of JSON is wanted"}
#: Members of a union: which of them did not fit is no part of where a mistake is.
_UNION = {"str", "bool", "int", "float", "none", "any"}


def pairs(said: LearnerIn, email: str) -> list[tuple[str, object]]:
    """A learner as columns. Numbers become texts, as in a sheet."""
    own = {
        "email": email,
        "first_name": said.first_name,
        "last_name": said.last_name,
        "language": said.language,
        "timezone": said.timezone,
    }
    return [*own.items(), *((name, _cell(value)) for name, value in said.attributes.items())]


def _cell(value: object) -> object:
    return repr(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def wrongs(errors: Iterable[Any]) -> list[Wrong]:
    """What pydantic has found wrong; one for each field."""
    found: dict[str, Wrong] = {}
    for error in errors:
        place = [str(part) for part in error["loc"] if str(part) not in _UNION]
        if place and place[0] in ("body", "query", "path"):
            place = place[1:]
        field = ".".join(part if len(part) <= 60 else f"{part[:60]}…" for part in place)
        words = _words(error) if place else _SAID_OF_ALL.get(error["type"]) or _words(error)
        found.setdefault(field, Wrong(field=_plain(field), message=words))
    return list(found.values())


def refusal(row: int, model: type[BaseModel], value: object) -> RowRefused:
    """Why a row is no such thing. `value` is what pydantic left as it was."""
    try:
        model.model_validate(value)
    except ValidationError as error:
        first = wrongs(error.errors(include_url=False, include_input=False))[0]
        return RowRefused(row=row, field=first.field or None, message=f"{first.field or 'this row'}: {first.message}")
    raise AssertionError("a row that is good was not taken")


def _words(error: Any) -> str:
    kind, context = error["type"], error.get("ctx") or {}
    if kind in _SAID:
        return _SAID[kind]
    match kind:
        case "value_error":
            return str(context.get("error", error["msg"]))
        case "literal_error":
            return f"one of {context.get('expected')} is wanted"
        case "string_too_long" | "too_long":
            most = context.get("max_length", 0)
            return f"it is too long: {most:,} is the most"
        case "string_too_short" | "too_short":
            return "it is empty"
        case "greater_than_equal" | "less_than_equal":
            return f"at {'least' if 'ge' in context else 'most'} {context.get('ge', context.get('le'))} is wanted"
        case _:
            return str(error["msg"])


def _plain(field: str) -> str:
    return field if field.isprintable() else shown(field)


def numbered(rows: Sequence[Any], model: type[BaseModel]) -> tuple[list[tuple[int, Any]], list[RowRefused]]:
    """(the good rows with their numbers from 1, why the others are refused)."""
    good = [(number, row) for number, row in enumerate(rows, start=1) if isinstance(row, model)]
    bad = [refusal(number, model, row) for number, row in enumerate(rows, start=1) if not isinstance(row, model)]
    return good, bad
