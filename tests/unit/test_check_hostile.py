"""Whatever a valid course says, a check of it ends soon and says something sensible."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rule_samples import FOLDER, advice_on

from drip.check import advise
from drip.check.draft import blocks
from drip.check.ignoring import MOST_COMMENTS
from drip.check.prose import sentences
from drip.check.support import in_css
from drip.check.vocabulary import LANGUAGES
from drip.course.parse import parse
from drip.course.weight import MOST_MARKS, marks
from drip.plan.compile import compile_plan

#: CPU time for one text of the greatest length; the slowest takes a tenth of it.
CPU_SECONDS = 2.0
#: The longest body that the grammar takes.
MOST = 50_000
HEAD = (
    "title: T\nlanguage: {language}\nsender: {{name: A, email: a@acme.example}}\nsteps:\n  - tip: a\n    subject: S\n"
)


def cpu(text: str, language: str) -> float:
    """The time that advice on a course with this body takes, without reading and rendering it."""
    lines = "".join(f"      {line}\n" for line in text.split("\n"))
    course = parse("c.yaml", f"{HEAD.format(language=language)}    body: |\n{lines}".encode())
    plan = compile_plan(course, layout="")
    before = time.process_time()
    advise(course, plan)
    return time.process_time() - before


@pytest.mark.parametrize("language", ["en", "sv"])
@pytest.mark.parametrize(
    "piece",
    [
        "a", "1,", "1", "?", "!", "!?", "[", "![", "[a](", "<a:", "*", "`", "``` ", "a. ", ". ", "(", "a b ",
        "]", "\n\n",
        "\n- ", "\n> ", "a\n", "one in ", "enligt en ", "80 ", "studies ", "'", "x’", "Å", "字", "\u200f",
        "&lt;", "a" * 99 + " ",
    ],
)  # fmt: skip
def test_no_text_takes_long(piece: str, language: str) -> None:
    """The longest body of one piece over and over: time grows with its length, not with its square."""
    text = (piece * MOST)[: MOST - 2000].strip() or "x"
    if piece in ("> ", "\n> ", "\n- "):
        text = text[:2000]  # nesting is bounded by the renderer
    while marks(text) > MOST_MARKS - 100:  # more of them are refused with the file
        text = text[: len(text) * 4 // 5]
    assert cpu("x" + text, language) < CPU_SECONDS


@given(st.text(max_size=300))
@settings(max_examples=200)
def test_any_text_is_taken_apart(text: str) -> None:
    """Nothing is raised, and no block or sentence is empty."""
    assert all(sentence.strip() for sentence in sentences(blocks(text)))
    in_css(text)
    for words in LANGUAGES.values():
        words.claim.search(text)
        words.spam.search(text)
        words.negation.search(text)


@given(
    st.lists(
        st.sampled_from(["# drip: ignore=", "no-preheader", "long-subject", " ", "x", "\n", "drip:", ",", "#"]),
        max_size=12,
    )
)
@settings(max_examples=100)
def test_any_comment_is_read(parts: list[str]) -> None:
    """Comments of any shape above a course end in advice."""
    lines = "".join(f"# {line}\n" for line in "".join(parts).split("\n"))
    advice_on(lines + (FOLDER / "short.yaml").read_text("utf-8"))


def test_many_comments_are_read_at_once() -> None:
    """Ten thousand of them above a course take no longer than reading them; what is more than mails is not read."""
    text = "# drip: ignore=no-preheader because\n" * 10_000 + (FOLDER / "short.yaml").read_text("utf-8")
    before = time.process_time()
    found = advice_on(text)
    assert time.process_time() - before < CPU_SECONDS
    assert len(found) == MOST_COMMENTS
