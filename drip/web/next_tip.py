"""What a page says of what comes next: when, or why nothing does."""

from __future__ import annotations

from datetime import datetime

from markupsafe import Markup, escape

from drip.engine.record import Origin
from drip.people import State
from drip.render.dates import locale_of
from drip.render.languages import words_for
from drip.render.parts import title_in
from drip.render.words import PageWords
from drip.schedule.slots import zone_of
from drip.web.dates import in_words
from drip.web.words import fill


def next_tip(origin: Origin, next_at: datetime | None, words: PageWords, now: datetime) -> str | Markup:
    """When the learner of a mail gets the next one (`next_at` if that is known), or why that cannot be said."""
    state, course = origin.enrolment.state, title_in(origin.plan, origin.delivery.language)
    when = _when(origin, next_at, words, now) if next_at is not None and next_at > now else ""
    match state:
        case State.FINISHED if when:  # what comes after the last tip are questions from earlier ones
            return fill(words.next_questions_at, when=when)
        case State.FINISHED:
            return say(words.finished, course=course)
        case State.PAUSED:
            return say(words.paused, course=course)
        case State.LEFT | State.FAILED:
            return words.gone
        case State.ACTIVE if next_at is None:
            return words.next_unknown
        case State.ACTIVE:
            return fill(words.next_at, when=when) if when else words.next_now


def _when(origin: Origin, at: datetime, words: PageWords, now: datetime) -> str:
    language = words_for(origin.delivery.language).language  # a date stands in a sentence of ours
    locale = locale_of(language, origin.learner.language)
    return in_words(at, zone_of(origin.learner, origin.plan), words, locale, now=now)


def say(text: str, **values: str) -> Markup:
    """One of our sentences with values in it, each kept apart from the direction of the sentence."""
    return Markup(fill(str(escape(text)), **{name: f"<bdi>{escape(value)}</bdi>" for name, value in values.items()}))
