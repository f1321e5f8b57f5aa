"""An MJML layout and a tip become one template per (revision, step, language, variant).

Everything that is the same for all learners is done here, once: the layout's own conditions are decided, MJML becomes
HTML, styles are written into the elements. What the tip says reaches the layout as opaque words (see shelf.py), so that
no tool on the way can read or damage it; what is left for a message is one fill of a Jinja template.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from html import escape
from string import ascii_uppercase

from css_inline import CSSInliner
from jinja2 import TemplateSyntaxError
from mjml import mjml2html

from drip.course.expressions import environment
from drip.errors import CourseError, ExpressionError, SettingsError, UserError
from drip.plan.model import Button, Mail, Plan, Variant
from drip.render.colour import hex_colour, readable, text_on
from drip.render.content import link_word, read_body, to_html
from drip.render.links import is_untracked, link_target, untracked
from drip.render.markup import Filled, fill_layout, refuse
from drip.render.message import Template
from drip.render.plain import to_text
from drip.render.shelf import Shelf
from drip.render.words import direction, words_for

#: What accents must be readable on: the page and the card, light and dark (LOOK: The mail).
_LIGHT, _DARK = ("#FFFFFF", "#F6F7F8"), ("#16181A", "#1E2124")
#: Opens are seen by this. It stands last, and only in a message that has an address for it.
_PIXEL = '{% if pixel_url %}<img src="{{ pixel_url }}" width="1" height="1" alt="" style="display:block">{% endif %}'

#: MJML's own reset, which mail programs need in the head only: written into every cell it would double the mail.
_RESET, _LEAVE = '<style type="text/css">\n#outlook', 'data-css-inline="ignore"'
_INLINER = CSSInliner(load_remote_stylesheets=False, keep_style_tags=True, remove_inlined_selectors=True)
_SANDBOXES = {"html": environment(autoescape=True), "text": environment(autoescape=False)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Brand:
    """`[brand]` of drip.toml. `name` falls back to the sender's; `logo` is an https address; `accent` is `#rrggbb`."""

    name: str = ""
    logo: str = ""
    accent: str = "#0F6B5C"
    address: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pressable:
    """A button, or an option with its letter: its text with words for Jinja, and its address or the word for it."""

    text: str
    url: str
    letter: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What a mail says, part by part, as text with words for Jinja. An empty text is a part that it has not."""

    brand: str
    progress: str
    title: str
    body: str
    button: Pressable | None
    ask: str
    choose: str
    options: tuple[Pressable, ...]
    why: str
    unsubscribe: Pressable
    address: str


def compile_template(plan: Plan, mail: Mail, variant: Variant, layout: str, brand: Brand | None = None) -> Template:
    """One variant of a tip in a layout (the text of an .mjml file), as Jinja source for `build_message`.

    Raises CourseError for a layout that cannot be read, with its line; ExpressionError or UserError, naming the step,
    for a placeholder or link that a mail cannot have; SettingsError for a brand that cannot be shown.
    """
    brand = brand or Brand()
    shelf = Shelf((layout, *_strings(plan, mail, variant, brand)))
    with _naming(mail.id):
        subject, preheader = shelf.hide(variant.texts.subject), shelf.hide(variant.texts.preheader)
        body = read_body(variant.texts.body, shelf)
        links = list(body.links)
        button = _button(variant.texts.button, links, shelf)
    words, of = words_for(plan.language), max(mail.of, mail.number, 1)
    parts = Parts(
        brand=brand.name or plan.sender.name,
        progress=words.progress.format(number=mail.number, of=of) if of > 1 else "",
        title="" if body.has_title else subject,
        body=to_text(body.nodes, shelf),
        button=button,
        ask=mail.question.ask if mail.question else "",
        choose=words.choose,
        options=_options(mail, shelf),
        why=words.why.format(course=plan.title, sender=plan.sender.name),
        unsubscribe=Pressable(text=words.unsubscribe, url=shelf.put("{{ unsubscribe_url }}")),
        address=", ".join(line.strip() for line in brand.address.strip().splitlines()),
    )
    body_word = shelf.put("")
    filled = fill_layout(
        plan.layout,
        layout,
        {
            **_shown(parts, shelf),
            **_palette(brand),
            **_script(plan.language),
            "subject": _word(subject, shelf),
            "preheader": _word(preheader or body.lead, shelf),
            "body": body_word,
            "percent": round(100 * mail.number / of),
        },
    )
    html = _to_html(plan.layout, layout, filled)
    for word, name in ((body_word, "body"), (parts.unsubscribe.url, "unsubscribe.url")):
        if word not in html:
            raise refuse(
                plan.layout, layout, 1, "the layout leaves something out", hint=f"it must use {{{{ {name} }}}}"
            )
    html = _INLINER.inline(html.replace(body_word, to_html(body.nodes, shelf))).replace(f" {_LEAVE}", "", 1)
    head, closing, tail = shelf.restore(html).rpartition("</body>")
    template = Template(
        revision=plan.revision,
        step=mail.id,
        language=plan.language,
        variant=variant.name,
        subject=shelf.restore(subject),
        html=head + _PIXEL + closing + tail,
        text=shelf.restore(_text(parts)),
        links=tuple(links),
    )
    _check(template)
    return template


def _strings(plan: Plan, mail: Mail, variant: Variant, brand: Brand) -> Iterator[str]:
    """Every text that goes into a template."""
    texts, question = variant.texts, mail.question
    yield from (texts.subject, texts.preheader, texts.body, plan.title, plan.sender.name)
    yield from (brand.name, brand.logo, brand.address)
    if texts.button:
        yield from (texts.button.text, texts.button.url)
    if question:
        yield question.ask
        yield from (option.text for option in question.options)


@contextmanager
def _naming(step: str) -> Iterator[None]:
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


def _button(button: Button | None, links: list[str], shelf: Shelf) -> Pressable | None:
    """The button, whose target becomes the last of the links."""
    if not button:
        return None
    text, address = shelf.hide(button.text), shelf.hide(button.url.strip())
    if is_untracked(address):
        return Pressable(text=text, url=untracked(address, shelf))
    links.append(link_target(address, shelf))
    return Pressable(text=text, url=link_word(len(links) - 1, shelf))


def _options(mail: Mail, shelf: Shelf) -> tuple[Pressable, ...]:
    options = mail.question.options if mail.question else ()
    if len(options) > len(ascii_uppercase):
        raise UserError(f'step "{mail.id}": a question with {len(options)} options; {len(ascii_uppercase)} is the most')
    return tuple(
        Pressable(letter=letter, text=option.text, url=shelf.put(f"{{{{ answer_{number} }}}}"))
        for number, (letter, option) in enumerate(zip(ascii_uppercase, options, strict=False))
    )


def _word(text: str, shelf: Shelf) -> str:
    """A word for a text that becomes HTML only after MJML, whose escaping of attributes is not to be trusted."""
    return shelf.put(shelf.restore(escape(text))) if text else ""


def _shown(parts: Parts, shelf: Shelf) -> dict[str, object]:
    """The parts for a layout: a word for every text."""

    def shown(pressable: Pressable) -> Pressable:
        return Pressable(letter=pressable.letter, text=_word(pressable.text, shelf), url=_word(pressable.url, shelf))

    return {
        "brand": _word(parts.brand, shelf),
        "progress": _word(parts.progress, shelf),
        "title": _word(parts.title, shelf),
        "button": parts.button and shown(parts.button),
        "ask": _word(parts.ask, shelf),
        "options": [shown(option) for option in parts.options],
        "why": _word(parts.why, shelf),
        "unsubscribe": Pressable(text=_word(parts.unsubscribe.text, shelf), url=parts.unsubscribe.url),
        "address": _word(parts.address, shelf),
    }


def _palette(brand: Brand) -> dict[str, str]:
    """The accent as a surface and as a text, for both colour schemes, each readable where it stands."""
    if brand.logo and not brand.logo.startswith("https://"):
        raise SettingsError(f'the logo "{brand.logo}" cannot be shown in a mail\n  it has an address with https://')
    accent = hex_colour(brand.accent)
    dark = readable(accent, *_DARK)
    return {
        "logo": escape(brand.logo),
        "accent": accent,
        "accent_text": text_on(accent),
        "link": readable(accent, *_LIGHT),
        "dark_accent": dark,
        "dark_accent_text": text_on(dark),
        "dark_link": dark,
    }


def _script(language: str) -> dict[str, str]:
    """Which way the mail is read; and its few fixed words, which may have to be in another language."""
    sides = {"ltr": ("left", "right"), "rtl": ("right", "left")}
    start, end = sides[direction(language)]
    words = words_for(language).language
    return {
        "language": language,
        "dir": direction(language),
        "start": start,
        "end": end,
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


def _text(parts: Parts) -> str:
    """The plain text part, in the order of the HTML. Its body ends with an empty line wherever it ends."""
    head = " · ".join(filter(None, (parts.brand, parts.progress)))
    out = [f"{head}\n\n", f"{parts.title}\n\n" if parts.title else "", parts.body]
    if parts.button:
        out.append(f"{parts.button.text}:\n{parts.button.url.removeprefix('mailto:')}\n\n")
    if parts.ask:
        out.append(f"* * *\n\n{parts.ask}\n\n{parts.choose}\n\n")
        out.extend(f"{option.letter}. {option.text}\n   {option.url}\n\n" for option in parts.options)
    # the signature's dashes: mail programs show what follows in a quieter tone and leave it out of replies
    out.append(f"-- \n{parts.why}\n{parts.unsubscribe.text}: {parts.unsubscribe.url}\n")
    if parts.address:
        out.append(f"{parts.address}\n")
    return "".join(out)


def _check(template: Template) -> None:
    """Whether what came out of all the tools is still Jinja that the sandbox can read."""
    for source, sandbox in ((template.subject, "text"), (template.text, "text"), (template.html, "html")):
        try:
            _SANDBOXES[sandbox].parse(source)
        except TemplateSyntaxError as error:
            raise ExpressionError(f'step "{template.step}": its conditions cross each other: {error.message}') from None
