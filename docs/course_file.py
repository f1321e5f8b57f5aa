"""Write docs/course-file.md anew from the grammar: `python docs/course_file.py`. A test says if that was forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

from course_examples import CONSTRUCTS, LEARNER, TRANSLATED_COURSE, TRANSLATION, TRANSLATION_NOTE
from pydantic import PlainValidator
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from drip.course import fields, translation
from drip.course.attributes import OWN
from drip.course.expressions import FIELDS, FUNCTIONS
from drip.course.parts import Part

PAGE = Path(__file__).parent / "course-file.md"

#: Each kind of text, by its name in drip/course/fields.py → what an author writes.
KINDS = {
    "Prose": "text", "Line": "text of one line", "TemplateLine": "text of one line, with placeholders",
    "Markdown": "Markdown, with placeholders", "Url": "web address, with placeholders after the host",
    "Condition": "condition",
    "Id": "id: small letters, digits, hyphens", "PastId": "id of a step that was, such as `old-step` or `welcome/wait`",
    "StepId": "id: small letters, digits, hyphens",
    "Skill": "words with dots between", "LayoutName": "name of a layout", "Language": "language tag",
    "Email": "address", "Flag": "`true` or `false`", "Weight": "whole number, 1 to 1,000",
    "GapText": "minutes, hours, days, weeks or business days", "Clock": "clock time", "WindowText": "two clock times",
    "Days": "days, a range, or a list of them", "LimitText": "number per day or per week",
    "Holidays": "country, or a part of one", "Zone": "IANA time zone", "Offset": "days or weeks, with - for before",
    "ReentryText": "`never`, `after completion` or `after N days`", "Mails": "number of mails", "Share": "0% to 50%",
    "Name": "name of an event", "Attribute": "`learner.NAME`, a date", "Domain": "domain",
    "Minutes": "number of minutes",
    "Scale": "two whole numbers, 0 to 10", "PictureSource": "file beside the course, or https address",
    "LocalPath": "file beside the course", "Priority": "whole number", "DaysAfter": "whole number of days",
    "PerEmail": "whole number, 1 to 10", "Strategy": "`fixed` or `none`", "Opens": "`always`, `consented` or `never`",
    "Clicks": "`always` or `never`", "Leaves": "`everything` or `course`", "Then": "`pause`",
    "Rating": "`nps`, `csat` or `scale`",
}  # fmt: skip

#: The parts of a translation, in the order of the page.
TRANSLATED = (
    (translation.TranslationFile, "A translation"), (translation.TranslatedTip, "A tip, translated"),
    (translation.TranslatedVariant, "variants, translated"), (translation.TranslatedButton, "button, translated"),
    (translation.TranslatedImage, "image, translated"), (translation.TranslatedClip, "clip, translated"),
    (translation.TranslatedQuestion, "question, translated"), (translation.TranslatedOption, "options, translated"),
    (translation.TranslatedSurvey, "A survey, translated"),
)  # fmt: skip

CALLS = {
    "sent": 'the tip or survey "…" has been mailed',
    "opened": "a person has opened it (some mail programs open everything, or nothing)",
    "clicked": "a person has followed a link of its body, its button or its clip",
    "answered": "the question or survey has been answered",
    "correct": "the first answer to the question was right",
    "score": "correct answers / answers, over first answers; equal to nothing before any",
    "event": "it has happened elsewhere since the enrolment (`drip event`)",
    "mastered": "two correct answers in a row that train the skill, at least 7 days apart",
}

#: What the fields of a record are, where its name does not say it.
OF = {
    "certificate": "where the learner's own certificate is; in texts only, after `award: certificate`, and in a link "
    "or a button as the whole address"
}

_BEGIN = """\
# The course file

<!-- Made from the grammar by `python docs/course_file.py`: edit drip/course/, not this page. -->

Everything that a course may say, with an example of each. An editor with a YAML language server completes and explains
the same keys: put `# yaml-language-server: $schema=./course.schema.json` first in the file (`drip schema` prints the
schema, `drip schema --translation` that of a translation). `drip check` tells every mistake with its line.

