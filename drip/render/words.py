"""The few fixed words of a mail, in each language. Another language is one more entry in `LANGUAGES`."""

from __future__ import annotations

from dataclasses import dataclass

#: Primary subtags of languages written from right to left.
RIGHT_TO_LEFT = frozenset({"ar", "ckb", "dv", "fa", "he", "iw", "ps", "sd", "ug", "ur", "yi"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What a mail says besides the tip itself. `progress` has {number} and {of}, `why` has {course} and {sender}."""

    #: The language that these words are in, which is not the mail's where we do not speak that.
    language: str
    progress: str
    why: str
    unsubscribe: str
    #: In the text part: what stands before the options of the question.
    choose: str


LANGUAGES: dict[str, Words] = {
    "en": Words(
        language="en",
        progress="{number} of {of}",
        why="You get this because you are taking “{course}” with {sender}.",
        unsubscribe="Unsubscribe",
        choose="Open the link of your answer:",
    ),
    "sv": Words(
        language="sv",
        progress="{number} av {of}",
        why="Du får det här för att du går kursen ”{course}” hos {sender}.",
        unsubscribe="Avsluta prenumerationen",
        choose="Öppna länken vid ditt svar:",
    ),
}


def words_for(language: str) -> Words:
    """The words in a BCP 47 language: its own, else those of its primary subtag (`sv` for `sv-FI`), else English."""
    tag = language.lower()
    return LANGUAGES.get(tag) or LANGUAGES.get(tag.partition("-")[0]) or LANGUAGES["en"]


def direction(language: str) -> str:
    """`rtl` for a language written from right to left, else `ltr`. A script subtag decides where there is one."""
    primary, *others = language.lower().split("-")
    if "latn" in others or "cyrl" in others:
        return "ltr"
    return "rtl" if primary in RIGHT_TO_LEFT or {"arab", "hebr"} & set(others) else "ltr"
