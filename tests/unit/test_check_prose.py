"""How texts are measured: letters, words, sentences, syllables."""

from __future__ import annotations

import pytest

from drip.check.draft import blocks
from drip.check.prose import grade, lix, reading_seconds, sentences, syllable_count, words


def test_reading_takes_time_by_letter() -> None:
    """1,000 letters take 52 seconds in a language with an alphabet; signs that are syllables or words take longer."""
    assert reading_seconds(["a" * 600, "b" * 400], "sv") == pytest.approx(52)
    assert reading_seconds(["a b, c!"], "en") == pytest.approx(3 * 0.052)
    assert reading_seconds(["字" * 100], "zh-Hant") > 3 * reading_seconds(["a" * 100], "en")
    assert reading_seconds([], "en") == 0


def test_markdown_is_read_without_its_marks() -> None:
    """Items and headings are blocks of their own; links and pictures count with what is seen of them; code does not."""
    body = """\
# A *title*

Hi {{ learner.first_name | default("there") }}, look at [the guide](https://a.example/x)
and go on. ![alt](https://a.example/p.png)

- one **thing**,
- another.

1. first
> quoted

---

```
code that nobody reads aloud
```
{% if learner.plan == "pro" %}You pay.{% endif %}
"""
    assert blocks(body) == (
        "A title",
        "Hi there, look at the guide and go on.",
        "one thing,",
        "another.",
        "first",
        "quoted",
        "You pay.",
    )


def test_sentences_end_with_their_marks() -> None:
    """A mark and a capital end one, also behind a quote; figures, small letters and brackets do not."""
    text = "Is it? “Yes.” Then go on, e.g. at 3.5 per cent. Ärligt talat! Och …sedan"
    assert sentences([text]) == ["Is it?", "“Yes.”", "Then go on, e.g. at 3.5 per cent.", "Ärligt talat!", "Och …sedan"]
    assert sentences(["one", "two"]) == ["one", "two"]
    assert words("It’s 3 o'clock, e-mail och åäö") == ["It’s", "o'clock", "e-mail", "och", "åäö"]


def test_lix_is_what_its_formula_says() -> None:
    """Words a sentence + 100 × words of more than six letters / words."""
    text = ["Vi går hem nu. Kommunfullmäktige sammanträder senare idag."]
    assert lix(text) == pytest.approx(8 / 2 + 100 * 2 / 8)
    assert lix([]) == 0


@pytest.mark.parametrize(
    ("word", "count"),
    [
        ("cat", 1), ("table", 2), ("whole", 1), ("file", 1), ("files", 1), ("changes", 2), ("makes", 1), ("wanted", 2),
        ("asked", 1), ("question", 2), ("apple", 2), ("the", 1), ("understanding", 4), ("x", 1), ("rhythm", 1),
    ],
)  # fmt: skip
def test_syllables_of_common_words(word: str, count: int) -> None:
    """Silent endings are not counted; every word has one at least."""
    assert syllable_count(word) == count


def test_hard_english_has_a_higher_grade() -> None:
    """Short words in short sentences are for anybody, long ones for few."""
    easy = ["The cat sat on the mat. It was a big cat. We like it."]
    hard = [
        "Organisational accountability necessitates comprehensive documentation of administrative responsibilities."
    ]
    assert grade(easy) < 3
    assert grade(hard) > 20
    assert grade([]) == 0
