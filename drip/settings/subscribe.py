"""`[subscribe]` of drip.toml: the courses that anybody may ask for by a form, and what people agree to in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drip.course import values as course_values
from drip.engine.subscribe import Offer
from drip.errors import SettingsError
from drip.settings import values
from drip.settings.files import FILE, Said

SECTION = "subscribe"
KEYS = ("courses", "consent", "most_per_hour")
#: A text that people read before they press: a page of it would be read by nobody.
LONGEST_CONSENT = 2_000


def offer(said: Said, language: str) -> Offer:
    """What may be asked for; nothing, where there is no such section. `language` is the workspace's.

    Raises SettingsError.
    """
    named = {key: said[f"{SECTION}.{key}"] for key in KEYS if f"{SECTION}.{key}" in said}
    if not named:
        return Offer()
    if "courses" not in named or "consent" not in named:
        raise SettingsError(
            f"{FILE}: [{SECTION}] needs courses, a list of their ids, and consent, what people agree to"
        )
    found: dict[str, Any] = {
        "courses": values.read(_courses, *named["courses"]),
        "consent": values.read(lambda value: _consent(value, language), *named["consent"]),
    }
    if "most_per_hour" in named:
        found["most_per_hour"] = values.read(_number, *named["most_per_hour"])
    return Offer(**found)


def _courses(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not value or not all(isinstance(one, str) and one.strip() for one in value):
        raise ValueError('a list of courses is wanted, such as ["first-report"]')
    return tuple(dict.fromkeys(one.strip() for one in value))


def _consent(value: Any, language: str) -> Mapping[str, str]:
    """language → text; a text alone is in the workspace's language."""
    texts = value if isinstance(value, dict) else {language: value}
    if not texts:
        raise ValueError("the text that people agree to is wanted")
    tag = values.of_course(course_values.language)
    return {tag(language_): _text(text) for language_, text in texts.items()}


def _text(value: Any) -> str:
    text = value.strip() if isinstance(value, str) else ""
    if not text or len(text) > LONGEST_CONSENT or any(ord(sign) < 32 and sign != "\n" for sign in text):
        raise ValueError(f"a text of at most {LONGEST_CONSENT:,} characters is wanted: what people agree to")
    return text


def _number(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 1_000_000:
        raise ValueError(f"how many may ask in an hour: a number from 1, not {value!r}")
    return value
