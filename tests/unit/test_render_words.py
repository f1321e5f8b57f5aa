"""The fixed words of a mail, in every language that we speak."""

from __future__ import annotations

from dataclasses import fields

import pytest

from drip.render.words import LANGUAGES, Words, direction, words_for


@pytest.mark.parametrize("tag", LANGUAGES)
def test_every_language_is_complete(tag: str) -> None:
    """No word is empty, and the placeholders are those that are filled."""
    words = LANGUAGES[tag]
    assert words.language == tag
    assert all(getattr(words, field.name).strip() for field in fields(Words))
    assert words.progress.format(number=3, of=8).count("3") == 1
    why = words.why.format(course="COURSE", sender="SENDER")
    assert "COURSE" in why
    assert "SENDER" in why


@pytest.mark.parametrize(
    ("tag", "language"), [("sv", "sv"), ("SV-fi", "sv"), ("en-GB", "en"), ("xx", "en"), ("", "en")]
)
def test_a_language_falls_back_to_its_parent_and_then_to_english(tag: str, language: str) -> None:
    """A mail in a language that we do not speak still says who sent it and how to leave."""
    assert words_for(tag).language == language


@pytest.mark.parametrize(
    ("tag", "way"),
    [
        ("ar", "rtl"),
        ("he-IL", "rtl"),
        ("fa", "rtl"),
        ("ur-PK", "rtl"),
        ("en", "ltr"),
        ("az-Arab", "rtl"),
        ("ur-Latn", "ltr"),
    ],
)
def test_direction_follows_the_script(tag: str, way: str) -> None:
    """A language is read in its script's direction."""
    assert direction(tag) == way
