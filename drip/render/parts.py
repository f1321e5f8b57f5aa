"""What a mail says, part by part: a tip in one language, ready for a layout and for the plain text part."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from string import ascii_uppercase

from drip.errors import CourseError, ExpressionError, UserError
from drip.plan.model import Button, Clip, Image, Mail, Option, Plan, Survey, Texts
from drip.render.brand import Brand
from drip.render.content import Body, link_word, picture_address, read_body
from drip.render.dates import locale_of, number_in_words
from drip.render.links import is_untracked, link_target, untracked
from drip.render.shelf import Shelf
from drip.render.surveys import ends, rows
from drip.render.words import Words, direction

#: The width of a mail's column (LOOK: The mail); a wider picture is shown no wider.
COLUMN = 568


@dataclass(frozen=True, slots=True, kw_only=True)
class Pressable:
    """A button, an option with its letter, or a rating: its text with words for Jinja, and its address or the word
    for it.
    """

    text: str
    url: str
    letter: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A picture with its address or the word for it, and how large it is shown where that is known."""

    url: str
    alt: str
    width: int | None = None
    height: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Film:
    """A clip: its poster, and the line that says in words what is pressed and how long it takes (so the poster itself
    says nothing to those who do not see it).
    """

    url: str
    poster: Picture
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """A survey: what it asks ("" where the title asks it already), its ratings in rows, what its ends mean."""

    ask: str
    rows: tuple[tuple[Pressable, ...], ...]
    ends: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What a mail says, part by part, as text with words for Jinja. An empty text is a part that it has not.

    `earlier` is the heading over questions that come back with a tip. `body` is the tree, and `text` what the plain
    text part says of it.
    """

    subject: str = ""
    preheader: str = ""
    brand: str = ""
    progress: str = ""
    percent: int = 0
    title: str = ""
    body: Body = field(default_factory=lambda: Body(nodes=(), links=(), has_title=False, lead=""))
    source: str = ""
    picture: Picture | None = None
    clip: Film | None = None
    button: Pressable | None = None
    ask: str = ""
    options: tuple[Pressable, ...] = ()
    survey: Scale | None = None
    earlier: str = ""
    brings_questions: bool = False
    why: str = ""
    pause: Pressable
    change_pace: Pressable
    unsubscribe: Pressable
    view: Pressable
    address: str = ""
    links: tuple[str, ...] = ()


def read_parts(
    plan: Plan, mail: Mail, texts: Texts, words: Words, brand: Brand, shelf: Shelf, *, language: str
) -> Parts:
    """One variant of a tip in one language, its Jinja on the shelf.

    Raises ExpressionError or UserError, naming the step, for a placeholder or link that a mail cannot have.
    """
    with naming(mail.id):
        subject, body = shelf.hide(texts.subject), read_body(texts.body, shelf)
        links = list(body.links)
        clip = _film(texts.clip, links, words, shelf, language) if texts.clip else None
        button = _button(texts.button, links, shelf) if texts.button else None
        question, survey = mail.question_in(language), mail.survey_in(language)
        options = lettered(question.options, shelf) if question else ()
        of = max(mail.of, mail.number, 1)
        return replace(
            frame(plan, words, brand, shelf, language=language),
            subject=subject,
            preheader=shelf.hide(texts.preheader) or body.lead,
            progress=words.progress.format(number=mail.number, of=of) if of > 1 and mail.number > 0 else "",
            percent=round(100 * mail.number / of),
            title="" if body.has_title else subject,
            body=body,
            source=words.source.format(source=apart(shelf.hide(texts.source), words, language)) if texts.source else "",
            picture=_picture(texts.image, shelf) if texts.image else None,
            clip=clip,
            button=button,
            ask=question.ask if question else "",
            options=options,
            survey=_scale(survey, words, shelf, asked=not body.has_title and survey.ask == texts.subject)
            if survey
            else None,
            earlier=words.earlier if plan.reviews else "",
            brings_questions=plan.reviews is not None,
            links=tuple(links),
        )


def frame(plan: Plan, words: Words, brand: Brand, shelf: Shelf, *, language: str) -> Parts:
    """The parts that are the same in every mail of a course: who sends it, why, and the way out."""
    return Parts(
        brand=brand.name or plan.sender.name,
        why=words.why.format(course=title_in(plan, language), sender=plan.sender.name),
        pause=Pressable(text=words.pause, url=shelf.put("{{ course_url }}/pause")),
        change_pace=Pressable(text=words.change_pace, url=shelf.put("{{ course_url }}/pace")),
        unsubscribe=Pressable(text=words.unsubscribe, url=shelf.put("{{ unsubscribe_url }}")),
        view=Pressable(text=words.view, url=shelf.put("{{ view_url }}")),
        address=", ".join(line.strip() for line in brand.address.strip().splitlines()),
    )


def title_in(plan: Plan, language: str) -> str:
    """A course's title in a language, or in its own."""
    return plan.titles.get(language, plan.title)