"""


def page() -> str:
    """The whole page."""
    return "".join(_page())


def _page() -> Iterator[str]:
    yield _BEGIN
    names = {part: name for part, name, _, _ in CONSTRUCTS} | dict(TRANSLATED)
    for part, name, note, example in CONSTRUCTS:
        yield from _construct(part, name, note, names)
        if example:
            yield f"```yaml\n{example}```\n\n"
    yield from _conditions()
    yield from _attributes()
    for part, name in TRANSLATED:
        yield from _construct(part, name, TRANSLATION_NOTE if part is translation.TranslationFile else "", names)
        if part is translation.TranslationFile:
            yield f"`first-report.yaml`:\n\n```yaml\n{TRANSLATED_COURSE}```\n\n"
            yield f"`first-report.sv.yaml`:\n\n```yaml\n{TRANSLATION}```\n\n"


def _construct(part: type[Part], name: str, note: str, names: dict[type[Part], str]) -> Iterator[str]:
    yield f"## {name}\n\n{' '.join((part.__doc__ or '').split())}{' ' + note if note else ''}\n\n"
    yield "| key | what it says | written as | without it |\n|---|---|---|---|\n"
    # what must be written comes first
    for key, field in sorted(part.model_fields.items(), key=lambda one: not one[1].is_required()):
        written, default = _written(field, names), _default(field)
        examples = ", ".join(f"`{_yaml(example)}`" for example in field.examples or ())
        said = f"{written}: {examples}" if examples and not written.startswith("`") else written
        yield f"| `{field.alias or key}` | {field.description} | {said} | {default} |\n"
    yield "\n"


def _written(field: FieldInfo, names: dict[type[Part], str]) -> str:
    """How an author writes the value of a field."""
    found = list(_kinds((field.annotation, field.metadata), names))
    listed = "tuple" in str(field.annotation)
    if len(found) > 1:
        found = ["any of the steps below" if any("A tip" in one for one in found) else found[0]]
    if "translated" in "".join(found) and listed and len(found) > 1:
        found = ["tips and surveys"]
    return f"list: {found[0]}" if listed and "tuple[int, int]" not in str(field.annotation) else found[0]


def _kinds(annotation: Any, names: dict[type[Part], str]) -> Iterator[str]:
    """Every kind of value inside an annotation: names of kinds of text, and links to parts."""
    if isinstance(annotation, PlainValidator):
        yield KINDS[_ALIASES[id(annotation.func)]]
    elif isinstance(annotation, type) and issubclass(annotation, Part):
        name = names[annotation]
        yield f"[{name}](#{''.join(c for c in name.lower().replace(' ', '-') if c.isalnum() or c == '-')})"
    elif isinstance(annotation, list | tuple):
        for inner in annotation:
            yield from _kinds(inner, names)
    else:
        for inner in (*get_args(annotation), *getattr(annotation, "__metadata__", ())):
            yield from _kinds(inner, names)


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "**required**"
    if field.default in (None, (), PydanticUndefined):
        return ""
    return f"`{_yaml(field.default)}`"


def _yaml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return f"[{', '.join(_yaml(one) for one in value)}]"
    return str(value).replace("|", "\\|")


def _conditions() -> Iterator[str]:
    yield (
        "## Conditions\n\nThey compare (`==`, `!=`, `<`, `>=`, `in`), join with `and`, `or`, `not`, and use these. "
        "What a learner does not have equals nothing and is in no order. The same words stand in texts, as "
        "`{{ learner.first_name | default('there') }}` and `{% if learner.plan == \"pro\" %}…{% endif %}`.\n\n"
        "| | holds, or is |\n|---|---|\n"
    )
    for name, takes in FUNCTIONS.items():
        argument = '"…"' if takes else ""
        yield f"| `{name}({argument})` | {CALLS[name]} |\n"
    yield f"| `learner.…` | {', '.join(f'`{name}`' for name in OWN)}, and whatever was imported |\n"
    for record, known in FIELDS.items():
        yield f"| {', '.join(f'`{record}.{one}`' for one in known)} | {OF.get(record, f'of the {record}')} |\n"
    yield "\n"


def _attributes() -> Iterator[str]:
    yield (
        "## Attributes of learners\n\nThey are declared under `[learner]` in `drip.toml`. Then a condition that uses "
        "another one, or compares it with something of another type, is a mistake; an import refuses a row whose value "
        "does not fit; and who has none gets the default. Without that section every column is taken as a text.\n\n"
        f"```toml\n{LEARNER}```\n\n"
        "Types: `text`, `number` (`3.5` and `3,5`; `1 000` has a space; `1,234` is refused, since it may mean either), "
        "`date` (`2026-03-31`), `yes/no` (also `true`/`false`, `1`/`0`, `ja`/`nej`), or a list of values.\n\n"
    )


#: The function behind each kind of text → the kind's name.
_ALIASES = {
    id(marker.func): name
    for name, alias in vars(fields).items()
    for marker in getattr(alias, "__metadata__", ())
    if isinstance(marker, PlainValidator)
}

if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
