"""What the fuzzer starts from: a dictionary of the grammar's words, and inputs to change."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from check_input import DECLARES, joined

from drip.course.schema import json_schema, translation_schema

ROOT = Path(__file__).parents[2]
DATA = ROOT / "tests" / "data"

#: Beside the keys, which come from the schema: signs and words of YAML, Markdown, Jinja, conditions, times, links.
TOKENS = (
    ": ", "\n", "\n- ", "\n  - ", "\n    ", "|\n", ">-\n", "[", "]", "{", "}", "'", '"', "# ", "---\n", "&a ", "*a", "!!",
    "? ", "<<: ", "%%% course.sv.yaml\n", "%%% tips/a.md\n", "%%% a.png\n", "{{ ", " }}", "{% if ", " %}", "{% endif %}",
    "{% else %}", "{% elif ", "{% raw %}", "{# ", " #}", "learner.plan", "learner.first_name", "learner.age",
    "learner.renewal_date", "course.title", "enrolment.", "| default('x')", "| date", "sent(", "opened(", "clicked(",
    "answered(", "correct(", "score()", "event(", "mastered(", " and ", " or ", "not ", " == ", " >= ", " < ", " in ",
    "true", "null", "1 day", "2 weeks", "3 hours", "24 hours", "business days", "09:00", "24:00", "08:00-10:00", "mon-fri",
    "sat-mon", "SE", "DE-BY", "Europe/Stockholm", "10%", "nps", "csat", "[1, 7]", "https://a.example/", "mailto:a@b.example",
    "![a](a.png)", "[a](https://a.example)", "](", "**", "> ", "1. ", "* ", "## ", "```\n", "<https://", "&amp;", "\\",
    "\u202e", "\u200b", "\u00e5", "\\uD800", "\\x00", "\U0001f600", "sv", "ar", "en", "tips/a.md", "../", "a.png",
    "# drip: ignore=", "reading-time", "never", "after completion", "after 90 days", "fixed", "trial", "pro",
)  # fmt: skip


def dictionary() -> str:
    """libFuzzer's format: a quoted word a line."""
    words = dict.fromkeys(
        (*(f"{key}: " for key in sorted(_keys(json_schema()) | _keys(translation_schema()))), *TOKENS)
    )
    return "".join(f'"{_escaped(word)}"\n' for word in words)


def _keys(schema: object) -> set[str]:
    """Every property that a schema names, at any depth."""
    found: set[str] = set()
    for key, value in schema.items() if isinstance(schema, dict) else ():
        found |= set(value) if key == "properties" and isinstance(value, dict) else set()
        found |= _keys(value)
    for value in schema if isinstance(schema, list) else ():
        found |= _keys(value)
    return found


def _escaped(word: str) -> str:
    return "".join(chr(b) if 32 <= b < 127 and b not in b'"\\' else f"\\x{b:02x}" for b in word.encode())


def seeds() -> Iterator[tuple[str, bytes]]:
    """Name → input: the samples, the courses of the tests, the hostile corpus, and one that has everything beside it."""
    hostile = DATA / "hostile"
    for folder in (ROOT / "campaigns", DATA / "courses", DATA / "check", hostile / "refused", hostile / "read"):
        for file in sorted(folder.glob("*.yaml")):
            if file.stem.count(".") == 0:
                beside = {
                    f"course.{other.stem.partition('.')[2]}.yaml": other.read_bytes()
                    for other in sorted(folder.glob(f"{file.stem}.*.yaml"))
                }
                whole = joined({"course.yaml": file.read_bytes()} | beside)
                yield f"{folder.name}-{file.stem}", whole
                yield f"{folder.name}-{file.stem}-declared", DECLARES + whole
    yield "beside", joined(BESIDE)
    for number, said in enumerate(_examples(json_schema())):
        yield f"example-{number}", said


_SHORT = b"title: T\nsteps:\n  - tip: a\n    subject: S\n    body: A [view](https://a.example).\n"


def _examples(schema: object) -> Iterator[bytes]:
    """The examples of the grammar, each as a key of a course and of a tip: most are good in one of the two."""
    for key, value in schema.items() if isinstance(schema, dict) else ():
        if key == "properties" and isinstance(value, dict):
            for name, one in value.items():
                for example in one.get("examples", ()) if isinstance(one, dict) else ():
                    if isinstance(example, str | int | float):
                        line = f"{name}: '{str(example).replace(chr(39), chr(39) * 2)}'\n".encode()
                        yield line + _SHORT
                        yield _SHORT + b"    " + line
        yield from _examples(value)
    for value in schema if isinstance(schema, list) else ():
        yield from _examples(value)


_PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c6360000000000200015c0d0a2db40000000049454e44ae426082"
)
BESIDE = {
    "course.yaml": (
        b"title: T\nlanguage: en\nsteps:\n  - tip: a\n    subject: S\n    objective: Name a view\n    body_file: tips/a.md\n"
        b"    image: {src: a.png, alt: A chart}\n    question: {ask: Q, options: [{text: A, correct: true, because: x}, "
        b"{text: B, because: y}]}\n  - tip: b\n    subject: S\n    body: |\n      # T\n\n      ![x](a.gif) {% if "
        b'learner.plan == "pro" %}x{% endif %}\n'
    ),
    "course.sv.yaml": b"title: T\nsteps:\n  - tip: a\n    subject: Hej\n    body_file: tips/b.md\n",
    "course.ar.yaml": "title: T\nsteps:\n  - tip: b\n    subject: \u0645\n    body: \u0645\n".encode(),
    "tips/a.md": b"A *text* with ![a](../a.png) and [a link](https://a.example/{{ learner.ref }}).\n",
    "tips/b.md": "# R\n\n- \u00e5\n- \u00e4\n".encode(),
    "a.png": _PNG,
    "a.gif": b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;",
}
