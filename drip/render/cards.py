"""Questions that come back: a card each, and the mail of their own that holds nothing else.

Which ones come back differs from learner to learner, so a card is a template of its own, laid out once for all learners
in the look that its layout gives to a question. `build_message` puts cards where a tip's template has a place for them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from html import escape

from drip.plan.model import Mail, Option, Plan, Question
from drip.render.brand import Brand
from drip.render.content import read_body
from drip.render.languages import words_for
from drip.render.layout import PIXEL, check, lay_out
from drip.render.message import Template
from drip.render.parts import apart, frame, lettered, naming
from drip.render.shelf import Shelf
from drip.render.text_part import card_text, text_of
from drip.render.words import Words

#: The step of a mail that holds nothing but questions that came back (DESIGN: What is stored).
RECAP = "review"
#: The variant of everything that has none.
_VARIANT = "default"


def card_step(question_id: str) -> str:
    """The step under which a question's card is stored: no tip's id begins with a question mark."""
    return f"?{question_id}"


def compile_cards(plan: Plan, language: str, layout: str, brand: Brand | None = None) -> tuple[Template, ...]:
    """A small template for each question of the course, as it comes back in a later mail.

    Raises CourseError for a layout that does not mark with card_begins and card_ends what a question looks like.
    """
    brand, words = brand or Brand(), words_for(language)
    questions = list(_questions(plan, language))
    shelf = Shelf((layout, *_strings(plan, brand), *(text for one in questions for text in _texts(one))))
    looks: dict[int, _Look] = {}
    cards = []
    for question in questions:
        with naming(question.id):
            options = lettered(question.options, shelf)
        if len(options) not in looks:  # a layout costs a hundred times what its words do
            looks[len(options)] = _Look(plan, len(options), words, layout, brand, shelf, language)
        card = Template(
            revision=plan.revision,
            step=card_step(question.id),
            language=language,
            variant=_VARIANT,
            subject="",
            html=shelf.restore(looks[len(options)].of(question)),
            text=shelf.restore(card_text(question.ask, options, words)),
        )
        check(card)
        cards.append(card)
    return tuple(cards)


def compile_recap(plan: Plan, language: str, layout: str, brand: Brand | None = None) -> Template:
    """The mail that holds nothing but questions that came back; which, is said when a message is built.

    Raises CourseError for a layout without a place for them.
    """
    brand, words = brand or Brand(), words_for(language)
    title, text = (apart(said, words, language) for said in (words.recap_subject, words.recap_text))
    shelf = Shelf((layout, *_strings(plan, brand), title, text))
    parts = replace(
        frame(plan, words, brand, shelf, language=language),
        subject=words.recap_subject,
        preheader=words.recap_text,
        title=title,
        body=read_body(text, shelf),
        brings_questions=True,
    )
    head, closing, tail = shelf.restore(lay_out(plan, parts, layout, brand, shelf, language)).rpartition("</body>")
    recap = Template(
        revision=plan.revision,
        step=RECAP,
        language=language,
        variant=_VARIANT,
        subject=words.recap_subject,
        html=head + PIXEL + closing + tail,
        text=shelf.restore(text_of(parts, words, shelf)),
    )
    check(recap)
    return recap


class _Look:
    """What a question with so many options looks like in a layout."""

    def __init__(
        self, plan: Plan, options: int, words: Words, layout: str, brand: Brand, shelf: Shelf, language: str
    ) -> None:
        self._shelf, self._ask = shelf, shelf.put("")
        self._options = [shelf.put("") for _ in range(options)]
        begins, ends = shelf.put(""), shelf.put("")
        parts = frame(plan, words, brand, shelf, language=language)
        html = lay_out(
            plan,
            parts,
            layout,
            brand,
            shelf,
            language,
            must_use={begins: "card_begins", ends: "card_ends", self._ask: "ask"},
            card_begins=begins,
            card_ends=ends,
            ask=self._ask,
            options=lettered(tuple(Option(text=word) for word in self._options), shelf),
        )
        self._html = html.partition(begins)[2].partition(ends)[0]

    def of(self, question: Question) -> str:
        """The card of a question, with words where its Jinja stands."""
        html = self._html
        texts = (question.ask, *(option.text for option in question.options))
        for word, text in zip((self._ask, *self._options), texts, strict=True):
            html = html.replace(word, self._shelf.put(self._shelf.restore(escape(text))))
        return html


def _questions(plan: Plan, language: str) -> Iterator[Question]:
    for step in plan.steps:
        question = step.question_in(language) if isinstance(step, Mail) else None
        if question is not None:
            yield question


def _texts(question: Question) -> Iterator[str]:
    yield question.ask
    yield from (option.text for option in question.options)


def _strings(plan: Plan, brand: Brand) -> Iterator[str]:
    yield from (plan.title, *plan.titles.values(), plan.sender.name, brand.name, brand.logo, brand.address)