def lettered(options: tuple[Option, ...], shelf: Shelf) -> tuple[Pressable, ...]:
    """A question's options with their letters. Raises UserError for more than there are letters."""
    if len(options) > len(ascii_uppercase):
        raise UserError(f"a question with {len(options)} options; {len(ascii_uppercase)} is the most")
    return tuple(
        Pressable(letter=letter, text=option.text, url=answer_word(number, shelf))
        for number, (letter, option) in enumerate(zip(ascii_uppercase, options, strict=False))
    )


def answer_word(number: int, shelf: Shelf) -> str:
    """The word for the address of an option or a rating, which is known only when a message is made."""
    return shelf.put(f"{{{{ answer_{number} }}}}")


def apart(text: str, words: Words, language: str) -> str:
    """An author's text inside a sentence of ours, kept apart where they run in different directions (UAX 9)."""
    return text if direction(words.language) == direction(language) else f"\u2068{text}\u2069"


@contextmanager
def naming(step: str) -> Iterator[None]:
    """Say in which step something was wrong."""
    try:
        yield
    except ExpressionError as error:
        message = f'step "{step}": {error.message}'
        raise ExpressionError(message, offset=error.offset, width=error.width, hint=error.hint) from None
    except CourseError:
        raise
    except UserError as error:
        raise UserError(f'step "{step}": {error}') from None


def _button(button: Button, links: list[str], shelf: Shelf) -> Pressable:
    """The button, whose target becomes the last of the links."""
    text, address = shelf.hide(button.text), shelf.hide(button.url.strip())
    if is_untracked(address, shelf):
        return Pressable(text=text, url=untracked(address, shelf))
    links.append(link_target(address, shelf))
    return Pressable(text=text, url=link_word(len(links) - 1, shelf))


def _picture(image: Image, shelf: Shelf) -> Picture:
    width, height = image.width, image.height
    if width and width > COLUMN:
        width, height = COLUMN, height and round(height * COLUMN / width)
    address = picture_address(shelf.hide(image.src.strip()), shelf)
    return Picture(url=address, alt=shelf.hide(image.alt), width=width, height=height)


def _film(clip: Clip, links: list[str], words: Words, shelf: Shelf, language: str) -> Film:
    """A clip, whose target is a link of the body: the last one before the button's."""
    address, poster = shelf.hide(clip.url.strip()), _picture(clip.poster, shelf)
    links.append(link_target(address, shelf))
    about = []
    if clip.minutes:
        about.append(words.minutes.format(minutes=number_in_words(clip.minutes, locale_of(language))))
    if clip.captions:
        about.append(words.captions)
    text = words.watch.format(what=apart(poster.alt, words, language)) + (f" ({', '.join(about)})" if about else "")
    return Film(url=link_word(len(links) - 1, shelf), poster=replace(poster, alt=""), text=text)


def _scale(survey: Survey, words: Words, shelf: Shelf, *, asked: bool) -> Scale:
    def rating(number: int) -> Pressable:
        return Pressable(text=str(number), url=answer_word(number - survey.low, shelf))

    return Scale(
        ask="" if asked else survey.ask,
        rows=tuple(tuple(rating(number) for number in row) for row in rows(survey)),
        ends=ends(survey, words),
    )
