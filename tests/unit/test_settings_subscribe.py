"""`[subscribe]` of drip.toml: what may be asked for, and what is said of each mistake."""

from __future__ import annotations

from pathlib import Path

import pytest

from drip.engine.subscribe import Offer, version_of
from drip.errors import SettingsError
from drip.settings import load


def read(folder: Path, text: str) -> Offer:
    (folder / "drip.toml").write_text(
        'language = "sv"\n[sender]\nname = "A"\nemail = "a@acme.example"\n' + text, "utf-8"
    )
    return load(folder, {}).subscribe


def test_without_the_section_nothing_is_offered(tmp_path: Path) -> None:
    """The form is off by default."""
    assert read(tmp_path, "") == Offer()
    assert load(tmp_path / "nowhere", {}).subscribe.courses == ()


def test_a_text_alone_is_in_the_workspace_s_language(tmp_path: Path) -> None:
    """And a table has one for each; a learner reads theirs, or the first."""
    offer = read(tmp_path, '[subscribe]\ncourses = ["one", "two", "one"]\nconsent = "Ja."\n')
    assert (offer.courses, offer.consent, offer.most_per_hour) == (("one", "two"), {"sv": "Ja."}, 600)
    both = read(tmp_path, '[subscribe]\ncourses = ["one"]\nmost_per_hour = 9\nconsent = {en = "Yes.", sv = "Ja."}\n')
    assert [both.text_in(tag) for tag in ("sv-FI", "en", "de")] == [("sv", "Ja."), ("en", "Yes."), ("en", "Yes.")]
    assert both.most_per_hour == 9


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('courses = ["one"]', "[subscribe] needs courses"),
        ('consent = "Yes."', "[subscribe] needs courses"),
        ('courses = "one"\nconsent = "Yes."', "[subscribe] courses: a list of courses is wanted"),
        ('courses = []\nconsent = "Yes."', "[subscribe] courses: a list of courses is wanted"),
        ('courses = ["one"]\nconsent = "  "', "[subscribe] consent: a text of at most"),
        ('courses = ["one"]\nconsent = {}', "[subscribe] consent: the text that people agree to"),
        ('courses = ["one"]\nconsent = {english = "Yes."}', "[subscribe] consent: "),
        ('courses = ["one"]\nconsent = {en = 5}', "[subscribe] consent: a text of at most"),
        ('courses = ["one"]\nconsent = "' + "x" * 2001 + '"', "[subscribe] consent: a text of at most"),
        ('courses = ["one"]\nconsent = "Yes."\nmost_per_hour = 0', "[subscribe] most_per_hour: how many"),
        ('courses = ["one"]\nconsent = "Yes."\nmost_per_hour = true', "[subscribe] most_per_hour: how many"),
        ('course = ["one"]\nconsent = "Yes."', "did you mean subscribe.courses"),
    ],
)
def test_a_mistake_is_named_with_its_key(tmp_path: Path, text: str, words: str) -> None:
    """Where it stands, and what is wanted."""
    with pytest.raises(SettingsError) as said:
        read(tmp_path, f"[subscribe]\n{text}\n")
    assert words in str(said.value)


def test_a_version_is_another_whenever_a_letter_is() -> None:
    """And the same for the same text, on every machine."""
    assert version_of("Yes.") != version_of("Yes")
    assert version_of("Yes.") == "5f9a2b795615ba6a"
