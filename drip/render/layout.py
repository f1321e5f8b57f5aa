"""An MJML layout and a tip become one template per (revision, step, language, variant).

Everything that is the same for all learners is done here, once: the layout's own conditions are decided, MJML becomes
HTML, styles are written into the elements. What the tip says reaches the layout as opaque words (see shelf.py), so that
no tool on the way can read or damage it; what is left for a message is one fill of a Jinja template.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from html import escape

from css_inline import CSSInliner
from jinja2 import TemplateSyntaxError
from markupsafe import Markup
from mjml import mjml2html

from drip.course.expressions import environment
from drip.errors import ExpressionError
from drip.plan.model import Mail, Plan, Texts, Variant
from drip.render.brand import Brand, palette
from drip.render.content import to_html
from drip.render.languages import words_for
from drip.render.markup import Filled, fill_layout, refuse
from drip.render.message import Template
from drip.render.parts import Parts, Picture, Pressable, read_parts
from drip.render.shelf import Shelf
from drip.render.text_part import text_of
from drip.render.words import direction

__all__ = ["Brand", "check", "compile_template", "lay_out"]

#: Opens are seen by this. It stands last, and only in a message that has an address for it.
PIXEL = '{% if pixel_url %}<img src="{{ pixel_url }}" width="1" height="1" alt="" style="display:block">{% endif %}'

#: MJML's own reset, which mail programs need in the head only: written into every cell it would double the mail.
_RESET, _LEAVE = '<style type="text/css">\n#outlook', 'data-css-inline="ignore"'
_INLINER = CSSInliner(load_remote_stylesheets=False, keep_style_tags=True, remove_inlined_selectors=True)
_SANDBOXES = {"html": environment(autoescape=True), "text": environment(autoescape=False)}


def compile_template(
    plan: Plan,
    mail: Mail,
    variant: Variant,
    layout: str,
    brand: Brand | None = None,
    *,
    language: str | None = None,
) -> Template:
    """One variant of a tip in a layout (the text of an .mjml file) and a language (the course's, if not said), as Jinja
    source for `build_message`.

    Raises CourseError for a layout that cannot be read, with its line; ExpressionError or UserError, naming the step,
    for a placeholder or link that a mail cannot have; SettingsError for a brand that cannot be shown.
    """
    brand, language = brand or Brand(), language or plan.language
    texts, words = variant.texts_in(language), words_for(language)
    shelf = Shelf((layout, *_strings(plan, mail, texts, brand, language)))
    parts = read_parts(plan, mail, texts, words, brand, shelf, language=language)
    head, closing, tail = shelf.restore(lay_out(plan, parts, layout, brand, shelf, language)).rpartition("</body>")
    template = Template(
        revision=plan.revision,
        step=mail.id,
        language=language,
        variant=variant.name,
        subject=shelf.restore(parts.subject),
        html=head + PIXEL + closing + tail,
        text=shelf.restore(text_of(parts, words, shelf)),
        links=parts.links,
    )
    check(template)
    return template


def lay_out(
    plan: Plan,
    parts: Parts,
    layout: str,
    brand: Brand,
    shelf: Shelf,
    language: str,
    *,
    must_use: Mapping[str, str] | None = None,
    **more: object,
) -> str:
    """The parts in the layout as HTML with its styles written into the elements, words where its Jinja stands.

    `more` are further values for the layout; `must_use` is word → the name that a layout must put it in by.
    """
    body, riders = shelf.put(""), shelf.put("")
    shown = _shown(parts, shelf) | _script(language) | palette(brand) | {"body": body, "percent": parts.percent}
    shown |= {"riders": riders if parts.brings_questions else "", "card_begins": "", "card_ends": ""} | more
    filled = fill_layout(plan.layout, layout, shown)
    html = _to_html(plan.layout, layout, filled)
    wanted = {body: "body", parts.unsubscribe.url: "unsubscribe.url"} | dict(must_use or {})
    if parts.brings_questions:
        wanted[riders] = "riders"
    for word, name in wanted.items():
        if word not in html:
            raise refuse(
                plan.layout, layout, 1, "the layout leaves something out", hint=f"it must use {{{{ {name} }}}}"
            )
    html = html.replace(body, to_html(parts.body.nodes, shelf)).replace(riders, _riders(parts, shelf, language))
    return _INLINER.inline(html).replace(f" {_LEAVE}", "", 1)


def check(template: Template) -> None:
    """Whether what came out of all the tools is still Jinja that the sandbox can read. Raises ExpressionError."""
    for source, sandbox in ((template.subject, "text"), (template.text, "text"), (template.html, "html")):
        try:
            _SANDBOXES[sandbox].parse(source)
        except TemplateSyntaxError as error:
            raise ExpressionError(f'step "{template.step}": its conditions cross each other: {error.message}') from None


def _strings(plan: Plan, mail: Mail, texts: Texts, brand: Brand, language: str) -> Iterator[str]:
    """Every text that goes into a template."""
    yield from (texts.subject, texts.preheader, texts.body, texts.source, plan.title, plan.sender.name)
    yield from (brand.name, brand.logo, brand.address, *plan.titles.values())
    if texts.button:
        yield from (texts.button.text, texts.button.url)
    if texts.clip:
        yield texts.clip.url
    for image in (texts.image, texts.clip and texts.clip.poster):
        if image:
            yield from (image.src, image.alt)
    if question := mail.question_in(language):
        yield from (question.ask, *(option.text for option in question.options))
    if survey := mail.survey_in(language):
        yield survey.ask


def _word(text: str, shelf: Shelf) -> str:
    """A word for a text that becomes HTML only after MJML, whose escaping of attributes is not to be trusted."""
    return shelf.put(shelf.restore(escape(text))) if text else ""


def _shown(parts: Parts, shelf: Shelf) -> dict[str, object]:
    """The parts for a layout: a word for every text."""

    def word(text: str) -> str:
        return _word(text, shelf)

    def pressed(one: Pressable) -> Pressable:
        return replace(one, text=word(one.text), url=word(one.url))

    def seen(picture: Picture) -> Picture:
        return replace(picture, url=word(picture.url), alt=word(picture.alt))

    survey, clip = parts.survey, parts.clip
    ways = {name: getattr(parts, name) for name in ("pause", "change_pace", "unsubscribe", "view")}
    return {
        **{name: word(getattr(parts, name)) for name in _PLAIN},
        "image": parts.picture and seen(parts.picture),
        "clip": clip and replace(clip, url=word(clip.url), text=word(clip.text), poster=seen(clip.poster)),
        "button": parts.button and pressed(parts.button),
        "options": [pressed(option) for option in parts.options],
        "survey": survey
        and replace(
            survey,
            ask=word(survey.ask),
            ends=word(survey.ends),
            rows=tuple(tuple(replace(one, url=word(one.url)) for one in row) for row in survey.rows),
        ),
        **{name: replace(way, text=word(way.text)) for name, way in ways.items()},
    }


#: Parts that are one text each, under their own names.
_PLAIN = ("subject", "preheader", "brand", "progress", "title", "source", "ask", "why", "address")


def _riders(parts: Parts, shelf: Shelf, language: str) -> str:
    """Where questions that come back stand once a message has some."""
    heading = f'<h2 class="earlier"{_ours(language)}>{escape(parts.earlier)}</h2>' if parts.earlier else ""
    return shelf.put("{% if cards %}") + heading + shelf.put("{{ cards }}") + shelf.put("{% endif %}")


def _ours(language: str) -> Markup:
    """The attributes of what is said in drip's own words, where the mail is in a language that we do not speak."""
    words = words_for(language).language
    if words.partition("-")[0] == language.lower().partition("-")[0]:
        return Markup()
    return Markup(' lang="{}" dir="{}"').format(words, direction(words))


def _script(language: str) -> dict[str, object]:
    """Which way the mail is read; and its few fixed words, which may have to be in another language."""
    sides = {"ltr": ("left", "right"), "rtl": ("right", "left")}
    start, end = sides[direction(language)]
    words = words_for(language).language
    return {
        "language": language,
        "dir": direction(language),
        "start": start,
        "end": end,
        "ours": _ours(language),
        "words_language": words,
        "words_dir": direction(words),
        "words_start": sides[direction(words)][0],
    }


def _to_html(name: str, layout: str, filled: Filled) -> str:
    try:
        # no fonts from elsewhere: a mail fetches nothing that the marketer did not put into it
        html = str(mjml2html(filled.mjml, fonts={}))
    except ValueError as error:
        place = re.search(r"position (\d+):\d+", str(error))  # a span of characters, where there is one
        line = filled.line(filled.mjml.count("\n", 0, int(place[1])) + 1) if place else 1
        raise refuse(name, layout, line, f"MJML cannot read it: {error}") from None
    return html.replace(_RESET, _RESET.replace(">", f" {_LEAVE}>"), 1)
