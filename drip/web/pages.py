"""The learner's pages: Jinja templates and plain values become responses that no browser may keep, frame or script."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from string import ascii_uppercase
from typing import Any

from jinja2 import ChoiceLoader, Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import HTMLResponse, PlainTextResponse, Response

from drip.engine.record import SURE, Graded, Origin, Rated
from drip.errors import DripError, MachineError, TokenError
from drip.people import Learner
from drip.plan.model import Option, Plan, Question, Survey
from drip.render.colour import hex_colour, readable, text_on
from drip.render.languages import words_for
from drip.render.parts import title_in
from drip.render.surveys import ends, ratings
from drip.render.words import Notice, PageWords, direction
from drip.web.next_tip import next_tip, say
from drip.web.onward import Ways
from drip.web.words import fill, page_words, sure_labels

PACKAGED = Path(__file__).parent / "pages"

#: What accents must be readable on: the page and the card (LOOK: The mail).
_LIGHT, _DARK = ("#FFFFFF", "#F6F7F8"), ("#16181A", "#1E2124")
#: On everything that we answer, but for what may be kept (nothing yet).
PRIVATE = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Lettered:
    """An option as a page shows it."""

    letter: str
    text: str
    because: str


class Pages:
    """Every page, in every language. `brand` falls back to the course's sender where one is known.

    `templates_dir` may hold templates of the same names, which come before ours. Raises SettingsError for an accent
    that is not a colour.
    """

    def __init__(self, *, brand: str, logo: str, accent: str, language: str, templates_dir: Path | None) -> None:
        colour = hex_colour(accent)
        folders = [folder for folder in (templates_dir, PACKAGED) if folder is not None]
        self.brand, self._logo, self.language = brand, logo, language
        self._look = {
            "on_light": readable(colour, *_LIGHT),
            "on_dark": readable(colour, *_DARK),
            "fill": colour,
            "on_fill": text_on(colour),
        }
        self._templates = Environment(
            loader=ChoiceLoader([FileSystemLoader(folder) for folder in folders]),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def answer(self, origin: Origin, question: Question, chosen: int, nonce: str, ways: Ways) -> Response:
        """A question of a mail with one option chosen, asking how sure the learner is."""
        return self._of(
            origin,
            "answer.html",
            question=question,
            options=_lettered(question.options),
            chosen=chosen,
            nonce=nonce,
            sure=sure_labels(self._words(origin), SURE),
            ways=ways,
        )

    def rate(self, origin: Origin, survey: Survey, chosen: int, nonce: str, ways: Ways) -> Response:
        """A survey with one rating chosen, to be sent with a press."""
        meaning = ends(survey, words_for(origin.delivery.language))
        values = {"survey": survey, "ratings": ratings(survey), "ends": meaning, "chosen": chosen, "nonce": nonce}
        return self._of(origin, "rate.html", ways=ways, **values)

    def rated(self, origin: Origin, rated: Rated, ways: Ways, *, now: datetime) -> Response:
        """Thanks for a rating, and when the next tip comes."""
        return self._of(
            origin,
            "rated.html",
            survey=rated.survey,
            rating=rated.rating,
            repeated=rated.repeated,
            ways=ways,
            next=next_tip(origin, rated.next_at, self._words(origin), now),
        )

    def feedback(self, origin: Origin, graded: Graded, sure: str, ways: Ways, *, now: datetime) -> Response:
        """Right or wrong, the explanations, and when the next tip comes."""
        words, options = self._words(origin), _lettered(graded.question.options)
        right = [lettered for lettered, option in zip(options, graded.question.options, strict=True) if option.correct]
        return self._of(
            origin,
            "feedback.html",
            question=graded.question,
            correct=graded.correct,
            chosen=options[graded.option],
            right_ones=[] if graded.correct else right,
            remark=_remark(graded, sure, words),
            ways=ways,
            next=next_tip(origin, graded.next_at, words, now),
        )

    def leave(self, origin: Origin, nonce: str) -> Response:
        """Asks whether to leave."""
        return self._of(origin, "leave.html", nonce=nonce, scope=origin.plan.unsubscribe)

    def left(self, origin: Origin, *, before: bool, scope: str = "", undo: str = "") -> Response:
        """Says that the learner has left (`scope`: what the course says). `undo` is a token that takes it back."""
        back = words_for(origin.delivery.language).back
        return self._of(
            origin, "left.html", before=before, scope=scope or origin.plan.unsubscribe, undo=undo, back=back
        )

    def left_in_short(self, origin: Origin) -> Response:
        """What a mail provider is told that has pressed for the learner (RFC 8058): it shows it to nobody."""
        words = self._words(origin)
        course = title_in(origin.plan, origin.delivery.language)
        of_course = origin.plan.unsubscribe == "course"
        said = fill(words.left_course_short, course=course) if of_course else words.left_short
        return PlainTextResponse(said + "\n", headers=PRIVATE)

    def test(self, language: str, status: int = 200) -> Response:
        """Says that the link came from a test message."""
        return self._notice(page_words(language).test, language, status)

    def refused(self, error: DripError, language: str) -> Response:
        """Says that a link does not lead anywhere, or that we are in trouble."""
        words = page_words(language)
        match error:
            case TokenError(status=410):
                return self._notice(words.expired, language, 410)
            case TokenError():
                return self._notice(words.missing, language, error.status)
            case MachineError():
                return self._notice(words.trouble, language, 503, {"Retry-After": "60"})
            case _:
                return self._notice(words.missing, language, 404)

    def too_late(self, language: str, to_course: str) -> Response:
        """Says that an answer comes too late; `to_course` is where one asks for a fresh link, "" where nobody does."""
        notice = page_words(language).expired
        return self._page("notice.html", language, self.brand, "", status=410, notice=notice, to_course=to_course)

    def status(self, status: int, language: str, headers: dict[str, str] | None = None) -> Response:
        """Says that a request was not as it should be (4xx), or that we are in trouble (5xx)."""
        words = page_words(language)
        notice = words.trouble if status >= 500 else words.missing if status == 404 else words.refused
        return self._notice(notice, language, status, headers)

    def about(self, origin: Origin, template: str, **values: Any) -> Response:
        """Any other page about a mail."""
        return self._of(origin, template, **values)

    def of_course(self, plan: Plan, learner: Learner, language: str, template: str, **values: Any) -> Response:
        """A page about a course and its learner, in a language."""
        brand = self.brand or plan.sender.name
        sender = brand or page_words(language).nameless_sender
        address, course = masked(learner.email), title_in(plan, language)
        return self._page(template, language, brand, course, sender=sender, address=address, **values)

    def show(
        self,
        template: str,
        language: str,
        *,
        brand: str = "",
        course: str = "",
        status: int = 200,
        headers: dict[str, str] | None = None,
        **values: Any,
    ) -> Response:
        """Any page that belongs to no mail. `brand` is for where none is set, such as the course's sender."""
        return self._page(template, language, self.brand or brand, course, status=status, headers=headers, **values)

    def _words(self, origin: Origin) -> PageWords:
        return page_words(origin.delivery.language)

    def _notice(self, notice: Notice, language: str, status: int, headers: dict[str, str] | None = None) -> Response:
        return self._page("notice.html", language, self.brand, "", status=status, headers=headers, notice=notice)

    def _of(self, origin: Origin, template: str, **values: Any) -> Response:
        """A page about a mail."""
        return self.of_course(origin.plan, origin.learner, origin.delivery.language, template, **values)

    def _page(
        self,
        template: str,
        language: str,
        brand: str,
        course: str,
        *,
        status: int = 200,
        headers: dict[str, str] | None = None,
        **values: Any,
    ) -> Response:
        said, style_nonce = words_for(language), secrets.token_urlsafe(16)
        spoken = language.lower().partition("-")[0] == said.language.partition("-")[0]
        html = self._templates.get_template(template).render(
            language=language,
            dir=direction(language),
            ours="" if spoken else Markup(' lang="{}" dir="{}"').format(said.language, direction(said.language)),
            words=said.pages,
            say=say,
            fill=fill,
            brand=brand,
            logo=self._logo,
            course=course,
            look=self._look,
            style_nonce=style_nonce,
            **values,
        )
        return HTMLResponse(html, status, headers={**PRIVATE, **_fence(style_nonce), **(headers or {})})


def masked(email: str) -> str:
    """`a•••@example.com` for anna@example.com: enough to know one's own address by."""
    name, _, domain = email.rpartition("@")
    return f"{name[:1]}•••@{domain}"


def _fence(style_nonce: str) -> dict[str, str]:
    """No scripts, no frames, no forms to elsewhere; only the page's own style and a brand's logo."""
    policy = (
        f"default-src 'none'; style-src 'nonce-{style_nonce}'; img-src 'self' https: data:; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
    return {"Content-Security-Policy": policy, "X-Frame-Options": "DENY"}


def _lettered(options: Sequence[Option]) -> list[Lettered]:
    return [
        Lettered(letter=letter, text=option.text, because=option.because)
        for letter, option in zip(ascii_uppercase, options, strict=False)
    ]


def _remark(graded: Graded, sure: str, words: PageWords) -> str:
    """A word about knowing what one knows: a lucky guess, a certain mistake (Butterfield & Metcalfe 2001)."""
    if graded.repeated:
        return words.first_counts
    if graded.correct and sure == SURE[0]:
        return words.guessed_right
    if not graded.correct and sure == SURE[-1]:
        return words.certain_wrong
    return ""
