"""`# drip: ignore=RULE reason`: which findings it leaves in peace, and when it says something itself."""

from __future__ import annotations

import pytest
from rule_samples import BASE, FOLDER, advice_on

from drip.errors import Mistake

SHORT = (FOLDER / "short.yaml").read_text("utf-8")
SWEDISH = (FOLDER / "short.sv.yaml").read_text("utf-8")
LONG = SHORT.replace("Start from a saved view", "Start from a saved view, which holds the filters and the dates")


def rules(text: str, **more: str) -> list[str]:
    return [mistake.rule for mistake in advice_on(text, **more)]


def before(text: str, line: str, comment: str) -> str:
    """The text with a comment above the line that begins so."""
    at = text.index(line)
    begin = text.rindex("\n", 0, at) + 1
    return f"{text[:begin]}{text[begin:at]}{comment}\n{text[begin:]}"


COMMENT = "# drip: ignore=long-subject it was tested, and more people opened it"


def test_above_the_line_beside_it_or_at_the_top() -> None:
    """A comment counts on the finding's line and on the one above; before the first key it counts for the file."""
    assert rules(LONG) == ["long-subject"]
    assert rules(before(LONG, "subject:", COMMENT)) == []
    assert rules(LONG.replace("and the dates", f"and the dates   {COMMENT}")) == []
    assert rules(f"{COMMENT}\n{LONG}") == []
    assert rules(f"# about this course\n{COMMENT}\n\n{LONG}") == []


def test_further_away_it_ignores_nothing() -> None:
    """Two lines above is another line: the finding stays, and the comment is told of."""
    found = rules(before(LONG, "- tip: welcome", COMMENT))
    assert found == ["ignores-nothing", "long-subject"]


def test_it_ignores_its_own_rule_only() -> None:
    """The others are still told of; two rules are named with a comma."""
    text = LONG.replace("    preheader: Two minutes to your first chart\n", "")
    assert rules(text) == ["no-preheader", "long-subject"]
    assert rules(f"{COMMENT}\n{text}") == ["no-preheader"]
    assert rules(f"# drip: ignore=long-subject,no-preheader both are wanted\n{text}") == []


def test_a_finding_inside_a_long_text_is_ignored_at_its_key() -> None:
    """In a block of text no comment can stand: the one above its key counts."""
    text = BASE["course"].replace("In a survey", "Buy now, and")
    assert rules(text) == ["spam-phrase"]
    body = text.index("    body: |", text.index("- tip: schedule"))
    assert rules(f"{text[:body]}    # drip: ignore=spam-phrase it is a quotation\n{text[body:]}") == []


@pytest.mark.parametrize(
    "comment",
    [
        "# drip: ignore=long-subject",
        "# drip:ignore=long-subject   ",
        "#drip: ignore=long-subject",
    ],
)
def test_a_reason_is_required(comment: str) -> None:
    """Without one nothing is ignored."""
    assert rules(before(LONG, "subject:", comment)) == ["no-reason", "long-subject"]


@pytest.mark.parametrize("rule", ["long-subjects", "", "layout", "unknown-key"])
def test_the_rule_must_be_there(rule: str) -> None:
    """A rule that is misspelt, missing, or a mistake of the grammar cannot be ignored."""
    found = advice_on(before(LONG, "subject:", f"# drip: ignore={rule} because"))
    assert [one.rule for one in found] == ["unknown-rule", "long-subject"]
    if rule == "long-subjects":
        assert 'did you mean "long-subject"?' in found[0].hint


def test_a_text_about_it_is_no_comment() -> None:
    """What stands in a body, in quotes or in a long text, is said to learners."""
    text = SHORT.replace("pick the", "write “# drip: ignore=x y” and pick the")
    assert rules(text.replace("body: A chart", "body: |\n      A chart")) == []
    assert rules(text.replace("body: A chart starts", "body: >-\n      A chart starts")) == []


def test_a_translation_and_a_layout_have_their_own() -> None:
    """Each comment is about the file that it stands in."""
    shouting = SWEDISH.replace("Två minuter till", "Passa på, två minuter till")
    assert rules(SHORT, swedish=shouting) == ["spam-phrase"]
    ignored = before(shouting, "preheader:", "# drip: ignore=spam-phrase den är menad så")
    assert rules(SHORT, swedish=ignored) == []
    assert rules(f"# drip: ignore=spam-phrase it is meant so\n{SHORT}", swedish=shouting) == [
        "ignores-nothing",
        "spam-phrase",
    ]
    low = BASE["layout"].replace('inner-padding="12px 24px"', 'inner-padding="4px 24px"')
    button = "    button: {text: Go, url: https://acme.example/}\n"
    assert rules(SHORT + button, layout=low) == ["small-target"]
    noted = low.replace("<mj-button", "{# drip: ignore=small-target our brand wants it #}\n        <mj-button")
    assert rules(SHORT + button, layout=noted) == []


def test_the_words_say_what_to_write() -> None:
    """A comment that ignores nothing names its rule and its place."""
    found: tuple[Mistake, ...] = advice_on(f"{COMMENT}\n{SHORT}")
    assert [(one.rule, one.line, one.column) for one in found] == [("ignores-nothing", 1, 1)]
    assert found[0].message == "long-subject finds nothing here"
