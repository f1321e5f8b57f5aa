"""A template: what is made once per (revision, step, language, variant), and kept ready to be filled by a worker."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import TYPE_CHECKING

from drip.course.links import says_certificate
from drip.course.scope import Sandbox, environment
from drip.render.dates import printed
from drip.render.links import in_url
from drip.render.pieces import Pieces, pieces_of

if TYPE_CHECKING:
    from babel import Locale

_ANSWER = re.compile(r"\{\{ (answer_\d+) \}\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """What `render/layout.py` makes once per (revision, step, language, variant), as Jinja source, and a worker fills.

    `links` are the targets of the tracked links, in the order of their numbers (from 0; the button's is the last):
    Jinja source whose scheme and host are literal. `subject` and `text` are plain text, `html` is HTML. Besides
    `expressions.variables()` they use `link_0`…, `answer_0`…, `unsubscribe_url`, `course_url`, `view_url`, `pixel_url`,
    `media_url`, and `cards`, where questions that come back stand (a template each, made by `render/cards.py`, with
    `answer_0`… of its own).
    """

    revision: str
    step: str
    language: str
    variant: str
    subject: str
    html: str
    text: str
    links: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Compiled:
    """A template ready to be filled; `answers` is how many options or ratings it links to; `certifies` whether it says
    where the certificate is.
    """

    subject: Pieces
    text: Pieces
    html: Pieces
    answers: int
    certifies: bool


@lru_cache(maxsize=1024)
def compiled_for(template: Template, locale: Locale) -> Compiled:
    """The template, ready for learners whose dates are written that way. Raises Jinja's TemplateError."""
    sources = (template.subject, template.text, template.html)
    dated = locale if any("learner." in source for source in sources) else None  # nobody else has dates
    as_text, as_html = sandbox(dated, html=False), sandbox(dated, html=True)
    return Compiled(
        subject=pieces_of(template.subject, as_text),
        text=pieces_of(template.text, as_text),
        html=pieces_of(template.html, as_html),
        answers=len(set(_ANSWER.findall(template.html))),
        certifies=any(map(says_certificate, sources)),
    )


@lru_cache(maxsize=64)
def sandbox(locale: Locale | None, *, html: bool) -> Sandbox:
    """Where templates are filled: dates come out as the learner's language and region write them, if any may stand in
    them.
    """
    env = environment(autoescape=html)
    env.filters["in_url"] = in_url
    if locale is not None:
        env.finalize = partial(printed, locale=locale)
    return env
