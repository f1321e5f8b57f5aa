"""Writes docs/rules.md from the rules of `drip check` and the samples that prove them: `python docs/rules.py`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from difflib import unified_diff
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "rules.md"
#: Longer examples are cut.
MOST_LINES, LONGEST_LINE = 16, 150

_HEAD = """\
# What `drip check` looks at

This page is made from the code by `python docs/rules.py`; each example is one that the tests run.

`drip check` reads every course in `campaigns/`, with its translations and its layout, renders each mail, and says what
it finds: where it stands, why it matters, and what to write instead. An **error** makes it exit 1; a **warning** does
so with `--strict`. `--format json` is for programs, `--format github` puts the findings beside the lines of a pull
request.

Mistakes in the grammar of a course are errors too, and are not listed here: the message says what is wrong.

A rule that is wrong about your course is ignored with a comment on the line of the finding, or on the line above it,
or above the first key for the whole file. The reason is part of it:

```text
# drip: ignore=open-gates everybody in this course reads mail in our own program
when: opened("titles")
```

In a layout the comment stands in Jinja's braces: `{# drip: ignore=small-target … #}`. A mistake in the grammar cannot
be ignored.

What a mail takes to read is its letters × 0.052 seconds. Readability is LIX (Björnsson 1968) in Swedish, Norwegian,
Danish, German and English, and in English the Flesch–Kincaid grade too, whose syllables are counted by a rule (in
running text right for 97 words of 100). Word lists — vague verbs, negations, claims, link texts, advertising — are
there for English and Swedish.
"""
_FAMILIES = {
    "structure": "Structure",
    "learning": "Learning",
    "accessibility": "Accessibility",
    "deliverability": "Deliverability",
    "layout": "Layouts",
    "ignoring": "Ignoring",
}


def page() -> str:
    """The whole page."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    sys.path.insert(0, str(ROOT / "tests"))
    from rule_samples import samples

    from drip.check import RULES

    pairs = samples()
    yield _HEAD
    for family, title in _FAMILIES.items():
        yield f"## {title}\n"
        for rule in (rule for rule in RULES if rule.family == family):
            yield f"### `{rule.id}`\n"
            yield f"{rule.severity.capitalize()}. {rule.why}\n"
            yield f"*Instead:* {_code_in(rule.instead)}.\n"
            yield "```diff"
            yield from _example(pairs[rule.id].fails, pairs[rule.id].passes)
            yield "```\n"


def _code_in(text: str) -> str:
    """The sentence, with what begins like a tag or braces set as code, so that Markdown shows it."""
    return text.replace("<", "`<").replace(">", ">`") if "<" in text else text.replace("{{", "`{{").replace("}}", "}}`")


def _example(fails: str, passes: str) -> Iterator[str]:
    """What to take out and what to write in its place."""
    changes = list(unified_diff(fails.splitlines(), passes.splitlines(), lineterm="", n=0))[2:]
    lines = [line for line in changes if not line.startswith("@@")]
    for line in lines[:MOST_LINES]:
        yield line if len(line) <= LONGEST_LINE else f"{line[:LONGEST_LINE]} …"
    if len(lines) > MOST_LINES:
        yield f"  … {len(lines) - MOST_LINES} more lines"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
