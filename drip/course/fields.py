"""The types of a course file's fields: how each is read (values.py), and how the JSON Schema describes it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from pydantic import PlainValidator, WithJsonSchema

from drip.course import timing, values
from drip.course.timing import Gap, Limit, Window

#: A text may be written without quotes, so an editor's YAML may take it for a number or a boolean.
_TEXT = {"type": ["string", "number", "boolean"]}
_STRING = {"type": "string"}
_ID = {**_TEXT, "pattern": "^[a-z0-9-]{1,64}$"}


def _read(validator: Callable[[Any], Any], schema: dict[str, Any]) -> tuple[PlainValidator, WithJsonSchema]:
    return PlainValidator(validator), WithJsonSchema(schema)


Prose = Annotated[str, *_read(values.prose, _TEXT)]
Line = Annotated[str, *_read(values.line, _TEXT)]
TemplateLine = Annotated[str, *_read(values.template_line, _TEXT)]
Markdown = Annotated[str, *_read(values.markdown, _TEXT)]
Url = Annotated[str, *_read(values.url, _STRING)]
Condition = Annotated[str, *_read(values.condition, _STRING)]
Id = Annotated[str, *_read(values.identifier, _ID)]
StepId = Annotated[str, *_read(values.step_id, _ID)]
Skill = Annotated[str, *_read(values.skill, _TEXT)]
LayoutName = Annotated[str, *_read(values.layout, _TEXT)]
Language = Annotated[str, *_read(values.language, _STRING)]
Email = Annotated[str, *_read(values.email, {**_STRING, "format": "email"})]
Flag = Annotated[bool, *_read(values.flag, {"type": "boolean"})]
Weight = Annotated[int, *_read(values.weight, {"type": "integer", "minimum": 1, "maximum": values.HEAVIEST_VARIANT})]
GapText = Annotated[Gap, *_read(values.timed(timing.parse_gap), _STRING)]
Clock = Annotated[int, *_read(values.timed(timing.parse_clock), _STRING)]
WindowText = Annotated[Window, *_read(values.timed(timing.parse_window), _STRING)]
Days = Annotated[
    frozenset[int], *_read(values.days, {"anyOf": [_STRING, {"type": "array", "items": _STRING, "minItems": 1}]})
]
LimitText = Annotated[Limit, *_read(values.timed(timing.parse_limit), _STRING)]
Holidays = Annotated[str, *_read(values.timed(timing.parse_holidays), _STRING)]
Zone = Annotated[str, *_read(values.timed(timing.parse_zone), _STRING)]
