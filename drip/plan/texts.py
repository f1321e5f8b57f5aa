"""What a mail says, in the course's language and in the others: whole texts, with every gap filled.

A variant's own text goes over the tip's. A translation's text goes over what it translates: where the variant has a
text of its own, only the translation of that variant counts for it; what is missing stays in the course's language.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from drip.course import lesson, translation
from drip.course.lesson import Said
from drip.course.links import with_pictures
from drip.course.model import Course
from drip.course.paths import folder_of, is_local, of_address, resolved
from drip.course.placeholders import literal
from drip.course.steps import Survey, Tip
from drip.course.translation import TranslatedSaid, survey_key
from drip.plan import model
from drip.plan.model import Button, Clip, Image, Option, Question, Texts, Variant

T = TypeVar("T")

#: The ends of the scales that have a name.
SCALES: Mapping[str, tuple[int, int]] = {"nps": (0, 10), "csat": (1, 5)}


def variants(course: Course, tip: Tip) -> tuple[Variant, ...]:
    """The variants of a tip, each with all its texts in every language; a tip without any has one, `default`."""
    if not tip.variants:
        return (_variant(course, tip, None, "default", 1),)
    return tuple(_variant(course, tip, each, each.name, each.weight) for each in tip.variants)


def question(tip: Tip, said: translation.TranslatedQuestion | None = None) -> Question | None:
    """The question of a tip, with the texts of a translation where it has them."""
    asked = tip.question
    if asked is None:
        return None
    texts = said.options if said and said.options else (None,) * len(asked.options)
    options = tuple(
        Option(
            text=other.text if other else option.text,
            correct=option.correct,
            because=(other and other.because) or option.because or "",
        )
        for option, other in zip(asked.options, texts, strict=True)
    )
    return Question(id=asked.id or tip.tip, ask=(said and said.ask) or asked.ask, options=options)


def questions(course: Course, tip: Tip) -> dict[str, Question]:
    """Language → the question of a tip."""
    found: dict[str, Question] = {}
    for language, said in course.translations.items():
        other = said.tips.get(tip.tip)
        if asked := question(tip, other.question if other else None):
            found[language] = asked
    return found


def objectives(course: Course, tip: Tip) -> dict[str, str]:
    """Language → the objective of a tip, where a translation says it."""
    said = {
        language: one.tips[tip.tip].objective for language, one in course.translations.items() if tip.tip in one.tips
    }
    return {language: text for language, text in said.items() if text} if tip.objective else {}


def survey(course: Course, step: Survey, step_id: str, language: str | None = None) -> model.Survey:
    """What a survey asks, in the course's language or in another."""
    said = _of_survey(course, step, language)
    low, high = step.scale or SCALES[step.survey]
    return model.Survey(id=step_id, kind=step.survey, ask=(said and said.ask) or step.ask, low=low, high=high)


def survey_variant(course: Course, step: Survey) -> Variant:
    """The one way to say a survey. Its subject is what it asks, unless one is written."""

    def texts(language: str | None) -> Texts:
        said = _of_survey(course, step, language)
        ask = (said and said.ask) or step.ask
        body = _body(course, said) if said and said.body else _body(course, step)
        subject = (said and said.subject) or step.subject or literal(ask)
        return Texts(subject=subject, preheader=(said and said.preheader) or step.preheader or "", body=body)

    return Variant(
        name="default", weight=1, texts=texts(None), translations={code: texts(code) for code in course.translations}
    )


def _of_survey(course: Course, step: Survey, language: str | None) -> translation.TranslatedSurvey | None:
    said = course.translations.get(language) if language else None
    return said.surveys.get(survey_key(step.survey, step.id)) if said else None


def _variant(course: Course, tip: Tip, variant: lesson.Variant | None, name: str, weight: int) -> Variant:
    translations = {}
    for language, said in course.translations.items():
        other = said.tips.get(tip.tip)
        theirs = next((one for one in other.variants if one.name == name), None) if other else None
        translations[language] = _texts(course, tip, variant, other, theirs)
    return Variant(name=name, weight=weight, texts=_texts(course, tip, variant), translations=translations)


def _texts(
    course: Course,
    tip: Tip,
    variant: lesson.Variant | None,
    other: TranslatedSaid | None = None,
    theirs: TranslatedSaid | None = None,
) -> Texts:
    """The texts of a tip in one variant, in the language of `other` (the tip's translation) and `theirs` (its own)."""

    def written(key: str) -> tuple[Said | None, list[TranslatedSaid]]:
        """Who says it in the course, and in the translation whoever may speak for them, the nearest first."""
        if variant is not None and getattr(variant, key) is not None:
            return variant, [theirs] if theirs else []
        said = tip if getattr(tip, key) is not None else None
        return said, [one for one in (theirs, other) if one is not None]

    def plain(key: str) -> str:
        said, translated = written(key)
        texts = [getattr(one, key) for one in (*translated, said) if one is not None]
        return next((text for text in texts if text), "")

    def part(key: str, inner: str) -> str:
        said, translated = written(key)
        parts = [getattr(one, key) for one in (*translated, said) if one is not None]
        return next((text for one in parts if one is not None and (text := getattr(one, inner))), "")

    said, translated = written("body")
    body_of = next((one for one in (*translated, said) if one is not None and one.body), tip)
    clip = written("clip")[0]
    film = clip.clip if clip else None
    return Texts(
        subject=plain("subject"),
        preheader=plain("preheader"),
        body=_body(course, body_of),
        button=Button(text=part("button", "text"), url=part("button", "url")) if written("button")[0] else None,
        image=_image(course, part("image", "src"), part("image", "alt")) if written("image")[0] else None,
        clip=Clip(
            url=part("clip", "url"),
            poster=_image(course, part("clip", "poster"), part("clip", "alt")),
            minutes=film.minutes,
            captions=film.captions,
        )
        if film
        else None,
        source=plain("source"),
    )


def _image(course: Course, src: str, alt: str) -> Image:
    """A picture by its https address, or by the name of its content with its size."""
    found = course.pictures.get(resolved("", src) or "") if is_local(src) else None
    if found is None:
        return Image(src=src, alt=alt)
    return Image(src=found.name, alt=alt, width=found.width, height=found.height)


def _body(course: Course, said: Said | TranslatedSaid | Survey | translation.TranslatedSurvey) -> str:
    """The body, with its pictures beside the course called by the names of their content."""
    base = folder_of(resolved("", said.body_file) or "") if said.body_file else ""

    def name_of(address: str) -> str | None:
        found = course.pictures.get(resolved(base, of_address(address)) or "") if is_local(address) else None
        return found.name if found else None

    return with_pictures(said.body or "", name_of)
