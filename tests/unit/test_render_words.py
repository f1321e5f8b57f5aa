"""What drip itself says, in every language that it speaks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from string import Formatter

import pytest
from babel import Locale

from drip.render import languages
from drip.render.languages import LANGUAGES, spoken, words_for
from drip.render.words import direction

FOLDER = Path(languages.__file__).parent


def said(words: object, at: str = "") -> Iterator[tuple[str, str]]:
    """(place, text) of everything that a language says."""
    if isinstance(words, str):
        yield at, words
    elif isinstance(words, tuple):
        for number, text in enumerate(words):
            yield from said(text, f"{at}[{number}]")
    else:
        assert is_dataclass(words)
        for field in fields(words):
            yield from said(getattr(words, field.name), f"{at}.{field.name}")


def placeholders(text: str) -> set[str]:
    """The names in braces."""
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


@pytest.mark.parametrize("tag", LANGUAGES)
def test_every_language_says_everything(tag: str) -> None:
    """The same places as in English, each with words in it and with the same placeholders; CLDR knows its locale."""
    english, words = dict(said(LANGUAGES["en"])), dict(said(LANGUAGES[tag]))
    assert words.keys() == english.keys()
    assert [place for place, text in words.items() if not text.strip()] == []
    assert {place: placeholders(text) for place, text in words.items()} == {
        place: placeholders(text) for place, text in english.items()
    }
    assert LANGUAGES[tag].language.lower() == tag
    assert Locale.parse(LANGUAGES[tag].locale).language == tag.partition("-")[0]


@pytest.mark.parametrize("tag", [tag for tag in LANGUAGES if tag != "en"])
def test_no_language_is_left_in_english(tag: str) -> None:
    """A sentence that was copied and not translated stands out."""
    english = dict(said(LANGUAGES["en"]))
    same = [place for place, text in said(LANGUAGES[tag]) if text == english[place] and len(text.split()) > 2]
    assert [place for place in same if place != ".ends"] == []


def test_a_language_is_one_file() -> None:
    """Whatever lies in the folder is spoken: there is no list to add to."""
    files = {file.stem.replace("_", "-") for file in FOLDER.glob("*.py")} - {"--init--"}
    assert set(LANGUAGES) == files
    assert {"en", "sv"} <= files


@pytest.mark.parametrize(
    ("tag", "language"), [("sv", "sv"), ("SV-fi", "sv"), ("en-GB", "en"), ("xx", "en"), ("", "en")]
)
def test_a_language_falls_back_to_its_parent_and_then_to_english(tag: str, language: str) -> None:
    """A mail in a language that we do not speak still says who sent it and how to leave."""
    assert words_for(tag).language == language
    assert (spoken(tag) is None) == (tag in ("xx", ""))


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
