"""A template in pieces is filled to the very text that Jinja alone would make of its source."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2 import TemplateError, TemplateSyntaxError
from markupsafe import Markup
from render_samples import NOW, QUESTION, compiled, learner_with, tip
from test_render_golden import ENGLISH, SWEDISH

from drip.course.attributes import Day
from drip.course.expressions import variables
from drip.people import Facts
from drip.plan.model import Button
from drip.render.dates import locale_of
from drip.render.links import in_url
from drip.render.message import Template
from drip.render.pieces import Pieces, pieces_of
from drip.render.template import sandbox

ODD = tip(
    """\
{% if learner.plan == "pro" and not clicked("welcome") %}Pro {{ learner.first_name | default("there") | title }}\
{% elif learner.team %}In {{ learner.team }}{% else %}Nobody's{% endif %} {{ '{' }}{% raw %}{{ raw }}{% endraw %}

{{ learner.last_name | default(learner.first_name | d("<b>&'")) }} {{ "yes" if learner.plan else "no" }}
{% if learner.team | length > 3 %}long {{ learner.team }}{% endif %} {{ 1 + 2 }} {{ enrolment.run }}
{{ course.title }} {{ score() | default(0) }} {{ learner.started_on | default("no day") }}
[a](https://a.example/{{ learner.team | default("t/å") }}?u={{ learner.ref }})
[m](mailto:x@y.example?subject={{ learner.first_name | default("n") }}) {{ learner.plan | default(none) }}
""",
    subject="{{ learner.first_name | default('Hi') }} {{ learner.team | default('') | upper }}",
    button=Button(text="Go, {{ learner.first_name | default('you') }}", url="https://a.example/?p={{ learner.plan }}"),
    question=QUESTION,
)
STRICT = tip("{{ learner.team }} {{ learner.plan }}", subject="{{ learner.first_name }}")
VALUES = st.one_of(
    st.none(), st.text(), st.sampled_from(["pro", "<script>", "{{ 7 * 7 }}", "&amp;", '"\'>', "å\u2028\r\n\0"]),
    st.integers(), st.floats(), st.booleans(), st.just(Markup("<i>")), st.just(Day("2026-03-02")),
)  # fmt: skip
#: An address of ours as the base may be written.
ADDRESS = "https://learn.acme.example/c/AbC-_9"


@lru_cache
def _template(number: int) -> Template:
    return compiled((ENGLISH, SWEDISH, ODD, STRICT)[number])


def _told(fill: Callable[[], str]) -> str:
    try:
        return fill()
    except (TemplateError, TypeError, ValueError, ArithmeticError) as error:
        return f"{type(error).__name__}: {error}"


@settings(deadline=None)
@given(
    number=st.integers(0, 3),
    language=st.sampled_from([None, "sv", "en-US"]),
    cards=st.sampled_from(["", "<p>card</p>"]),
    pixel=st.sampled_from(["", ADDRESS]),
    attributes=st.fixed_dictionaries(dict.fromkeys(("first_name", "last_name", "plan", "team", "started_on"), VALUES)),
)
def test_pieces_are_filled_as_jinja_fills_the_source(
    number: int, language: str | None, cards: str, pixel: str, attributes: dict[str, object]
) -> None:
    """For any values of a learner, in subject, text, HTML and links: the same text, or the same error."""
    template = _template(number)
    names = {
        **variables(
            learner=learner_with(**attributes),
            course={"id": "c", "title": "A & B", "language": template.language},
            run=1,
            facts=Facts(),
            now=NOW,
            skills={},
        ),
        **{f"{kind}_{n}": f"{ADDRESS}{n}" for kind in ("link", "answer") for n in range(9)},
        "unsubscribe_url": ADDRESS,
        "media_url": ADDRESS,
        "pixel_url": pixel,
        "cards": Markup(cards),
    }
    for source, html in ((template.subject, False), (template.text, False), (template.html, True)):
        env = sandbox(locale_of("en", language), html=html)
        jinja = env.from_string(source)
        assert _told(lambda: pieces_of(source, env).fill(names)) == _told(lambda: jinja.render(names))  # noqa: B023
    env = sandbox(None, html=False).overlay(finalize=in_url)
    for link in template.links:
        jinja = env.from_string(link)
        assert _told(lambda: pieces_of(link, env).fill(names)) == _told(lambda: jinja.render(names))  # noqa: B023


def test_a_name_that_nobody_gave_is_undefined() -> None:
    """A stored template that asks for more than a message has is an error of Jinja's, with Jinja's words."""
    env = sandbox(None, html=True)
    for source in ("{{ link_0 }}", "{{ learner.x }}", "{% if sent('x') %}{% endif %}"):
        assert _told(lambda: pieces_of(source, env).fill({})) == _told(lambda: env.from_string(source).render({}))  # noqa: B023


@pytest.mark.parametrize("source", ["{% if x %}", "{{ learner.x | nothing }}", "{{ }}", "{% endif %}"])
def test_a_source_that_jinja_cannot_read_is_refused_at_once(source: str) -> None:
    """It is found when a template is made ready, before anybody's mail."""
    with pytest.raises(TemplateSyntaxError):
        pieces_of(source, sandbox(None, html=True))


def test_pieces_can_be_filled_again_and_again() -> None:
    """One learner's values never stay for the next."""
    pieces: Pieces = pieces_of("a {{ one }} b {% if one %}{{ two }}{% endif %}", sandbox(None, html=False))
    first = pieces.fill({"one": "1", "two": "2"})
    assert (first, pieces.fill({"one": "", "two": "3"}), pieces.fill({"one": "1", "two": "2"})) == (
        "a 1 b 2",
        "a  b ",
        first,
    )
