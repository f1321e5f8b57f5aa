"""The types of a course file's fields: how each is read, and how the JSON Schema describes it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import PlainValidator, WithJsonSchema

from drip.course import amounts, choices, timing, values
from drip.course.amounts import Reentry
from drip.course.timing import Gap, Limit, Window

#: A text may be written without quotes, so an editor's YAML may take it for a number or a boolean.
_TEXT = {"type": ["string", "number", "boolean"]}
_STRING = {"type": "string"}
_ID = {**_TEXT, "pattern": "^[a-z0-9-]{1,64}$"}


def _read(validator: Callable[[Any], Any], schema: dict[str, Any]) -> tuple[PlainValidator, WithJsonSchema]:
    return PlainValidator(validator), WithJsonSchema(schema)


def _whole(least: int, most: int) -> tuple[PlainValidator, WithJsonSchema]:
    return _read(choices.whole(least, most), {"type": "integer", "minimum": least, "maximum": most})


def _word(*words: str) -> tuple[PlainValidator, WithJsonSchema]:
    return _read(choices.one_of(*words), {"enum": list(words)})


Prose = Annotated[str, *_read(values.prose, _TEXT)]
Line = Annotated[str, *_read(values.line, _TEXT)]
TemplateLine = Annotated[str, *_read(values.template_line, _TEXT)]
Markdown = Annotated[str, *_read(values.markdown, _TEXT)]
Url = Annotated[str, *_read(values.url, _STRING)]
Condition = Annotated[str, *_read(values.condition, _STRING)]
Id = Annotated[str, *_read(values.identifier, _ID)]
PastId = Annotated[str, *_read(values.past_id, {**_TEXT, "pattern": "^[a-z0-9-]{1,64}(/[a-z0-9-]{1,64})*$"})]
StepId = Annotated[str, *_read(values.step_id, _ID)]
Skill = Annotated[str, *_read(values.skill, _TEXT)]
LayoutName = Annotated[str, *_read(values.layout, _TEXT)]
Language = Annotated[str, *_read(values.language, _STRING)]
Email = Annotated[str, *_read(values.email, {**_STRING, "format": "email"})]
Flag = Annotated[bool, *_read(choices.flag, {"type": "boolean"})]
Weight = Annotated[int, *_whole(1, choices.HEAVIEST_VARIANT)]
GapText = Annotated[Gap, *_read(values.timed(timing.parse_gap), _STRING)]
Clock = Annotated[int, *_read(values.timed(timing.parse_clock), _STRING)]
WindowText = Annotated[Window, *_read(values.timed(timing.parse_window), _STRING)]
Days = Annotated[
    frozenset[int], *_read(values.days, {"anyOf": [_STRING, {"type": "array", "items": _STRING, "minItems": 1}]})
]
LimitText = Annotated[Limit, *_read(values.timed(timing.parse_limit), _STRING)]
Holidays = Annotated[str, *_read(values.timed(timing.parse_holidays), _STRING)]
Zone = Annotated[str, *_read(values.timed(timing.parse_zone), _STRING)]
Offset = Annotated[int, *_read(values.timed(amounts.parse_offset), _STRING)]
ReentryText = Annotated[Reentry, *_read(values.timed(amounts.parse_reentry), _STRING)]
Mails = Annotated[int, *_read(values.timed(amounts.parse_mails), _STRING)]
Share = Annotated[float, *_read(values.timed(amounts.parse_share), _STRING)]
Name = Annotated[str, *_read(values.name, _TEXT)]
Attribute = Annotated[str, *_read(values.attribute, {**_STRING, "pattern": r"^\s*learner\.[a-z]"})]
Domain = Annotated[str, *_read(values.domain, _STRING)]
Minutes = Annotated[
    float, *_read(choices.minutes, {"type": "number", "exclusiveMinimum": 0, "maximum": choices.LONGEST_CLIP})
]
Scale = Annotated[
    tuple[int, int],
    *_read(
        choices.scale,
        {
            "type": "array",
            "items": {"type": "integer", "minimum": 0, "maximum": choices.HIGHEST_RATING},
            "minItems": 2,
            "maxItems": 2,
        },
    ),
]
PictureSource = Annotated[str, *_read(values.source_of_picture, _TEXT)]
LocalPath = Annotated[str, *_read(values.local_path, _TEXT)]
Priority = Annotated[int, *_whole(-1_000, 1_000)]
DaysAfter = Annotated[int, *_whole(1, timing.LONGEST_GAP_DAYS)]
PerEmail = Annotated[int, *_whole(1, 10)]
Strategy = Annotated[Literal["fixed", "none"], *_read(choices.strategy, {"enum": ["fixed", "none"]})]
Opens = Annotated[Literal["always", "consented", "never"], *_word("always", "consented", "never")]
Clicks = Annotated[Literal["always", "never"], *_word("always", "never")]
Leaves = Annotated[Literal["everything", "course"], *_word("everything", "course")]
Then = Annotated[Literal["pause"], *_word("pause")]
Rating = Annotated[Literal["nps", "csat", "scale"], *_word("nps", "csat", "scale")]
