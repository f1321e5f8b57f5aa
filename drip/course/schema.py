"""The JSON Schemas of a course and of a translation, from the grammar: an editor completes and checks with them."""

from __future__ import annotations

from typing import Any

from drip.course.model import CourseFile
from drip.course.translation import TranslationFile

#: The dialect that pydantic writes.
DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schema() -> dict[str, Any]:
    """The schema of a course as plain values for `json.dumps`. Every course that `parse` takes fits it."""
    return {"$schema": DIALECT, **_plain(CourseFile.model_json_schema(by_alias=True))}


def translation_schema() -> dict[str, Any]:
    """The schema of a translation. One of its own: an editor's messages about either are then about that one."""
    return {"$schema": DIALECT, **_plain(TranslationFile.model_json_schema(by_alias=True))}


def _plain(node: Any) -> Any:
    """The schema without what only Python knows: titles made from names, and `null`, which no course writes."""
    if isinstance(node, list):
        return [_plain(item) for item in node]
    if not isinstance(node, dict):
        return node
    kept = {key: value for key, value in node.items() if not (key == "title" and isinstance(value, str))}
    options = kept.get("anyOf")
    if isinstance(options, list) and {"type": "null"} in options:
        rest = [option for option in options if option != {"type": "null"}]
        del kept["anyOf"]
        kept = {**rest[0], **kept} if len(rest) == 1 else {"anyOf": rest, **kept}
    if kept.get("default", "") in (None, []):
        del kept["default"]  # "not written", which an editor need not fill in
    return {key: _plain(value) for key, value in kept.items()}
